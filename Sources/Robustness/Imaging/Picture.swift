import Foundation

/// An image's planes in double precision, as the corruptions work on them: [channels][height · width], values from 0 to
/// 1.
struct Picture {
  var planes: [[Double]]
  let height: Int
  let width: Int

  init(_ pixels: UnsafeMutableBufferPointer<Float>, _ image: ImageShape) {
    (height, width) = (image.height, image.width)
    let count = height * width
    planes = (0..<image.channels).map { channel in pixels[channel * count..<(channel + 1) * count].map(Double.init) }
  }

  init(planes: [[Double]], height: Int, width: Int) {
    self.planes = planes
    self.height = height
    self.width = width
  }

  var channels: Int { planes.count }
  var count: Int { height * width }

  func write(to pixels: UnsafeMutableBufferPointer<Float>) {
    for (channel, plane) in planes.enumerated() {
      for (i, value) in plane.enumerated() { pixels[channel * count + i] = Float(value) }
    }
  }

  func map(_ change: (Double) -> Double) -> Picture {
    Picture(planes: planes.map { $0.map(change) }, height: height, width: width)
  }

  /// The picture with each plane changed by itself.
  func mapPlanes(_ change: ([Double]) -> [Double]) -> Picture {
    Picture(planes: planes.map(change), height: height, width: width)
  }

  var clipped: Picture { map { min(max($0, 0), 1) } }

  /// Whole levels of a byte, cut off as a cast does.
  var levels: Picture { map { (min(max($0, 0), 1) * 255).rounded(.down) / 255 } }

  /// ITU-R BT.601, as OpenCV's gray of a color image; a gray one is itself.
  var gray: [Double] {
    guard channels == 3 else { return planes[0] }
    return (0..<count).map { 0.299 * planes[0][$0] + 0.587 * planes[1][$0] + 0.114 * planes[2][$0] }
  }
}

/// Where a place outside of an axis of `count` is looked up.
enum Border {
  /// The nearest inside: SciPy's `nearest`.
  case nearest
  /// Mirrored with the edge repeated: SciPy's `reflect`.
  case reflect
  /// Mirrored about the edge itself: OpenCV's default.
  case reflect101

  func place(_ index: Int, _ count: Int) -> Int {
    guard index < 0 || index >= count else { return index }
    guard count > 1 else { return 0 }
    switch self {
    case .nearest: return min(max(index, 0), count - 1)
    case .reflect:
      let period = 2 * count, at = ((index % period) + period) % period
      return at < count ? at : period - 1 - at
    case .reflect101:
      let period = 2 * count - 2, at = ((index % period) + period) % period
      return at < count ? at : period - at
    }
  }
}
