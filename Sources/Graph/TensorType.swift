import DitherTensor

/// The type of a value's elements.
public enum ElementType: String, Sendable, Codable, CaseIterable {
  case float32, int64, bool
  /// Bytes of one element in memory.
  public var byteCount: Int {
    switch self {
    case .float32: 4
    case .int64: 8
    case .bool: 1
    }
  }
}

/// The facts known of a value before anything runs: its element type, its shape, and for the integers that exporters
/// use to compute shapes, its content.
public struct TensorType: Sendable, Equatable, CustomStringConvertible {
  /// Its elements' type.
  public var element: ElementType
  /// Its extents, for a known number of rows.
  public var shape: Shape
  /// The content of integers, and of truth values as 0 and 1.
  public var known: [Int64]?
  /// The content of a few floats, as scales are.
  public var knownFloats: [Float]?

  /// A type, with content where that is known.
  public init(
    _ shape: Shape, _ element: ElementType = .float32, known: [Int64]? = nil, knownFloats: [Float]? = nil
  ) {
    self.knownFloats = knownFloats
    self.shape = shape
    self.element = element
    self.known = known
  }

  /// Bytes in memory.
  public var byteCount: Int { shape.count * element.byteCount }
  public var description: String { "\(element)\(shape)" }
}

/// A constant of a graph.
public enum Literal: Sendable, Equatable {
  case float(Tensor)
  case int64(Shape, [Int64])
  case bool(Shape, [Bool])

  /// Content of at most this many integers is followed through shape arithmetic.
  static let knownLimit = 1024
  static let knownFloatLimit = 64

  /// Its type, with the content of small ones.
  public var type: TensorType {
    switch self {
    case .float(let tensor):
      TensorType(tensor.shape, knownFloats: tensor.count <= Self.knownFloatLimit ? tensor.elements : nil)
    case .int64(let shape, let values):
      TensorType(shape, .int64, known: values.count <= Self.knownLimit ? values : nil)
    case .bool(let shape, let values):
      TensorType(shape, .bool, known: values.count <= Self.knownLimit ? values.map { $0 ? 1 : 0 } : nil)
    }
  }
}
