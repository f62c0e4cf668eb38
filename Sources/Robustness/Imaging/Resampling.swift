import Foundation

enum Resampling {
  /// Part of an axis, made larger or smaller, bilinearly, grid points on grid points at both ends: SciPy's `zoom` of
  /// order 1.
  struct Zoom {
    struct Tap {
      var first: Int
      var second: Int
      /// The second's share.
      var weight: Double
    }
    let taps: [Tap]

    /// - Parameters:
    ///   - source: the part.
    ///   - count: its new length.
    ///   - shown: which of the new places are wanted.
    init(_ source: Range<Int>, to count: Int, shown: Range<Int>) {
      let step = count > 1 ? Double(source.count - 1) / Double(count - 1) : 0
      taps = shown.map { place in
        let at = Double(place) * step, first = min(Int(at), source.count - 1)
        return Tap(
          first: source.lowerBound + first, second: source.lowerBound + min(first + 1, source.count - 1),
          weight: at - Double(first))
      }
    }

    /// Adds to `sum` a plane whose axes are taken by these.
    static func add(_ plane: [Double], _ width: Int, _ down: Zoom, _ along: Zoom, to sum: inout [Double]) {
      plane.withUnsafeBufferPointer { plane in
        sum.withUnsafeMutableBufferPointer { sum in
          var at = 0
          for row in down.taps {
            let upper = row.first * width, lower = row.second * width
            for column in along.taps {
              let above =
                plane[upper + column.first] * (1 - column.weight) + plane[upper + column.second] * column.weight
              let below =
                plane[lower + column.first] * (1 - column.weight) + plane[lower + column.second] * column.weight
              sum[at] += above * (1 - row.weight) + below * row.weight
              at += 1
            }
          }
        }
      }
    }
  }

  /// Every pixel of each plane from the same place of its own, bilinearly.
  static func map(
    _ planes: [[Double]], _ height: Int, _ width: Int, border: Border,
    _ place: (_ y: Int, _ x: Int) -> (y: Double, x: Double)
  ) -> [[Double]] {
    var out = planes
    for y in 0..<height {
      for x in 0..<width {
        let at = place(y, x), top = at.y.rounded(.down), left = at.x.rounded(.down), dy = at.y - top, dx = at.x - left
        let upper = border.place(Int(top), height) * width, lower = border.place(Int(top) + 1, height) * width
        let near = border.place(Int(left), width), far = border.place(Int(left) + 1, width)
        for channel in planes.indices {
          planes[channel].withUnsafeBufferPointer { plane in
            let above = plane[upper + near] * (1 - dx) + plane[upper + far] * dx
            let below = plane[lower + near] * (1 - dx) + plane[lower + far] * dx
            out[channel][y * width + x] = above * (1 - dy) + below * dy
          }
        }
      }
    }
    return out
  }

  /// Means over areas, as Pillow's BOX filter, which rounds to whole levels after each of its two passes.
  static func box(_ plane: [Double], _ height: Int, _ width: Int, to newHeight: Int, _ newWidth: Int) -> [Double] {
    func weights(_ from: Int, _ to: Int) -> [(first: Int, values: [Double])] {
      let scale = Double(from) / Double(to), support = 0.5 * max(scale, 1)
      return (0..<to).map { place in
        let center = (Double(place) + 0.5) * scale
        let first = max(Int(center - support + 0.5), 0), last = min(Int(center + support + 0.5), from)
        let values = (first..<max(last, first + 1)).map { i -> Double in
          let distance = (Double(i) - center + 0.5) / max(scale, 1)
          return distance > -0.5 && distance <= 0.5 ? 1 : 0
        }
        let sum = values.reduce(0, +)
        return (first, values.map { $0 / sum })
      }
    }
    func level(_ value: Double) -> Double { (value * 255 + 0.5).rounded(.down) / 255 }
    let across = weights(width, newWidth), down = weights(height, newHeight)
    var narrow = [Double](repeating: 0, count: height * newWidth)
    for y in 0..<height {
      for (x, weight) in across.enumerated() {
        var sum = 0.0
        for (i, value) in weight.values.enumerated() { sum += value * plane[y * width + weight.first + i] }
        narrow[y * newWidth + x] = newWidth == width ? sum : level(sum)
      }
    }
    var out = [Double](repeating: 0, count: newHeight * newWidth)
    for (y, weight) in down.enumerated() {
      for x in 0..<newWidth {
        var sum = 0.0
        for (i, value) in weight.values.enumerated() { sum += value * narrow[(weight.first + i) * newWidth + x] }
        out[y * newWidth + x] = newHeight == height ? sum : level(sum)
      }
    }
    return out
  }
}
