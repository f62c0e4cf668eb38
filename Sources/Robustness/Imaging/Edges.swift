import Foundation

enum Edges {
  /// Canny's edges of a plane in [0, 1]: slopes of the blurred plane, thinned across, kept above the high threshold and
  /// where they hang together with such above the low one.
  static func canny(
    _ plane: [Double], _ height: Int, _ width: Int, sigma: Double = 1, low: Double = 0.1, high: Double = 0.2
  ) -> [Bool] {
    let smooth = Blur.gaussian(plane, height, width, sigma, 4, .nearest)
    func at(_ y: Int, _ x: Int) -> Double {
      smooth[Border.nearest.place(y, height) * width + Border.nearest.place(x, width)]
    }
    var slope = [Double](repeating: 0, count: plane.count), down = slope, along = slope
    for y in 0..<height {
      for x in 0..<width {
        let i = y * width + x
        along[i] =
          ((at(y - 1, x + 1) + 2 * at(y, x + 1) + at(y + 1, x + 1))
            - (at(y - 1, x - 1) + 2 * at(y, x - 1) + at(y + 1, x - 1))) / 4
        down[i] =
          ((at(y + 1, x - 1) + 2 * at(y + 1, x) + at(y + 1, x + 1))
            - (at(y - 1, x - 1) + 2 * at(y - 1, x) + at(y - 1, x + 1))) / 4
        slope[i] = (along[i] * along[i] + down[i] * down[i]).squareRoot()
      }
    }
    var strong: [Int] = [], isWeak = [Bool](repeating: false, count: plane.count)
    for y in 1..<max(height - 1, 1) {
      for x in 1..<max(width - 1, 1) where slope[y * width + x] >= low {
        let i = y * width + x, (a, d) = (along[i], down[i])
        // The neighbor in the slope's direction, of eight.
        let sx = abs(a) >= 0.4142 * abs(d) ? (a > 0 ? 1 : -1) : 0, sy = abs(d) >= 0.4142 * abs(a) ? (d > 0 ? 1 : -1) : 0
        guard slope[i] >= slope[i + sy * width + sx], slope[i] >= slope[i - sy * width - sx] else { continue }
        isWeak[i] = true
        if slope[i] >= high { strong.append(i) }
      }
    }
    var isEdge = [Bool](repeating: false, count: plane.count)
    while let i = strong.popLast() {
      guard !isEdge[i] else { continue }
      isEdge[i] = true
      for dy in -1...1 {
        for dx in -1...1 where isWeak[i + dy * width + dx] && !isEdge[i + dy * width + dx] {
          strong.append(i + dy * width + dx)
        }
      }
    }
    return isEdge
  }
}
