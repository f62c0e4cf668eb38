import DitherBasics
import DitherGraph
import DitherTensor

/// An example's answer that depends on the others of its batch, as behind a normalization by the batch's own statistics
/// or a Softmax along axis 0. Answers are computed in batches of whoever asks: such a model has none of its own.
public struct RowDependence: Sendable {
  /// The row whose answer alone is another than among the others.
  public var row: Int
  /// The largest difference, relative to the number where that is above 1.
  public var change: Float
  /// The first node that lets rows meet and its op, "node 'softmax' (Softmax)", where ops tell.
  public var place: String?

  /// The cause in words.
  public var cause: String {
    "rows of a batch depend on each other" + (place.map { ", from \($0) on" } ?? "")
  }
}

extension Model {
  /// The largest difference that rounding may make.
  private static let mostChange: Float = 1e-3

  /// Compares the answers to some rows alone with those that they get together.
  /// - Parameters:
  ///   - inputs: as the graph takes them.
  ///   - most: rows that are asked alone; all are asked together.
  ///   - proceed: called between the passes; what it throws ends the work.
  /// - Returns: the row that differs most; nil: no row depends on the others.
  /// - Throws: when the rows are no inputs of this model.
  public func rowDependence(
    on inputs: Tensor, most: Int = .max, proceed: () throws -> Void = {}
  ) throws -> RowDependence? {
    try proceed()
    let together = try outputs(inputs)
    var found: RowDependence?
    for row in 0..<min(inputs.rowCount, most) {
      try proceed()
      let alone = try outputs(inputs.rows(row..<row + 1)).elements
      let change = zip(alone, together.row(row)).map { abs($0 - $1) / max(1, abs($0)) }.max() ?? 0
      if change > max(Self.mostChange, found?.change ?? 0) { found = RowDependence(row: row, change: change) }
    }
    guard var found else { return nil }
    found.place = graph.nodeJoiningRows().map { "node '\($0.name.clipped())' (\($0.type))" }
    return found
  }
}
