import Foundation

extension ProbeReport {
  /// What a probe found, in its own numbers: of a measurement its first measures, or where its first curve ends; of
  /// what judges the examples nothing, as the accuracy is that.
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

  private static func number(_ value: Double) -> String { String(format: "%.3g", value) }
}
