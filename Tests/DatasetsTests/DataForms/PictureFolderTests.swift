import DitherBasics
import DitherDatasets
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Folders of pictures of one's own.
@Suite("Folders of pictures")
struct PictureFolderTests {
  /// Ten pictures of each class, each of one gray: its class and number can be read off.
  private static func folder(_ classes: [String] = ["cat", "dog"], count: Int = 10) throws -> Folder {
    let folder = try Folder()
    for (label, name) in classes.enumerated() {
      for number in 0..<count {
        try folder.write(Pictures.gray(UInt8(label * 100 + number)), "p/\(name)/\(number).png")
      }
    }
    return folder
  }

  @Test("a folder for each class: a fifth of each is the test part, the rest is trained on")
  func classes() throws {
    let folder = try Self.folder(), (train, test) = (try folder.load("p", .train), try folder.load("p"))
    #expect(train.targetNames == ["cat", "dog"] && train.inputs.shape == [16, 1, 4, 4] && test.count == 4)
    var seen: Set<Int> = []
    for part in [train, test] {
      for (row, label) in try part.labels.enumerated() {
        let value = Int((part.inputs.row(row).first ?? 0) * 255 + 0.5)
        #expect(value / 100 == label && seen.insert(value).inserted)
      }
    }
    let (own, tested) = (try train.labels, try test.labels)
    #expect(seen.count == 20 && own.count { $0 == 1 } == 8 && tested.count { $0 == 1 } == 2)
    // The classes are mixed, so that a part has all of them.
    #expect(own != own.sorted())
    let again = try folder.load("p", .train)
    #expect(again.inputs == train.inputs && again.origin == train.origin)
  }

  @Test("train and test folders are the parts")
  func parts() throws {
    let folder = try Folder()
    for (part, value) in [("train", UInt8(1)), ("test", 2)] {
      for name in ["a", "b"] { try folder.write(Pictures.gray(value), "p/\(part)/\(name)/x.png") }
    }
    #expect(try folder.load("p", .train).inputs.elements.allSatisfy { $0 == 1 / 255 })
    #expect(try folder.load("p").inputs.elements.allSatisfy { $0 == 2 / 255 })
    try folder.write(Pictures.gray(3), "p/test/c/x.png")
    expectFault(.malformed, says: "a class of the training part") { _ = try folder.load("p") }
  }

  @Test("colors where a picture has some, and as asked; JPEG beside PNG, by its content")
  func channels() throws {
    let folder = try Folder()
    for number in 0..<2 {
      try folder.write(Pictures.gray(9, width: 16, height: 8), "p/a/\(number).png")
      try folder.write(Pictures.colorJpeg, "p/b/\(number).JPG")
    }
    try folder.write(Pictures.progressiveJpeg, "p/b/other.png")
    #expect(try folder.load("p").inputs.shape == [2, 3, 8, 16])
    #expect(try folder.load("p?channels=1", .train).inputs.shape == [3, 1, 8, 16])
  }

