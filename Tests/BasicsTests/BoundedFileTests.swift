import DitherBasics
import DitherTestSupport
import Foundation
import Testing

@Suite("Reading others' files") struct BoundedFileTests {
  @Test("regular files of the bound and below are read, and their ends") func regular() throws {
    let scratch = try Scratch(), path = scratch.file("a")
    let bytes = (0..<1000).map { UInt8($0 % 251) }
    try Data(bytes).write(to: URL(filePath: path))
    #expect(BoundedFile.read(path, most: 1000) == bytes && BoundedFile.read(path, most: 999) == nil)
    #expect(BoundedFile.tail(path, 10) == Array(bytes.suffix(10)) && BoundedFile.tail(path, 5000) == bytes)
    try Data().write(to: URL(filePath: path))
    #expect(BoundedFile.read(path, most: 0) == [] && BoundedFile.tail(path, 10) == [])
  }

  @Test("links, folders, pipes and devices are no files, and keep nobody waiting") func others() throws {
    let scratch = try Scratch(), link = scratch.file("link"), pipe = scratch.file("pipe")
    try Data([1]).write(to: URL(filePath: scratch.file("a")))
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: scratch.file("a"))
    #expect(mkfifo(pipe, 0o600) == 0)
    for path in [link, pipe, scratch.path, "/dev/zero", scratch.file("none")] {
      #expect(BoundedFile.read(path, most: 10) == nil && BoundedFile.tail(path, 10) == nil, "\(path)")
    }
  }

  @Test("a file for its owner alone is so from its first byte") func secret() throws {
    let scratch = try Scratch(), path = scratch.file("a")
    try Data([1]).write(to: URL(filePath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    try WholeFile.write([2], to: path, for: .owner)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600 && BoundedFile.read(path, most: 1) == [2])
  }
}
