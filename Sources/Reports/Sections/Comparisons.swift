import DitherRobustness
import Foundation

/// The other models, example by example.
extension Page {
  var comparison: Html? {
    comparisons.isEmpty ? nil : Html(joining: comparisons.map(section))
  }

  func section(_ role: Chart.Series.Role, _ comparison: Comparison) -> Html {
    let pairs = comparison.probes.indices.filter(report.comparesAccuracy).map { comparison.probes[$0] }
    let sentences = pairs.map { "<li>\($0.sentence)</li>" as Html }
    let rows = pairs.map { pair in
      [
        pair.probe, Written.points(pair.difference), Written.interval(pair.interval), "\(pair.onlyModel)",
        "\(pair.onlyBaseline)", Written.probability(pair.mcnemarP),
      ]
    }
    // As many are a reader's temptation to pick one.
    let chance: Html? =
      pairs.count < 10
      ? nil
      : """
      <p class="muted">\(pairs.count) comparisons were made; at the 5 % level about \
      \(String(format: "%.2g", Double(pairs.count) / 20)) would differ by chance alone.</p>
      """
    let heads = ["Condition", "Difference, points", "95 %", "Only this model right", "Only the other right", "McNemar"]
    return """
      <h2>Against \(comparison.otherName), example by example</h2><section class="card">
      <p class="muted">Both models saw the same \(report.n) examples. The other, \(role.title) on this page, is \
      <strong>\(comparison.otherName)</strong>.</p>
      \(chance)
      <ul class="sentences">\(sentences)</ul>
      <details><summary>Numbers</summary>\(Html.table("Paired differences of accuracy", heads, rows))</details></section>

      """
  }
}

extension Comparison {
  /// The other model's, with its version.
  var otherName: String { baselineVersion.map { "\(baseline)@\($0)" } ?? baseline }
}
