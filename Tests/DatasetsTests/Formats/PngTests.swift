import DitherBasics
import DitherDatasets
import DitherTensor
import Testing

@Suite("PNG pictures")
struct PngTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let file: [UInt8]
    let gray: [UInt8]
    let color: [UInt8]
    init(_ name: String, _ file: [UInt8], gray: [UInt8], color: [UInt8]) {
      (testDescription, self.file, self.gray, self.color) = (name, file, gray, color)
    }
  }

  /// Two pixels each.
  @Test(
    "every kind, as gray and as planes of color",
    arguments: [
      Row(
        "gray", Written.png(2, 1, .gray, lines: [[0, 128]]), gray: [0, 128], color: [0, 128, 0, 128, 0, 128]),
      Row(
        "gray, 1 bit", Written.png(2, 1, .gray, depth: 1, lines: [[0x40]]), gray: [0, 255],
        color: [0, 255, 0, 255, 0, 255]),
      Row(
        "gray, 16 bits", Written.png(2, 1, .gray, depth: 16, lines: [[0x40, 0x40, 0x80, 0x80]]), gray: [64, 128],
        color: [64, 128, 64, 128, 64, 128]),
      Row(
        "red, green, blue", Written.png(1, 2, .rgb, lines: [[50, 100, 200], [9, 9, 9]]), gray: [105, 9],
        color: [50, 9, 100, 9, 200, 9]),
      Row(
        "with alpha", Written.png(2, 1, .rgba, lines: [[9, 9, 9, 255, 250, 250, 250, 0]]), gray: [9, 0],
        color: [9, 0, 9, 0, 9, 0]),
      Row(
        "gray with alpha", Written.png(2, 1, .grayAlpha, lines: [[7, 255, 250, 0]]), gray: [7, 0],
        color: [7, 0, 7, 0, 7, 0]),
      Row(
        "palette", Written.png(2, 1, .palette, palette: [5, 5, 5, 90, 90, 90], lines: [[1, 0]]), gray: [90, 5],
        color: [90, 5, 90, 5, 90, 5]),
    ])
  func reads(_ row: Row) throws {
    let gray = try Png(row.file, channels: 1, at: "x"), color = try Png(row.file, channels: 3, at: "x")
    #expect(gray.planes == row.gray)
    #expect(gray.channels == 1 && gray.width * gray.height == 2)
    #expect(color.planes == row.color && color.channels == 3)
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
      try Png(Written.png(width, height, .gray, lines: [[0]]), channels: 1, at: "x")
    } throws: {
      // libpng itself refuses the largest.
      [.tooLarge, .malformed].contains(($0 as? DatasetError)?.code)
    }
  }

  @Test("refused")
  func refuses() {
    expectFault(.malformed) { _ = try Png([], channels: 1, at: "x") }
    expectFault(.malformed) { _ = try Png(Array("GIF89a..........".utf8), channels: 1, at: "x") }
    expectFault(.malformed) { _ = try Png(Written.png(0, 1, .gray, lines: [[]]), channels: 1, at: "x") }
    expectFault(.truncated) { _ = try Png(Written.png(2, 2, .gray, lines: [[0, 0]]), channels: 1, at: "x") }
    var changed = Self.whole
    changed[60] ^= 1
    expectFault(.truncated) { _ = try Png(changed, channels: 3, at: "x") }
  }
}
