/// The right answers of examples: a class each, or values.
public enum Targets: Sendable, Equatable {
  /// Classes of `count`, from 0.
  case classes([Int], count: Int)
  /// [N, D]: D values for each example.
  case values(Tensor)

  /// One example's.
  public enum Row: Sendable {
    case label(Int)
    case values(ArraySlice<Float>)
  }

  /// Examples.
  public var count: Int {
    switch self {
    case .classes(let labels, _): labels.count
    case .values(let values): values.rowCount
    }
  }

  /// Numbers that a model answers an example with: one for each class, or the values.
  public var width: Int {
    switch self {
    case .classes(_, let count): count
    case .values(let values): values.rowLength
    }
  }

  /// The target of one example.
  public subscript(row: Int) -> Row {
    switch self {
    case .classes(let labels, _): .label(labels[row])
    case .values(let values): .values(values.row(row))
    }
  }

  /// Some examples' in any order.
  public func rows(_ indices: [Int]) -> Targets {
    switch self {
    case .classes(let labels, let count): .classes(indices.map { labels[$0] }, count: count)
    case .values(let values): .values(values.rows(at: indices))
    }
  }
}
