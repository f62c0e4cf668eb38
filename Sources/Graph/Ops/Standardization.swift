import DitherTensor

// The part that instance and layer normalization share: rows brought to mean 0 and variance 1.

extension Value {
  /// The mean over the axes along which `kept` has extent 1.
  func mean(keeping kept: Shape) throws(GraphError) -> Value {
    try Float(kept.count) / Float(max(shape.count, 1)) * summed(to: kept)
  }

  /// (x − mean) / √(variance + epsilon), and that last denominator's inverse, over the axes along which `kept` is 1.
  func standardized(keeping kept: Shape, epsilon: Float) throws(GraphError) -> (normalized: Value, inverse: Value) {
    let centered = try self - mean(keeping: kept)
    let inverse = try ((centered * centered).mean(keeping: kept) + epsilon).map(.squareRoot).map(.reciprocal)
    return try (centered * inverse, inverse)
  }

  /// The gradient for x of a standardization, from that for its result.
  func throughStandardization(_ normalized: Value, _ inverse: Value, keeping kept: Shape) throws(GraphError) -> Value {
    try inverse * (self - mean(keeping: kept) - normalized * (self * normalized).mean(keeping: kept))
  }
}

/// Standardizes `rows` rows of `length` elements each; sums are in double precision.
func standardize(
  _ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, rows: Int, length: Int, epsilon: Float
) {
  for start in stride(from: 0, to: rows * length, by: length) {
    var sum = 0.0, squares = 0.0
    for i in start..<start + length { sum += Double(from[i]) }
    let mean = sum / Double(length)
    for i in start..<start + length {
      let distance = Double(from[i]) - mean
      squares += distance * distance
    }
    let inverse = 1 / (squares / Double(length) + Double(epsilon)).squareRoot()
    for i in start..<start + length { to[i] = Float((Double(from[i]) - mean) * inverse) }
  }
}
