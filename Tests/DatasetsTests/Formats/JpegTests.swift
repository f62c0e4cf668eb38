import DitherDatasets
import Testing

/// JPEG as pictures come: baseline, progressive, gray, color; and what is wrong with others.
@Suite("JPEG")
struct JpegTests {
  private static func isNear(_ a: UInt8, _ b: Int) -> Bool { abs(Int(a) - b) <= 3 }

  @Test("pixels are those that were written, to the nearest few")
  func pixels() throws {
    let gray = try PictureFile(Pictures.grayJpeg, channels: 1, at: "gray.jpg")
    #expect(gray.width == 8 && gray.height == 8 && gray.planes.count == 64)
    for at in gray.planes.indices { #expect(Self.isNear(gray.planes[at], at % 8 < 4 ? 40 : 200)) }
    for file in [Pictures.colorJpeg, Pictures.progressiveJpeg] {
      let color = try PictureFile(file, channels: 3, at: "color.jpg")
      #expect(color.width == 16 && color.height == 8 && color.planes.count == 384)
      for at in 0..<128 {
        let expected = at % 16 < 8 ? [220, 30, 10] : [20, 30, 240]
        for channel in 0..<3 { #expect(Self.isNear(color.planes[channel * 128 + at], expected[channel])) }
      }
    }
  }

  @Test("colors become gray by their luma, and gray three equal planes")
  func channels() throws {
    let gray = try PictureFile(Pictures.colorJpeg, channels: 1, at: "color.jpg")
    // 0.299 r + 0.587 g + 0.114 b, ITU-R BT.601.
    #expect(Self.isNear(gray.planes[0], 85) && Self.isNear(gray.planes[15], 51))
    let color = try PictureFile(Pictures.grayJpeg, channels: 3, at: "gray.jpg")
    #expect(color.planes[..<64] == color.planes[64..<128] && color.planes[64..<128] == color.planes[128...])
  }

  @Test("a file that is cut, is no picture, has inks or claims a huge size is refused")
  func refused() {
    let whole = Pictures.colorJpeg
    for count in [4, 20, 150, whole.count - 20, whole.count - 6] {
      #expect(throws: DatasetError.self) { try PictureFile(Array(whole[..<count]), channels: 3, at: "cut.jpg") }
    }
    expectFault(.truncated, says: "whole JPEG") {
      _ = try PictureFile(Array(whole[..<(whole.count - 6)]), channels: 3, at: "cut.jpg")
    }
    expectFault(.malformed, says: "a JPEG picture") {
      _ = try PictureFile([0xFF, 0xD8, 0xFF, 0xE0, 0, 1], channels: 3, at: "x.jpg")
    }
    #expect(throws: DatasetError.self) { try PictureFile(Pictures.inkJpeg, channels: 3, at: "ink.jpg") }
    var huge = Pictures.grayJpeg
    if let frame = (0..<huge.count - 9).first(where: { huge[$0] == 0xFF && huge[$0 + 1] == 0xC0 }) {
      for at in [5, 7] { (huge[frame + at], huge[frame + at + 1]) = (0xFF, 0xDC) }
    }
    expectFault(.tooLarge, says: "65500 by 65500") { _ = try PictureFile(huge, channels: 1, at: "huge.jpg") }
  }
}
