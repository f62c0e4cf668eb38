/// The extents of an array, outermost first.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible, Codable {
  /// Extents, the outermost first.
  public var dimensions: [Int]

  /// A shape of these extents.
  public init(_ dimensions: [Int]) { self.dimensions = dimensions }
  /// `[2, 3]`.
  public init(arrayLiteral elements: Int...) { dimensions = elements }
  /// From a list of numbers.
  public init(from decoder: any Decoder) throws { dimensions = try [Int](from: decoder) }
  /// As a list of numbers.
  public func encode(to encoder: any Encoder) throws { try dimensions.encode(to: encoder) }

  /// How many dimensions it has.
  public var rank: Int { dimensions.count }
  /// The number of elements; 1 for a scalar.
  public var count: Int { dimensions.reduce(1, *) }
  /// The number of elements, or nil where the product does not fit: for shapes from outside.
  public var checkedCount: Int? {
    var product = 1
    for dimension in dimensions {
      guard dimension >= 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      guard !overflow else { return nil }
      product = next
    }
    return product
  }
  /// The product of the extents other than 0, or nil where it does not fit or one is negative: what no part of the
  /// shape multiplies beyond, and strides neither.
  public var span: Int? { Shape(dimensions.map { $0 == 0 ? 1 : $0 }).checkedCount }
  /// The extent of an axis, from 0.
  public subscript(_ axis: Int) -> Int {
    get { dimensions[axis] }
    set { dimensions[axis] = newValue }
  }
  /// The shape of one row: all but the first axis.
  public var row: Shape { Shape(Array(dimensions.dropFirst())) }
  /// The same shape with another first extent.
  public func replacingRows(_ rows: Int) -> Shape { Shape([rows] + dimensions.dropFirst()) }

  /// Whether an array of this shape holds the numbers of one of that in the same order: axes of extent 1 apart they are
  /// equal, or one of them is flat. [28, 28, 1] is [1, 28, 28]; [32, 32, 3] is not [3, 32, 32], though it has as many
  /// numbers, nor is it [3072]: in which order its colors would lie there is not known.
  public func isReadable(as other: Shape) -> Bool {
    guard let count = checkedCount, count == other.checkedCount else { return false }
    let own = dimensions.filter { $0 != 1 }, wanted = other.dimensions.filter { $0 != 1 }
    return own == wanted || own.count <= 1 || wanted.count <= 1 && own.count <= 2
  }

  /// Row-major strides, in elements.
  public var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in dimensions.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * dimensions[axis + 1] }
    return strides
  }

  /// NumPy's rule; nil where the shapes do not go together.
  public static func broadcast(_ a: Shape, _ b: Shape) -> Shape? {
    let rank = max(a.rank, b.rank)
    var result = [Int](repeating: 1, count: rank)
    for i in 0..<rank {
      let x = i < rank - a.rank ? 1 : a[i - rank + a.rank], y = i < rank - b.rank ? 1 : b[i - rank + b.rank]
      guard x == y || x == 1 || y == 1 else { return nil }
      result[i] = x == 1 ? y : x
    }
    return Shape(result)
  }

  /// Strides with which an array of this shape is read as one of `target`: 0 where it is broadcast.
  public func strides(broadcastTo target: Shape) -> [Int] {
    let own = strides
    return (0..<target.rank).map { axis in
      let mine = axis - target.rank + rank
      return mine < 0 || (dimensions[mine] == 1 && target[axis] != 1) ? 0 : own[mine]
    }
  }

  /// `[2, 3]`.
  public var description: String { "[\(dimensions.map(String.init).joined(separator: ", "))]" }
}
