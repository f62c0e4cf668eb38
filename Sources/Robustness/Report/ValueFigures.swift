import DitherBasics

extension Report {
  /// Whether the model answers with values: then an answer is right that is within the tolerance.
  package var isRegression: Bool { tolerance != nil }

  /// Whether an answer has several values: an error over all of them is in no unit.
  package var isPooled: Bool { tolerance.map { $0.count > 1 } ?? false }

  /// `RMSE`, or where it is over several values `RMSE, pooled`.
  package var rmseTitle: String { isPooled ? "RMSE, pooled" : "RMSE" }

  /// A value that the model answers with: by its label's name, `strength`, else `value 1`.
  package func valueName(_ value: Int) -> String {
    guard let labelNames, labelNames.indices.contains(value), !labelNames[value].isEmpty else {
      return "value \(value)"
    }
    return labelNames[value].clipped(to: 40)
  }

  /// A measure of each of several values; empty where there is one alone, and of reports before there was this.
  /// - Parameter measure: `rmse`, `mae` or `crps`.
  package func byValue(
    _ measure: String, in summary: Summary?
  ) -> [(value: Int, name: String, measure: Summary.Measure)] {
    guard isPooled, let summary else { return [] }
    return (tolerance ?? []).indices.compactMap { value in
      let name = ValueSummary.name(measure, of: value)
      return summary.measures.first { $0.name == name }.map { (value, valueName(value), $0) }
    }
  }

  /// When an answer counts as right: `within 8.35 of the true value`; nil of classes.
  package var toleranceWords: String? {
    guard let tolerance, let first = tolerance.first else { return nil }
    return tolerance.count == 1
      ? "within \(Written.number(first)) of the true value"
      : "within \(tolerance.prefix(6).map(Written.number).joined(separator: ", "))\(tolerance.count > 6 ? ", …" : "") of the true values"
  }

  /// Errors of a regression as it is: those of the probe that asks for them, else the first that says them.
  package var errors: Summary? {
    let found = probes.filter { $0.summary?["rmse"] != nil && ![.attack, .corruption].contains($0.kind) }
    return (found.first { $0.probe == ErrorsProbe.name } ?? found.first)?.summary
  }

  /// The largest RMSE that an attack of a ball leaves.
  package func worstError(under threat: ThreatReport) -> Summary.Measure? {
    probes.filter { $0.threat == threat.threat }.compactMap { $0.measure("rmse") }.max { $0.value < $1.value }
  }
}

extension ProbeReport {
  /// A measure of its summary.
  package func measure(_ name: String) -> Summary.Measure? { summary?.measures.first { $0.name == name } }
}

extension ProbeReport.Measured {
  /// A measure of its summary.
  package func measure(_ name: String) -> Summary.Measure? { summary?.measures.first { $0.name == name } }
}

extension Summary.Measure {
  /// `5.49`.
  package var figure: String { Written.number(value) }
  /// `5.1 to 5.9`; empty where no interval is known.
  package var range: String {
    interval.map { "\(Written.number($0.low)) to \(Written.number($0.high))" } ?? ""
  }
}
