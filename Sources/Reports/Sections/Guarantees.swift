import DitherRobustness
import Foundation

/// Bounds on the risk that hold with a stated probability: PAC-Bayes.
extension Page {
  /// The smallest of them.
  var guaranteeHint: String {
    let found = report.probes.filter(\.isGuarantee).compactMap { $0.summary?["certificate"] }
    return found.min().map { "at most \(Self.percent($0)) of single draws are wrong" } ?? ""
  }

  /// Certificates differ in hundredths of a point.
  private static func percent(_ value: Double) -> String { String(format: "%.2f %%", 100 * value) }

  var guarantees: Html? {
    let own = report.probes.filter(\.isGuarantee)
    guard !own.isEmpty else { return nil }
    // Other models have bounds of their own, where theirs need no prior.
    let found = own.flatMap { probe in
      roles.compactMap { role in
        (role == .model ? probe.summary : probe.other(role)?.summary).map { summary in
          (title: role == .model ? probe.title : "\(probe.title), \(role.title)", summary: summary)
        }
      }
    }
    func share(_ value: Double?) -> String { value.map(Self.percent) ?? "–" }
    let rows = found.map { title, summary in
      let certificate = summary.measures.first { $0.name == "certificate" }
      return [
        title, certificate?.n.map { "\($0)" } ?? "–",
        summary["divergence"].map { String(format: "%.4g", $0) } ?? "0", share(summary["gibbs_risk"]),
        share(summary["gibbs_risk_bound"]), share(summary["certificate"]), share(summary["averaged_bound"]),
      ]
    }
    let meanings = own.compactMap { probe in
      probe.summary?.measures.first { $0.name == "certificate" }.map {
        "<li>\($0.meaning.capitalizedFirst)</li>" as Html
      }
    }
    let heads = [
      "Bound", "Examples", "KL, in nats", "Wrong draws", "All draws that could be, at most",
      "Risk of single draws, at most",
      "Risk of the mean of draws, at most",
    ]
    return """
      <section class="card"><p class="muted">How often answers on data like these are wrong, at most. A bound is of the \
      classifier that answers with one draw of its noise; the mean of the draws has one of its own, where there is one.</p>
      \(Html.table("Bounds on the risk", heads, rows))<ul>\(meanings)</ul></section>

      """
  }
}
