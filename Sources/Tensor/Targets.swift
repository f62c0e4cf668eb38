/// The right answers of examples: a class each, or values.
public enum Targets: Sendable, Equatable {
  /// Classes of `count`, from 0.
  case classes([Int], count: Int)
  /// [N, K]: the share of each of K classes, from 0, which sum to 1: labels that are smoothed or mixed.
  case shares(Tensor)
  /// [N, D]: D values for each example.
  case values(Tensor)

  /// One example's.
  public enum Row: Sendable {
    case label(Int)
    case shares(ArraySlice<Float>)
    case values(ArraySlice<Float>)

    /// The class, or the first of largest share; nil of values.
    public var label: Int? {
      switch self {
      case .label(let label): label
      case .shares(let shares): shares.indices.max { shares[$0] < shares[$1] }.map { $0 - shares.startIndex }
      case .values: nil
      }
    }
  }

  /// Examples.
  public var count: Int {
    switch self {
    case .classes(let labels, _): labels.count
    case .shares(let rows), .values(let rows): rows.rowCount
    }
  }

  /// Numbers that a model answers an example with: one for each class, or the values.
  public var width: Int {
    switch self {
    case .classes(_, let count): count
    case .shares(let rows), .values(let rows): rows.rowLength
    }
  }

  /// The target of one example.
  public subscript(row: Int) -> Row {
    switch self {
    case .classes(let labels, _): .label(labels[row])
    case .shares(let shares): .shares(shares.row(row))
    case .values(let values): .values(values.row(row))
    }
  }

  /// Some examples' in any order.
  public func rows(_ indices: [Int]) -> Targets {
    switch self {
    case .classes(let labels, let count): .classes(indices.map { labels[$0] }, count: count)
    case .shares(let shares): .shares(shares.rows(at: indices))
    case .values(let values): .values(values.rows(at: indices))
    }
  }

  /// The result of `transform`, which keeps the shape, on the numbers [N, width]: of classes their shares, 1 at the
  /// label.
  public func mapped(_ transform: (Tensor) -> Tensor) -> Targets {
    switch self {
    case .classes(let labels, let count):
      .shares(
        transform(
          Tensor([labels.count, count]) { out in
            for (row, label) in labels.enumerated() { out[row * count + label] = 1 }
          }))
    case .shares(let shares): .shares(transform(shares))
    case .values(let values): .values(transform(values))
    }
  }
}
