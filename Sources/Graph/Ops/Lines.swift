import DitherTensor

/// The lines of an array along one axis: numbers that differ in their place on it alone.
struct Lines: Sendable {
  /// Numbers of a line.
  let extent: Int
  /// How far two neighbors of a line lie apart.
  let inner: Int
  /// How many lines there are.
  let count: Int

  init(_ shape: Shape, along axis: Int) {
    extent = shape[axis]
    inner = Shape(Array(shape.dimensions[(axis + 1)...])).count
    count = Shape(Array(shape.dimensions[..<axis])).count * inner
  }

  /// Where a line begins in an array with lines of that many numbers.
  func start(_ line: Int, extent: Int) -> Int { line / inner * extent * inner + line % inner }
  func start(_ line: Int) -> Int { start(line, extent: extent) }
}
