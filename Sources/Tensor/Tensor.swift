/// A dense fp32 array, row-major. Rows are the slices of the first axis: the examples of a batch.
public struct Tensor: Sendable, Equatable {
  public private(set) var shape: Shape
  private var storage: [Float]
  public var elements: [Float] {
    get { storage }
    // Yields in place: with an observer instead, each write from another module would copy the whole.
    _modify {
      yield &storage
      precondition(storage.count == shape.count, "a tensor keeps its number of elements")
    }
  }

  public init(_ shape: Shape, _ elements: [Float]) {
    precondition(elements.count == shape.count, "\(elements.count) elements for the shape \(shape)")
    self.shape = shape
    storage = elements
  }
  public init(_ shape: Shape, repeating value: Float) {
    self.init(shape, [Float](repeating: value, count: shape.count))
  }
  public init(zeros shape: Shape) { self.init(shape, repeating: 0) }
  /// Fills zeros in place, without a copy.
  public init(_ shape: Shape, fill: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
    try self.init(writing: shape) {
      $0.initialize(repeating: 0)
      try fill($0)
    }
  }
  /// Writes in place: every element, whatever was in the memory.
  public init(writing shape: Shape, _ write: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
    let count = shape.count
    self.init(
      shape,
      try [Float](unsafeUninitializedCapacity: count) { buffer, written in
        try write(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        written = count
      })
  }

  public var count: Int { elements.count }
  /// The extent of the first axis.
  public var rowCount: Int { shape.rank == 0 ? 1 : shape[0] }
  public var rowLength: Int { rowCount == 0 ? 0 : count / rowCount }
  public func row(_ index: Int) -> ArraySlice<Float> {
    elements[index * rowLength..<(index + 1) * rowLength]
  }
  public func rows(_ range: Range<Int>) -> Tensor {
    Tensor(
      shape.replacingRows(range.count), Array(elements[range.lowerBound * rowLength..<range.upperBound * rowLength]))
  }
  public func rows(at indices: [Int]) -> Tensor {
    let length = rowLength
    return Tensor(writing: shape.replacingRows(indices.count)) { out in
      elements.withUnsafeBufferPointer { from in
        for (to, index) in indices.enumerated() {
          let row = UnsafeBufferPointer(rebasing: from[index * length..<(index + 1) * length])
          _ = UnsafeMutableBufferPointer(rebasing: out[(to * length)...]).update(fromContentsOf: row)
        }
      }
    }
  }
  public mutating func replaceRow(_ index: Int, with row: ArraySlice<Float>) {
    let length = rowLength
    precondition(row.count == length, "\(row.count) elements for a row of \(length)")
    elements.withUnsafeMutableBufferPointer { all in
      row.withUnsafeBufferPointer { row in
        _ = UnsafeMutableBufferPointer(rebasing: all[(index * length)...]).update(fromContentsOf: row)
      }
    }
  }
  public static func concatenate(_ parts: [Tensor]) -> Tensor {
    guard let first = parts.first else { return Tensor(zeros: [0]) }
    precondition(parts.allSatisfy { $0.shape.row == first.shape.row }, "rows of one shape")
    return Tensor(
      first.shape.replacingRows(parts.reduce(0) { $0 + $1.rowCount }), Array(parts.map(\.elements).joined()))
  }
  public func reshaped(_ shape: Shape) -> Tensor { Tensor(shape, elements) }

  public func map(_ transform: (Float) -> Float) -> Tensor { Tensor(shape, elements.map(transform)) }
  public func clamped(to range: ClosedRange<Float>) -> Tensor {
    map { min(max($0, range.lowerBound), range.upperBound) }
  }
  public func zip(_ other: Tensor, _ combine: (Float, Float) -> Float) -> Tensor {
    precondition(shape == other.shape, "\(shape) against \(other.shape)")
    return Tensor(writing: shape) { out in
      elements.withUnsafeBufferPointer { a in
        other.elements.withUnsafeBufferPointer { b in
          for i in out.indices { out[i] = combine(a[i], b[i]) }
        }
      }
    }
  }
  public static func + (a: Tensor, b: Tensor) -> Tensor { a.zip(b, +) }
  public static func - (a: Tensor, b: Tensor) -> Tensor { a.zip(b, -) }
  public static func * (a: Tensor, b: Tensor) -> Tensor { a.zip(b, *) }
  public static func * (a: Float, b: Tensor) -> Tensor { b.map { a * $0 } }
  public static func + (a: Tensor, b: Float) -> Tensor { a.map { $0 + b } }

  public var isFinite: Bool {
    // By their bits, many at once: an exponent of ones, and only that, runs over into the sign.
    elements.withUnsafeBufferPointer { all in
      all.reduce(0) { $0 | ($1.bitPattern & 0x7f80_0000 &+ 0x0080_0000) } >> 31 == 0
    }
  }
  public func isClose(to other: Tensor, absolute: Float, relative: Float = 0) -> Bool {
    shape == other.shape
      && Swift.zip(elements, other.elements).allSatisfy { abs($0 - $1) <= absolute + relative * abs($1) }
  }
}
