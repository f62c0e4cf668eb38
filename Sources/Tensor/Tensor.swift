/// A dense fp32 array, row-major. Rows are the slices of the first axis: the examples of a batch.
public struct Tensor: Sendable, Equatable {
  /// Its extents.
  public private(set) var shape: Shape
  private var storage: [Float]
  /// All numbers in row-major order.
  public var elements: [Float] {
    get { storage }
    // Yields in place: with an observer instead, each write from another module would copy the whole.
    _modify {
      yield &storage
      precondition(storage.count == shape.count, "a tensor keeps its number of elements")
    }
  }

  /// - Parameter elements: row-major, as many as the shape holds. Readers of files and messages compare both before,
  ///   with an error that names the place.
  public init(_ shape: Shape, _ elements: [Float]) {
    precondition(elements.count == shape.count, "\(elements.count) elements for the shape \(shape)")
    self.shape = shape
    storage = elements
  }
  /// Every element is `value`.
  public init(_ shape: Shape, repeating value: Float) {
    self.init(shape, [Float](repeating: value, count: shape.count))
  }
  /// Every element is 0.
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

  /// Elements in all.
  public var count: Int { elements.count }
  /// The extent of the first axis.
  public var rowCount: Int { shape.rank == 0 ? 1 : shape[0] }
  /// Elements of one row along the first axis.
  public var rowLength: Int { rowCount == 0 ? 0 : count / rowCount }
  /// One row along the first axis, row-major.
  public func row(_ index: Int) -> ArraySlice<Float> {
    elements[index * rowLength..<(index + 1) * rowLength]
  }
  /// Rows along the first axis, one after the other.
  public func rows(_ range: Range<Int>) -> Tensor {
    Tensor(
      shape.replacingRows(range.count), Array(elements[range.lowerBound * rowLength..<range.upperBound * rowLength]))
  }
  /// Rows along the first axis in any order, with repetitions.
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
  /// Overwrites one row along the first axis; `row` has ``rowLength`` elements, as all rows that are cut from such
  /// tensors.
  public mutating func replaceRow(_ index: Int, with row: ArraySlice<Float>) {
    let length = rowLength
    precondition(row.count == length, "\(row.count) elements for a row of \(length)")
    elements.withUnsafeMutableBufferPointer { all in
      row.withUnsafeBufferPointer { row in
        _ = UnsafeMutableBufferPointer(rebasing: all[(index * length)...]).update(fromContentsOf: row)
      }
    }
  }
  /// Joined along the first axis. All parts have the same row: they are parts of one data set, or one model's answers.
  public static func concatenate(_ parts: [Tensor]) -> Tensor {
    guard let first = parts.first else { return Tensor(zeros: [0]) }
    precondition(parts.allSatisfy { $0.shape.row == first.shape.row }, "rows of one shape")
    return Tensor(writing: first.shape.replacingRows(parts.reduce(0) { $0 + $1.rowCount })) { out in
      var at = 0
      for part in parts {
        at = part.elements.withUnsafeBufferPointer {
          UnsafeMutableBufferPointer(rebasing: out[at...]).update(fromContentsOf: $0) + at
        }
      }
    }
  }
  /// The same elements under another shape of the same count.
  public func reshaped(_ shape: Shape) -> Tensor { Tensor(shape, elements) }

  /// A tensor of the same shape.
  public func map(_ transform: (Float) -> Float) -> Tensor { Tensor(shape, elements.map(transform)) }
  /// Each element moved into the range.
  public func clamped(to range: ClosedRange<Float>) -> Tensor {
    map { min(max($0, range.lowerBound), range.upperBound) }
  }
  /// Elementwise, on two tensors of one shape: callers make one like the other, or have compared them.
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
  /// Elementwise sum.
  public static func + (a: Tensor, b: Tensor) -> Tensor { a.zip(b, +) }
  /// Elementwise difference.
  public static func - (a: Tensor, b: Tensor) -> Tensor { a.zip(b, -) }
  /// Elementwise product.
  public static func * (a: Tensor, b: Tensor) -> Tensor { a.zip(b, *) }
  /// Every element times a number.
  public static func * (a: Float, b: Tensor) -> Tensor { b.map { a * $0 } }
  /// A number added to every element.
  public static func + (a: Tensor, b: Float) -> Tensor { a.map { $0 + b } }

  /// Whether no element is NaN or infinite.
  public var isFinite: Bool {
    // By their bits, many at once: an exponent of ones, and only that, runs over into the sign.
    elements.withUnsafeBufferPointer { all in
      all.reduce(0) { $0 | ($1.bitPattern & 0x7f80_0000 &+ 0x0080_0000) } >> 31 == 0
    }
  }
  /// Whether shapes are equal and each difference is at most `absolute + relative · |other|`.
  public func isClose(to other: Tensor, absolute: Float, relative: Float = 0) -> Bool {
    shape == other.shape
      && Swift.zip(elements, other.elements).allSatisfy { abs($0 - $1) <= absolute + relative * abs($1) }
  }
}
