/// How the named inputs of one example lie in one row of numbers: one after the other, each row-major. So a batch of
/// any inputs is one array [N, width], cut, joined and shuffled like every other.
public struct RowLayout: Sendable, Hashable, Codable {
  /// One named array.
  public struct Part: Sendable, Hashable, Codable {
    /// As a model or an archive calls it.
    public var name: String
    /// The shape of one example.
    public var shape: Shape
    /// An array of this name, and of this shape for one example.
    public init(name: String, shape: Shape) {
      self.name = name
      self.shape = shape
    }
  }

  /// In the order of their columns.
  public let parts: [Part]
  /// By part: its columns in a row.
  public let columns: [Range<Int>]

  /// - Parameter parts: each name once.
  public init(_ parts: [Part]) {
    self.parts = parts
    var end = 0
    columns = parts.map { part in
      defer { end += part.shape.count }
      return end..<end + part.shape.count
    }
  }

  /// Numbers of a row.
  public var width: Int { columns.last?.upperBound ?? 0 }

  /// The part that a column is of, and which of its numbers it is.
  public func place(of column: Int) -> (part: Part, number: Int)? {
    zip(parts, columns).first { $1.contains(column) }.map { ($0, column - $1.lowerBound) }
  }

  /// Arrays side by side.
  /// - Parameter arrays: [N, …] each, of as many rows.
  /// - Returns: [N, width].
  public static func joining(_ arrays: [Tensor]) -> Tensor {
    let rows = arrays.first?.rowCount ?? 0
    precondition(arrays.allSatisfy { $0.rowCount == rows }, "arrays of as many rows")
    return Tensor(writing: [rows, arrays.reduce(0) { $0 + $1.rowLength }]) { out in
      var at = 0
      for row in 0..<rows {
        for array in arrays {
          for value in array.row(row) {
            out[at] = value
            at += 1
          }
        }
      }
    }
  }

  /// The rows of one part.
  /// - Parameter rows: [N, width].
  /// - Returns: [N, …] in the part's shape.
  public func rows(of part: Int, in rows: Tensor) -> Tensor {
    let columns = columns[part], length = rows.rowLength
    return Tensor(writing: Shape([rows.rowCount] + parts[part].shape.dimensions)) { out in
      rows.elements.withUnsafeBufferPointer { from in
        for row in 0..<rows.rowCount {
          let source = UnsafeBufferPointer(
            rebasing: from[row * length + columns.lowerBound..<row * length + columns.upperBound])
          _ = UnsafeMutableBufferPointer(rebasing: out[(row * columns.count)...]).update(fromContentsOf: source)
        }
      }
    }
  }

  /// The same rows in another order of the parts.
  /// - Parameter rows: [N, width], as this layout has them.
  /// - Returns: nil where the other has other names, or arrays that cannot be read as its own.
  public func arranged(_ rows: Tensor, as other: RowLayout) -> Tensor? {
    guard parts.count == other.parts.count else { return nil }
    var order: [Int] = []
    for wanted in other.parts {
      guard let at = parts.firstIndex(where: { $0.name == wanted.name }), parts[at].shape.isReadable(as: wanted.shape)
      else { return nil }
      order.append(at)
    }
    return order == Array(parts.indices) ? rows : Self.joining(order.map { self.rows(of: $0, in: rows) })
  }

  private enum CodingKeys: String, CodingKey { case parts }
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.container(keyedBy: CodingKeys.self).decode([Part].self, forKey: .parts))
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(parts, forKey: .parts)
  }
}

extension RowLayout: CustomStringConvertible {
  /// "ids [8], mask [8]".
  public var description: String { parts.map { "\($0.name) \($0.shape)" }.joined(separator: ", ") }
}
