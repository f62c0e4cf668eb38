import DitherBasics
import DitherTestSupport
import Foundation
import Testing

@Suite("Files that are whole or not there")
struct WholeFileTests {
  private func content(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map { [UInt8]($0) } }

  @Test("the last of those who write stays, the first of those who make it")
  func writes() throws {
    let scratch = try Scratch(), path = scratch.file("a")
    #expect(try WholeFile.create([1], at: path))
    let again = try WholeFile.create([2], at: path)
    #expect(!again && content(path) == [1])
    try WholeFile.write([3, 4], to: path)
    #expect(content(path) == [3, 4])
    try WholeFile.write([], to: path)
    #expect(content(path) == [] && scratch.files == ["a"])
    // A key is nobody else's from its first byte on.
    try WholeFile.write([5], to: path, for: .owner)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test("many at once: every look sees one of the whole files, and one of the makers has made it")
  func race() async throws {
    let scratch = try Scratch(), path = scratch.file("a"), size = 100_000
    let made = try await withThrowingTaskGroup(of: Bool.self) { group in
      for writer in 0..<8 {
        group.addTask { try WholeFile.create([UInt8](repeating: UInt8(writer), count: size), at: path) }
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(made == 1)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<8 {
        group.addTask { try WholeFile.write([UInt8](repeating: UInt8(writer), count: size), to: path) }
        group.addTask {
          let seen = FileManager.default.contents(atPath: path) ?? Data()
          #expect(seen.count == size && Set(seen).count == 1)
        }
      }
      try await group.waitForAll()
    }
    #expect(scratch.files == ["a"])
  }

  @Test("what a killed process left goes when it is old, and nothing else does")
  func leftovers() throws {
    let scratch = try Scratch()
    for (name, age) in [("a.x1.part", 4000.0), ("b.x2.part", 10), ("c", 4000)] {
      try Data([1]).write(to: URL(filePath: scratch.file(name)))
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: scratch.file(name))
    }
    WholeFile.removeLeftovers(in: scratch.path)
    #expect(scratch.files == ["b.x2.part", "c"])
  }

  @Test("a place that cannot be written to is named")
  func refused() {
    #expect { try WholeFile.write([1], to: "/no/such/folder/a") } throws: {
      ($0 as? FileError)?.code == .unwritable && "\($0)".contains("/no/such/folder/a")
    }
    #expect(throws: FileError.self) { try WholeFile.create([1], at: "/no/such/folder/a") }
  }
}
