import Foundation

enum Resampling {
  /// Bilinear, grid points on grid points at both ends: SciPy's `zoom` of order 1.
  static func zoom(
    _ plane: [Double], _ height: Int, _ width: Int, to newHeight: Int, _ newWidth: Int
  ) -> [Double] {
    let down = newHeight > 1 ? Double(height - 1) / Double(newHeight - 1) : 0
    let along = newWidth > 1 ? Double(width - 1) / Double(newWidth - 1) : 0
    var out = [Double](repeating: 0, count: newHeight * newWidth)
    for y in 0..<newHeight {
      let at = Double(y) * down, top = min(Int(at), height - 1), bottom = min(top + 1, height - 1),
        dy = at - Double(top)
      for x in 0..<newWidth {
        let at = Double(x) * along, left = min(Int(at), width - 1), right = min(left + 1, width - 1),
          dx = at - Double(left)
        let above = plane[top * width + left] * (1 - dx) + plane[top * width + right] * dx
        let below = plane[bottom * width + left] * (1 - dx) + plane[bottom * width + right] * dx
        out[y * newWidth + x] = above * (1 - dy) + below * dy
      }
    }
    return out
  }

  /// Every pixel from a place of its own, bilinearly.
  static func map(
    _ plane: [Double], _ height: Int, _ width: Int, border: Border,
    _ place: (_ y: Int, _ x: Int) -> (y: Double, x: Double)
  ) -> [Double] {
    var out = [Double](repeating: 0, count: plane.count)
    for y in 0..<height {
      for x in 0..<width {
        let at = place(y, x), top = at.y.rounded(.down), left = at.x.rounded(.down), dy = at.y - top, dx = at.x - left
        let rows = [Int(top), Int(top) + 1].map { border.place($0, height) * width }
        let columns = [Int(left), Int(left) + 1].map { border.place($0, width) }
        let above = plane[rows[0] + columns[0]] * (1 - dx) + plane[rows[0] + columns[1]] * dx
        let below = plane[rows[1] + columns[0]] * (1 - dx) + plane[rows[1] + columns[1]] * dx
        out[y * width + x] = above * (1 - dy) + below * dy
      }
    }
    return out
  }

  /// Means over areas, as Pillow's BOX filter, which rounds to whole levels after each of its two passes.
  static func box(_ plane: [Double], _ height: Int, _ width: Int, to newHeight: Int, _ newWidth: Int) -> [Double] {
    func weights(_ from: Int, _ to: Int) -> [(first: Int, values: [Double])] {
      let scale = Double(from) / Double(to), support = 0.5 * max(scale, 1)
      return (0..<to).map { place in
        let centre = (Double(place) + 0.5) * scale
        let first = max(Int(centre - support + 0.5), 0), last = min(Int(centre + support + 0.5), from)
        let values = (first..<max(last, first + 1)).map { i -> Double in
          let distance = (Double(i) - centre + 0.5) / max(scale, 1)
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
