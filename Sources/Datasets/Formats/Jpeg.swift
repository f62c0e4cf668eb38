import CJpeg
import DitherBasics

/// JPEG pictures, by libjpeg-turbo: baseline and progressive, gray and color.
enum Jpeg {
  /// Whether the bytes begin as a JPEG file does.
  static func isJpeg(_ file: [UInt8]) -> Bool { file.starts(with: [0xFF, 0xD8, 0xFF]) }

  /// The size and the colors that its head says.
  static func head(_ file: [UInt8], at place: String) throws(DatasetError) -> PictureHead {
    let size = try size(file, place)
    return PictureHead(width: Int(size.width), height: Int(size.height), isGray: size.components == 1)
  }

  /// - Parameter channels: 1 or 3; colors become gray by their luma, and gray colors.
  /// - Returns: row by row, the channels of a pixel side by side.
  static func pixels(_ file: [UInt8], channels: Int, at place: String) throws(DatasetError) -> [UInt8] {
    let size = try size(file, place)
    try PictureHead(width: Int(size.width), height: Int(size.height), isGray: true).check(at: place)
    var pixels = [UInt8](repeating: 0, count: Int(size.width) * Int(size.height) * channels)
    var message = [CChar](repeating: 0, count: Int(DITHER_JPEG_MESSAGE))
    guard dither_jpeg_decode(file, file.count, size, Int32(channels), &pixels, &message) == 0 else {
      throw DatasetError(.truncated, at: place, expected: "a whole JPEG picture", got: words(message))
    }
    return pixels
  }

  private static func size(_ file: [UInt8], _ place: String) throws(DatasetError) -> dither_jpeg_size {
    var size = dither_jpeg_size(), message = [CChar](repeating: 0, count: Int(DITHER_JPEG_MESSAGE))
    guard dither_jpeg_head(file, file.count, &size, &message) == 0 else {
      throw DatasetError(.malformed, at: place, expected: "a JPEG picture", got: words(message))
    }
    return size
  }

  private static func words(_ message: [CChar]) -> String {
    String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
