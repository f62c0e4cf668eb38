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

  /// Nothing of a version that nobody has asked.
  var html: Html {
    let asked = figures.success.count + figures.failure.count
    guard asked > 0 else { return "" }
    return """
      <section aria-labelledby="served"><h2 id="served">Served, version \(version.version)</h2>
      <div class="answer"><dl>\(facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" as Html })</dl></div>
      \(bars("Seconds of a prediction's waiting, up to", figures.queueing))
      \(bars("Seconds of its computing, up to", figures.computing))
      \(bars("Draws, up to", figures.draws))
      \(bars("Predictive entropy of a row in nats, up to", figures.predictiveEntropy))
      \(bars("Mutual information of a row in nats, up to", figures.mutualInformation))
      \(bars("Classes of a prediction set, up to", figures.setSizes))
      \(driftTable)</section>
      """
  }

  private var facts: [(String, String)] {
    func mean(_ span: PredictionStatistics.Span) -> String {
      guard span.count > 0 else { return "–" }
      return "\((Double(span.nanoseconds) / Double(span.count) / 1e3).rounded() / 1e3) ms"
    }
    return [
      ("answered", "\(figures.success.count) predictions of \(figures.rows) rows"),
      ("failed", "\(figures.failure.count)"), ("waiting, mean", mean(figures.queued)),
      ("computing, mean", mean(figures.computed)),
    ]
  }

  /// A row for each bucket from the first to the last that holds something.
  private func bars(_ title: String, _ histogram: Histogram) -> Html {
    let held = histogram.counts.indices.filter { histogram.counts[$0] > 0 }
    guard let first = held.first, let last = held.last, let most = histogram.counts.max() else { return "" }
    let rows = (first...last).map { bucket -> Html in
      let count = histogram.counts[bucket], share = 100 * Double(count) / Double(most)
      let bound = bucket < histogram.bounds.count ? "\(histogram.bounds[bucket])" : "more"
      return """
        <span>\(bound)</span><svg width="100%" height="1rem" aria-hidden="true"><rect width="\(share)%" height="100%" \
        fill="currentColor" opacity="0.35"/></svg><span>\(count)</span>
        """
    }
    return "<h3>\(title)</h3><div class=\"bars\">\(rows)</div>"
  }

  private var driftTable: Html {
    guard let drift else { return "" }
    let window = drift.window, found = window.comparisons
    let words = "\(window.alarms) of \(window.windows) windows of \(DriftWindow.length) answers had drifted"
    return """
      <h3>Drift from the calibration's examples</h3>
      \(ConsolePage.table(
        ["statistic", "median, calibrated", "median, recent", "distance", "p", ""],
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
