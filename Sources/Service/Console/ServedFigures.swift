import DitherBasics
import DitherInference
import DitherReports
import DitherStore

/// The cost of a version's predictions, how sure they were, since the server started, and its drift.
struct ServedFigures {
  var version: ModelVersion
  var figures: PredictionStatistics.Figures
  /// nil: without a calibration, or not asked since.
  var drift: DriftWatch.State?

  /// Predictions that were answered or failed.
  var asked: UInt64 { figures.success.count + figures.failure.count }

  /// Nothing of a version that nobody has asked.
  var html: Html {
    guard asked > 0 else { return "" }
    return """
      <section aria-labelledby="served"><h2 id="served">Served since the server started, version \(version.version)</h2>
      <div class="answer"><dl>\(facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" as Html })</dl></div>
      <div class="charts">\(charts.compactMap(\.html))</div>
      \(driftTable)</section>
      """
  }

  /// The cost of predictions, and how sure they were.
  var charts: [HistogramChart] {
    [
      HistogramChart(title: "Waiting of a prediction", unit: " ms", factor: 1e3, histogram: figures.queueing),
      HistogramChart(title: "Computing of a prediction", unit: " ms", factor: 1e3, histogram: figures.computing),
      HistogramChart(title: "Draws of a prediction", isWhole: true, histogram: figures.draws),
      HistogramChart(title: "Predictive entropy of a row", unit: " nats", histogram: figures.predictiveEntropy),
      HistogramChart(title: "Mutual information of a row", unit: " nats", histogram: figures.mutualInformation),
      HistogramChart(title: "Classes of a prediction set", isWhole: true, histogram: figures.setSizes),
    ]
  }

  private var facts: [(String, String)] {
    func mean(_ span: PredictionStatistics.Span) -> String {
      guard span.count > 0 else { return "–" }
      return ConsolePage.duration(Double(span.nanoseconds) / Double(span.count) / 1e9)
    }
    return [
      ("answered", "\(figures.success.count) predictions of \(figures.rows) rows"),
      ("failed", "\(figures.failure.count)"), ("waiting, mean", mean(figures.queued)),
      ("computing, mean", mean(figures.computed)),
    ]
  }

  /// How many windows have drifted; nil: nobody watches.
  var driftWords: String? {
    (drift?.window).map { "\($0.alarms) of \($0.windows) windows of \(DriftWindow.length) answers had drifted" }
  }

  private var driftTable: Html {
    guard let drift, let words = driftWords else { return "" }
    let found = drift.window.comparisons
    return """
      <h3>Drift from the calibration's examples</h3>
      \(ConsolePage.table(
        ["statistic", "median, calibrated", "median, recent", "distance", "p", "verdict"],
        found.map {
          [
            "\($0.statistic.rawValue)", "\(rounded($0.referenceMedian))", "\(rounded($0.recentMedian))",
            "\(rounded($0.distance))", "\(rounded($0.pValue))", $0.isDrifted ? "<strong>drifted</strong>" : "",
          ]
        }, none: "Fewer than \(DriftWindow.leastAnswers) answers that can be compared."))
      <p>\(words); without drift one in \(Int((1 / DriftWindow.falseAlarmRate).rounded())) would.</p>
      """
  }

  private func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }
}