  @Test("pictures of two sizes are refused with both and the remedy, which works")
  func sizes() throws {
    let folder = try Self.folder()
    try folder.write(Pictures.gray(7, width: 9, height: 6), "p/dog/wide.png")
    do {
      _ = try folder.load("p")
      Issue.record("two sizes were read")
    } catch {
      for words in ["wide.png", "4 x 4", "9 x 6", "?size=4"] { #expect("\(error)".contains(words), "\(error)") }
    }
    #expect(try folder.load("p?size=4", .train).inputs.shape.row == [1, 4, 4])
    #expect(try folder.load("p?size=6x3", .train).inputs.shape.row == [1, 3, 6])
    // One gray stays that gray.
    let values = try folder.load("p?size=5x2", .train).inputs
    for row in 0..<values.rowCount { #expect(Set(values.row(row)).count == 1) }
  }

  /// Weights of a triangle filter as wide as two old pixels: 3/7, 3/7, 1/7 from the edge on.
  @Test("a picture is made smaller by a triangle filter, its middle kept where the sides' ratio changes")
  func resized() throws {
    let folder = try Folder(), ramp = Written.png(4, 2, .gray, lines: [[0, 70, 140, 210], [0, 70, 140, 210]])
    for name in ["a/1", "a/2", "b/1", "b/2"] { try folder.write(ramp, "p/\(name).png") }
    let small = try folder.load("p?size=2x1").inputs.row(0).map { ($0 * 255).rounded() }
    #expect(small == [50, 160])
    // The middle two columns.
    let square = try folder.load("p?size=2").inputs.row(0).map { ($0 * 255).rounded() }
    #expect(square == [70, 140, 70, 140])
  }

  @Test("a share of the middle is kept, and axes may have the channels last")
  func cropped() throws {
    let folder = try Folder(), ramp = Written.png(4, 2, .gray, lines: [[0, 70, 140, 210], [0, 70, 140, 210]])
    for name in ["a/1", "a/2", "b/1", "b/2"] { try folder.write(ramp, "p/\(name).png") }
    // Half of the middle 2 x 2: its middle alone, between the two columns.
    let middle = try folder.load("p?size=1&crop=0.5").inputs.row(0).map { ($0 * 255).rounded() }
    #expect(middle == [105])
    #expect(try folder.load("p?size=2&crop=1").inputs == folder.load("p?size=2").inputs)
    let planes = try folder.load("p?channels=3"), pixels = try folder.load("p?channels=3&axes=hwc")
    #expect(planes.inputs.shape.row == [3, 2, 4] && pixels.inputs.shape.row == [2, 4, 3])
    for (y, x, c) in [(0, 0, 0), (1, 2, 1), (0, 3, 2)] {
      #expect(planes.inputs.elements[c * 8 + y * 4 + x] == pixels.inputs.elements[(y * 4 + x) * 3 + c])
    }
    for option in ["crop=0.5", "size=2&crop=0", "size=2&crop=1.5", "axes=whc"] {
      #expect(throws: (any Error).self) { try folder.load("p?\(option)") }
    }
  }

  @Test("the origin has the digest of what was read, as sha256sum prints it")
  func origin() throws {
    let folder = try Self.folder(["a", "b"], count: 2), origin = try #require(try folder.load("p").origin)
    let names = ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
    let lines = try names.map { name in
      "\(Sha256.hash([UInt8](try Data(contentsOf: URL(filePath: folder.file("p/\(name)"))))).hex)  \(name)\n"
    }
    #expect(origin.path == folder.file("p") && origin.files == 4)
    #expect(origin.sha256 == Sha256.hash(Array(lines.joined().utf8)).hex)
    try folder.write(Pictures.gray(77), "p/a/0.png")
    #expect(try folder.load("p").origin?.sha256 != origin.sha256)
  }

  @Test("what is no such folder is refused, with its place")
  func refused() throws {
    func refuse(_ code: DatasetFault, _ words: String, _ change: (Folder) throws -> Void) throws {
      let folder = try Self.folder()
      try change(folder)
      expectFault(code, says: words) { for split in Split.allCases { _ = try folder.load("p", split) } }
    }
    try refuse(.unsupported, "notes.txt") { try $0.write([1], "p/cat/notes.txt") }
    try refuse(.malformed, "folders named as the classes") { try $0.write([1], "p/notes.txt") }
    try refuse(.malformed, "a PNG picture") { try $0.write([1, 2, 3], "p/cat/x.png") }
    try refuse(.truncated, "a whole PNG picture") { try $0.write(Array(Pictures.gray(1).prefix(50)), "p/cat/0.png") }
    try refuse(.malformed, "at least two pictures") { try $0.write(Pictures.gray(1), "p/ant/x.png") }
    try refuse(.malformed, "an empty folder") {
      try FileManager.default.createDirectory(atPath: $0.file("p/ant"), withIntermediateDirectories: true)
    }
    try refuse(.malformed, "train and test alone") { try $0.write(Pictures.gray(1), "p/train/a/x.png") }
    try refuse(.unsupported, "a link that stays") {
      try $0.write(Pictures.gray(1), "secret.png")
      try FileManager.default.createSymbolicLink(
        atPath: $0.file("p/cat/link.png"), withDestinationPath: $0.file("secret.png"))
    }
    let inside = try Self.folder()
    try FileManager.default.createSymbolicLink(
      atPath: inside.file("p/cat/link.png"), withDestinationPath: inside.file("p/cat/0.png"))
    #expect(try inside.load("p", .train).count == 17 - 1)
    let flat = try Folder(["p/1.png": Pictures.gray(1)])
    expectFault(.malformed, says: "folders named as the classes") { _ = try flat.load("p") }
    let part = try Folder(["p/train/a/1.png": Pictures.gray(1), "p/train/b/1.png": Pictures.gray(1)])
    expectFault(.absent, says: "a folder 'test'") { _ = try part.load("p") }
    for (option, words) in [
      ("size=0", "WIDTHxHEIGHT"), ("size=1x2x3", "WIDTHxHEIGHT"), ("channels=2", "1 or 3"),
      ("sise=3", "did you mean 'size'"),
    ] {
      do {
        _ = try flat.load("p?\(option)")
        Issue.record("\(option) was taken")
      } catch { #expect("\(error)".contains(words), "\(error)") }
    }
  }
}
