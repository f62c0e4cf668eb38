import DitherBasics
import DitherTensor

// Content that is known before anything runs: the integers, truth values and few floats of exporters' shape arithmetic.

extension TensorType {
  /// Few known elements, as numbers.
  var knownNumbers: [Double]? { known.map { $0.map(Double.init) } ?? knownFloats.map { $0.map(Double.init) } }
}

extension Array where Element == TensorType? {
  /// Floats that are constant or follow from shapes.
  func knownFloats(_ position: Int, _ name: String) throws(GraphError) -> [Float] {
    let type = try required(position, name)
    guard type.element == .float32, let values = type.knownFloats, values.allSatisfy(\.isFinite) else {
      throw GraphError(
        .shape, at: "input '\(name)'", expected: "finite float32 values that are constant or follow from shapes",
        got: "\(type)")
    }
    return values
  }
}

extension TensorType {
  /// The type of a result whose elements are some of this one's: `source` says which, where they are known.
  func rearranged(_ shape: Shape, _ source: () -> [Int]) -> TensorType {
    var result = TensorType(shape, element)
    let count = shape.checkedCount ?? .max
    if let known, count <= Literal.knownLimit { result.known = source().map { known[$0] } }
    if let knownFloats, count <= Literal.knownFloatLimit { result.knownFloats = source().map { knownFloats[$0] } }
    return result
  }
}

extension Shape {
  /// For each element of this shape, which element of an array of shape `own`, broadcast to this, it is.
  func indices(of own: Shape) -> [Int] { indices(strides: own.strides(broadcastTo: self)) }

  /// Where each element of this shape lies in an array that is walked with these strides.
  func indices(strides: [Int]) -> [Int] {
    let whole = self.strides
    return (0..<count).map { index in
      (0..<rank).reduce(0) { $0 + (index / whole[$1]) % dimensions[$1] * strides[$1] }
    }
  }
}

/// The result's shape and, where both operands are known, its content.
func knownBroadcast(
  _ a: TensorType, _ b: TensorType, _ combine: (Int64, Int64) -> Int64
) throws(GraphError) -> (shape: Shape, known: [Int64]?) {
  guard let shape = Shape.broadcast(a.shape, b.shape), shape.rank <= 8 else {
    throw GraphError(.shape, at: "input 'B'", expected: "a shape that broadcasts with \(a.shape)", got: "\(b.shape)")
  }
  guard let x = a.known, let y = b.known, (shape.checkedCount ?? .max) <= Literal.knownLimit else {
    return (shape, nil)
  }
  return (shape, zip(shape.indices(of: a.shape), shape.indices(of: b.shape)).map { combine(x[$0], y[$1]) })
}

extension Int {
  func clamped(to range: ClosedRange<Int>) -> Int {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
