import DitherBasics

/// A picture's size, before it is decoded.
struct PictureHead: Equatable {
  var width: Int
  var height: Int
  /// Whether the file has no colors.
  var isGray: Bool
  /// Whether no pixel can be transparent.
  var isOpaque = true

  /// Larger pictures are no model's input, and a small file can hold a very large picture.
  private static let most = 1 << 26

  /// - Throws: `tooLarge`, before anything is decoded.
  func check(at place: String) throws(DatasetError) {
    guard width > 0, height > 0, width <= 1 << 16, height <= 1 << 16, width * height <= Self.most else {
      throw DatasetError(.tooLarge, at: place, expected: "at most \(Self.most) pixels", got: "\(width) by \(height)")
    }
  }
}

/// A picture of a kind that its first bytes tell: PNG or JPEG.
public struct PictureFile: Sendable, Equatable {
  /// Endings of names, in lower case.
  public static let endings: Set = ["png", "jpg", "jpeg"]
  /// Pixels of a row.
  public private(set) var width: Int
  /// Rows.
  public private(set) var height: Int
  /// 1 (gray) or 3 (red, green, blue).
  public let channels: Int
  /// Planes, one channel after the other: [channels, height, width].
  public private(set) var planes: [UInt8]

  /// The file has colors, which are not in the planes: gray was asked for.
  public let lostColors: Bool
  /// The file says how transparent its pixels are, which was laid on black.
  public let lostTransparency: Bool

  /// - Parameter channels: 1 or 3; colors become gray, and gray colors.
  public init(_ file: [UInt8], channels: Int, at place: String) throws(DatasetError) {
    let said = try Self.head(file, at: place)
    lostColors = channels == 1 && !said.isGray
    lostTransparency = !said.isOpaque
    guard Jpeg.isJpeg(file) else {
      let png = try Png(file, channels: channels, at: place)
      (width, height, self.channels, planes) = (png.width, png.height, channels, png.planes)
      return
    }
    let head = try Jpeg.head(file, at: place), pixels = try Jpeg.pixels(file, channels: channels, at: place)
    (width, height, self.channels) = (head.width, head.height, channels)
    planes = channels == 1 ? pixels : Png.planes(of: pixels, channels: channels)
  }

  /// The size and the colors that the head of a file says.
  static func head(_ file: [UInt8], at place: String) throws(DatasetError) -> PictureHead {
    let head = Jpeg.isJpeg(file) ? try Jpeg.head(file, at: place) : try Png.head(file, at: place)
    try head.check(at: place)
    return head
  }

  /// The largest part in the middle that has the new sides' ratio, brought to them by a triangle filter as wide as a
  /// new pixel: no finer detail is left that would alias. Source: as Pillow's `BILINEAR`.
  /// - Parameter share: of that part's sides, from above 0 to 1: its middle alone is kept, as 0.875 for 224 of 256.
  public func resized(width newWidth: Int, height newHeight: Int, keeping share: Double = 1) -> PictureFile {
    guard (width, height) != (newWidth, newHeight) || share < 1 else { return self }
    let scale = share * min(Double(width) / Double(newWidth), Double(height) / Double(newHeight))
    let columns = Self.taps(newWidth, of: width, scale: scale), rows = Self.taps(newHeight, of: height, scale: scale)
    var result = self
    (result.width, result.height) = (newWidth, newHeight)
    result.planes = (0..<channels).flatMap { channel in
      let plane = planes[channel * width * height..<(channel + 1) * width * height].map(Float.init)
      var narrow = [Float](repeating: 0, count: height * newWidth)
      for y in 0..<height {
        for (x, tap) in columns.enumerated() {
          narrow[y * newWidth + x] = tap.weights.enumerated().reduce(0) {
            $0 + $1.1 * plane[y * width + tap.first + $1.0]
          }
        }
      }
      return (0..<newHeight).flatMap { y in
        (0..<newWidth).map { x in
          let tap = rows[y]
          let sum = tap.weights.enumerated().reduce(Float(0)) {
            $0 + $1.element * narrow[(tap.first + $1.offset) * newWidth + x]
          }
          return UInt8(min(max(sum.rounded(), 0), 255))
        }
      }
    }
    return result
  }

  /// Pixel after pixel: [height, width, channels].
  public var interleaved: [UInt8] {
    let length = width * height
    return (0..<length * channels).map { planes[$0 % channels * length + $0 / channels] }
  }

  /// Which old pixels of a line each new one is made of, and with what weights.
  private static func taps(_ count: Int, of old: Int, scale: Double) -> [(first: Int, weights: [Float])] {
    let offset = (Double(old) - scale * Double(count)) / 2, support = max(scale, 1)
    return (0..<count).map { at in
      let center = offset + (Double(at) + 0.5) * scale
      let first = min(max(Int(center - support + 0.5), 0), old - 1)
      let end = min(max(Int(center + support + 0.5), first + 1), old)
      let weights = (first..<end).map { max(1 - abs((Double($0) + 0.5 - center) / support), 0) }
      let sum = weights.reduce(0, +)
      return (first, weights.map { sum > 0 ? Float($0 / sum) : 1 / Float(weights.count) })
    }
  }
}
