import Foundation

extension Picture {
  /// Separable Gaussian blur, radius ⌊truncate · σ + ½⌋, as SciPy's `gaussian_filter`.
  func blurred(sigma: Double, truncate: Double = 4, border: Border = .nearest) -> Picture {
    mapPlanes { Blur.gaussian($0, height, width, sigma, truncate, border) }
  }

  /// Correlation with a square kernel of odd side, as OpenCV's `filter2D`.
  func correlated(_ kernel: [Double], side: Int, border: Border = .reflect101) -> Picture {
    mapPlanes { Blur.correlate($0, height, width, kernel, side, border) }
  }
}

enum Blur {
  static func kernel(sigma: Double, radius: Int) -> [Double] {
    let values = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }, sum = values.reduce(0, +)
    return values.map { $0 / sum }
  }

  static func gaussian(
    _ plane: [Double], _ height: Int, _ width: Int, _ sigma: Double, _ truncate: Double, _ border: Border
  ) -> [Double] {
    let radius = Int(truncate * sigma + 0.5)
    guard sigma > 0, radius > 0 else { return plane }
    let kernel = kernel(sigma: sigma, radius: radius)
    // Down, then along: the order that SciPy takes.
    return along(down(plane, height, width, kernel, radius, border), height, width, kernel, radius, border)
  }

  private static func down(
    _ plane: [Double], _ height: Int, _ width: Int, _ kernel: [Double], _ radius: Int, _ border: Border
  ) -> [Double] {
    var out = [Double](repeating: 0, count: plane.count)
    plane.withUnsafeBufferPointer { plane in
      out.withUnsafeMutableBufferPointer { out in
        for y in 0..<height {
          for k in -radius...radius {
            let from = border.place(y + k, height) * width, weight = kernel[k + radius]
            for x in 0..<width { out[y * width + x] += weight * plane[from + x] }
          }
        }
      }
    }
    return out
  }

  private static func along(
    _ plane: [Double], _ height: Int, _ width: Int, _ kernel: [Double], _ radius: Int, _ border: Border
  ) -> [Double] {
    let places = (-radius..<width + radius).map { border.place($0, width) }
    var out = [Double](repeating: 0, count: plane.count), row = [Double](repeating: 0, count: places.count)
    plane.withUnsafeBufferPointer { plane in
      out.withUnsafeMutableBufferPointer { out in
        row.withUnsafeMutableBufferPointer { row in
          for y in 0..<height {
            for (i, place) in places.enumerated() { row[i] = plane[y * width + place] }
            for k in 0...2 * radius {
              let weight = kernel[k]
              for x in 0..<width { out[y * width + x] += weight * row[x + k] }
            }
          }
        }
      }
    }
    return out
  }

  static func correlate(
    _ plane: [Double], _ height: Int, _ width: Int, _ kernel: [Double], _ side: Int, _ border: Border
  ) -> [Double] {
    let radius = side / 2, taps = kernel.enumerated().filter { $0.element != 0 }
    let rows = (-radius..<height + radius).map { border.place($0, height) * width }
    let columns = (-radius..<width + radius).map { border.place($0, width) }
    // The plane with its border around it, so that the sums are over straight rows.
    let wide = width + 2 * radius
    var padded = [Double](repeating: 0, count: rows.count * wide)
    for (y, row) in rows.enumerated() {
      for (x, column) in columns.enumerated() { padded[y * wide + x] = plane[row + column] }
    }
    var out = [Double](repeating: 0, count: plane.count)
    padded.withUnsafeBufferPointer { padded in
      out.withUnsafeMutableBufferPointer { out in
        for (tap, weight) in taps {
          let start = tap / side * wide + tap % side
          for y in 0..<height {
            for x in 0..<width { out[y * width + x] += weight * padded[start + y * wide + x] }
          }
        }
      }
    }
    return out
  }

  /// A disk smoothed at its edge: the kernel of a lens out of focus.
  static func disk(radius: Double, alias: Double) -> (kernel: [Double], side: Int) {
    let reach = radius <= 8 ? 8 : Int(radius), side = 2 * reach + 1
    let smooth = radius <= 8 ? 1 : 2
    var values = [Double](repeating: 0, count: side * side)
    for y in -reach...reach {
      for x in -reach...reach where Double(x * x + y * y) <= radius * radius {
        values[(y + reach) * side + x + reach] = 1
      }
    }
    let sum = values.reduce(0, +)
    values = values.map { $0 / sum }
    let kernel = kernel(sigma: alias, radius: smooth)
    values = down(values, side, side, kernel, smooth, .reflect101)
    return (along(values, side, side, kernel, smooth, .reflect101), side)
  }

  /// A one-sided Gaussian along a line: ImageMagick's motion blur (`MotionBlurImage`), edges repeated.
  static func motion(
    _ plane: [Double], _ height: Int, _ width: Int, radius: Double, sigma: Double, degrees: Double
  ) -> [Double] {
    let count = 2 * Int(radius.rounded(.up)) + 1
    var kernel = (0..<count).map {
      exp(-Double($0 * $0) / (2 * sigma * sigma)) / ((2 * Double.pi).squareRoot() * sigma)
    }
    let sum = kernel.reduce(0, +)
    kernel = kernel.map { $0 / sum }
    let angle = degrees * .pi / 180, down = Double(count) * sin(angle), along = Double(count) * cos(angle)
    let length = (down * down + along * along).squareRoot()
    let offsets = (0..<count).map { i in
      (x: Int((Double(i) * along / length - 0.5).rounded(.up)), y: Int((Double(i) * down / length - 0.5).rounded(.up)))
    }
    var out = [Double](repeating: 0, count: plane.count)
    for (weight, offset) in zip(kernel, offsets) {
      for y in 0..<height {
        let row = Border.nearest.place(y + offset.y, height) * width
        for x in 0..<width { out[y * width + x] += weight * plane[row + Border.nearest.place(x + offset.x, width)] }
      }
    }
    return out
  }
}
