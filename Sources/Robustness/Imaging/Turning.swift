import Foundation

extension Picture {
  /// Every pixel from where a linear map about the middle takes it, bilinearly; what comes from outside is black.
  func turned(_ a: Double, _ b: Double, _ c: Double, _ d: Double, by shift: (y: Double, x: Double) = (0, 0)) -> Picture
  {
    let (cy, cx) = (Double(height - 1) / 2, Double(width - 1) / 2)
    return mapPlanes { plane in
      var out = [Double](repeating: 0, count: plane.count)
      func value(_ y: Int, _ x: Int) -> Double {
        (0..<height).contains(y) && (0..<width).contains(x) ? plane[y * width + x] : 0
      }
      for y in 0..<height {
        for x in 0..<width {
          let (v, u) = (Double(y) - cy, Double(x) - cx)
          let sx = a * u + b * v + cx + shift.x, sy = c * u + d * v + cy + shift.y
          guard abs(sx) < 1e6, abs(sy) < 1e6 else { continue }
          let left = sx.rounded(.down), top = sy.rounded(.down), dx = sx - left, dy = sy - top
          let (i, j) = (Int(top), Int(left))
          let above = value(i, j) * (1 - dx) + value(i, j + 1) * dx
          let below = value(i + 1, j) * (1 - dx) + value(i + 1, j + 1) * dx
          out[y * width + x] = above * (1 - dy) + below * dy
        }
      }
      return out
    }
  }

  /// The larger of a value and a line's from one place to another, a pixel wide with soft edges.
  mutating func draw(from start: (y: Double, x: Double), to end: (y: Double, x: Double), gap: Double? = nil) {
    let (vy, vx) = (end.y - start.y, end.x - start.x), length = max((vy * vy + vx * vx).squareRoot(), 1e-9)
    for y in 0..<height {
      for x in 0..<width {
        let (py, px) = (Double(y) - start.y, Double(x) - start.x)
        let along = (py * vy + px * vx) / length, away = abs(px * vy - py * vx) / length
        guard along >= 0, along <= length else { continue }
        if let gap, Int(along / gap) % 2 == 1 { continue }
        let ink = min(max(1.5 - away, 0), 1)
        for channel in planes.indices { planes[channel][y * width + x] = max(planes[channel][y * width + x], ink) }
      }
    }
  }
}
