import DitherBasics
import DitherDatasets
import DitherTensor
import Testing

@Suite("PNG pictures")
struct PngTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let file: [UInt8]
    let grey: [UInt8]
    let colour: [UInt8]
    init(_ name: String, _ file: [UInt8], grey: [UInt8], colour: [UInt8]) {
      (testDescription, self.file, self.grey, self.colour) = (name, file, grey, colour)
    }
  }

  /// Two pixels each.
  @Test(
    "every kind, as grey and as planes of colour",
    arguments: [
      Row(
        "grey", Written.png(2, 1, .grey, lines: [[0, 128]]), grey: [0, 128], colour: [0, 128, 0, 128, 0, 128]),
      Row(
        "grey, 1 bit", Written.png(2, 1, .grey, depth: 1, lines: [[0x40]]), grey: [0, 255],
        colour: [0, 255, 0, 255, 0, 255]),
      Row(
        "grey, 16 bits", Written.png(2, 1, .grey, depth: 16, lines: [[0x40, 0x40, 0x80, 0x80]]), grey: [64, 128],
        colour: [64, 128, 64, 128, 64, 128]),
      Row(
        "red, green, blue", Written.png(1, 2, .rgb, lines: [[50, 100, 200], [9, 9, 9]]), grey: [105, 9],
        colour: [50, 9, 100, 9, 200, 9]),
      Row(
        "with alpha", Written.png(2, 1, .rgba, lines: [[9, 9, 9, 255, 250, 250, 250, 0]]), grey: [9, 0],
        colour: [9, 0, 9, 0, 9, 0]),
      Row(
        "grey with alpha", Written.png(2, 1, .greyAlpha, lines: [[7, 255, 250, 0]]), grey: [7, 0],
        colour: [7, 0, 7, 0, 7, 0]),
      Row(
        "palette", Written.png(2, 1, .palette, palette: [5, 5, 5, 90, 90, 90], lines: [[1, 0]]), grey: [90, 5],
        colour: [90, 5, 90, 5, 90, 5]),
    ])
  func reads(_ row: Row) throws {
    let grey = try Png(row.file, channels: 1, at: "x"), colour = try Png(row.file, channels: 3, at: "x")
    #expect(grey.planes == row.grey)
    #expect(grey.channels == 1 && grey.width * grey.height == 2)
    #expect(colour.planes == row.colour && colour.channels == 3)
  }

  static let whole = Written.png(16, 16, .rgb, lines: (0..<16).map { Written.noise(48, seed: $0) })

  @Test("a picture that is cut anywhere is refused")
  func truncated() {
    for count in 0..<Self.whole.count - 16 {
      #expect(throws: DatasetError.self, "\(count) bytes") {
        try Png(Array(Self.whole[..<count]), channels: 3, at: "x")
      }
    }
  }

  @Test(
    "few bytes that claim very many pixels",
    arguments: [(1 << 16, 1 << 16), (0x7FFF_FFFF, 0x7FFF_FFFF), (0x7FFF_FFFF, 1), (1, 70_000), (8193, 8192)])
  func bombs(_ width: Int, _ height: Int) {
    #expect {
      try Png(Written.png(width, height, .grey, lines: [[0]]), channels: 1, at: "x")
    } throws: {
      // libpng itself refuses the largest.
      [.tooLarge, .malformed].contains(($0 as? DatasetError)?.code)
    }
  }

  @Test("refused")
  func refuses() {
    expectFault(.malformed) { _ = try Png([], channels: 1, at: "x") }
    expectFault(.malformed) { _ = try Png(Array("GIF89a..........".utf8), channels: 1, at: "x") }
    expectFault(.malformed) { _ = try Png(Written.png(0, 1, .grey, lines: [[]]), channels: 1, at: "x") }
    expectFault(.truncated) { _ = try Png(Written.png(2, 2, .grey, lines: [[0, 0]]), channels: 1, at: "x") }
    var changed = Self.whole
    changed[60] ^= 1
    expectFault(.truncated) { _ = try Png(changed, channels: 3, at: "x") }
  }
}
