import DitherBasics

/// Every combination of the axes' values; the last axis changes first.
public struct GridSearch: Search {
  public static let name = "grid"
  public init() {}
  public func check() throws(CatalogError) {}

  public func points(_ axes: [SweepAxis]) throws(TrainError) -> [[Setting]] {
    var points: [[Setting]] = [[]]
    for axis in axes {
      guard case .list(let values) = axis.domain else {
        throw TrainError(
          .recipe, at: "sweep, 'keys', '\(axis.key)'", expected: "a list of values, as the search is \(Self.name)",
          got: "a range", advice: "list its values, or say search: random or sobol")
      }
      guard points.count * values.count <= Self.mostPoints else {
        throw TrainError(
          .recipe, at: "sweep, 'keys'", expected: "at most \(Self.mostPoints) combinations", got: "more",
          advice: "say search: random or sobol")
      }
      points = points.flatMap { point in values.map { point + [$0] } }
    }
    return points
  }
}
