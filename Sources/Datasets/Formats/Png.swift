import CPng
import DitherBasics

/// Portable Network Graphics, by libpng.
public struct Png: Sendable, Equatable {
  /// Pixels of a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// 1 (gray) or 3 (red, green, blue).
  public let channels: Int
  /// Planes, one channel after the other: [channels, height, width].
  public let planes: [UInt8]

  /// - Parameter channels: 1 or 3; colors become gray, and gray colors, as libpng weighs them. Transparent pixels are
  ///   laid on black.
  public init(_ file: [UInt8], channels: Int, at place: String) throws(DatasetError) {
    precondition(channels == 1 || channels == 3, "gray or color")
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    // libpng reads the bytes in both of its calls.
    let read = file.withUnsafeBytes { bytes in
      Result { () throws(DatasetError) in try Self.pixels(bytes, &image, channels, place) }
    }
    let (pixels, width, height) = try read.get()
    self.width = width
    self.height = height
    self.channels = channels
    planes = channels == 1 ? pixels : Self.planes(of: pixels, channels: channels)
  }

  /// Source: W3C PNG, 5.2.
  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Channels one after the other, of channels side by side.
  static func planes(of pixels: [UInt8], channels: Int) -> [UInt8] {
    (0..<channels).flatMap { c in stride(from: c, to: pixels.count, by: channels).map { pixels[$0] } }
  }

  /// The size and the colors that its head says.
  static func head(_ file: [UInt8], at place: String) throws(DatasetError) -> PictureHead {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    let read = file.withUnsafeBytes { bytes in
      Result { () throws(DatasetError) in try begin(bytes, &image, place) }
    }
    return try read.get()
  }

  private static func begin(
    _ file: UnsafeRawBufferPointer, _ image: inout png_image, _ place: String
  ) throws(DatasetError) -> PictureHead {
    guard png_image_begin_read_from_memory(&image, file.baseAddress, file.count) != 0 else {
      let got = file.starts(with: signature) ? message(image) : "a file of another kind, neither PNG nor JPEG"
      throw DatasetError(.malformed, at: place, expected: "a PNG picture", got: got)
    }
    return PictureHead(
      width: Int(image.width), height: Int(image.height),
      isGray: image.format & UInt32(PNG_FORMAT_FLAG_COLOR) == 0,
      isOpaque: image.format & UInt32(PNG_FORMAT_FLAG_ALPHA) == 0)
  }

  private static func pixels(
    _ file: UnsafeRawBufferPointer, _ image: inout png_image, _ channels: Int, _ place: String
  ) throws(DatasetError) -> (pixels: [UInt8], width: Int, height: Int) {
    let head = try begin(file, &image, place), width = head.width, height = head.height
    try head.check(at: place)
    // Without a word about gamma, 16 bits are read as 8 are: not as linear light.
    image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
    image.format = channels == 1 ? 0 : UInt32(PNG_FORMAT_FLAG_COLOR)
    var pixels = [UInt8](repeating: 0, count: width * height * channels)
    var black = png_color()
    guard png_image_finish_read(&image, &black, &pixels, Int32(width * channels), nil) != 0 else {
      throw DatasetError(.truncated, at: place, expected: "a whole PNG picture", got: Self.message(image))
    }
    return (pixels, width, height)
  }

  private static func message(_ image: png_image) -> String {
    withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
