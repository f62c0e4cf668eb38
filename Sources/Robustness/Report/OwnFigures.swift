import Foundation

extension ProbeReport {
  /// A probe's finds in its own numbers: a measurement's first measures, or where its first curve ends; nothing of a
  /// probe that judges the examples, as its accuracy says that.
  /// - Parameter most: measures, at most.
  package func figures(_ most: Int) -> String {
    if let calibration {
      return "ECE \(Written.decimal(calibration.ece15)), NLL \(Written.decimal(calibration.nll))"
    }
    if let certified { return "mean radius \(Written.decimal(certified.acr))" }
    guard let summary else { return "" }
    if !summary.measures.isEmpty {
      return summary.measures.prefix(most).map { "\($0.name) \(Self.number($0.value))" }.joined(separator: ", ")
    }
    guard let curve = summary.series.first, let end = curve.points.last else { return "" }
    return "\(curve.y) \(Self.number(end.y)) at \(curve.x) \(Self.number(end.x))"
  }

  private static func number(_ value: Double) -> String {
    abs(value) < 1e-4 ? Written.number(value) : String(format: "%.3g", value)
  }
}
