import DitherReports
import DitherStore
import Foundation

/// The server's figures at a glance, since it started: calls and their times, what waits, and for the versions that
/// were asked most what predictions cost, how sure they were, and drift.
struct GlancePage {
  /// All that were called, most first.
  var methods: [Metrics.MethodFigures]
  /// Predictions and audits that wait.
  var waiting: (predictions: Int, audits: Int)
  /// Models in memory, and versions in the registry.
  var models: (loaded: Int, versions: Int)
  /// All that were asked, most first.
  var served: [ServedFigures]

  /// Versions with charts: more would make a page of more than 100 kB.
  static let mostServed = 6
  /// Methods with a row.
  static let mostMethods = 40

  var html: Html {
    ConsolePage.html(
      "Dither: at a glance", isScripted: true, at: .glance,
      """
      <h1>At a glance</h1>
      <p><label><input type="checkbox" class="refresh" data-place="figures" checked> Bring up to date every 5 seconds</label>
      <span role="status"></span></p>
      <noscript><p>Without a script this page does not move: load it again.</p></noscript>
      <div id="figures">
      <section aria-labelledby="now"><h2 id="now">Now</h2><div class="answer"><dl>\(now)</dl></div></section>
      <section aria-labelledby="calls"><h2 id="calls">Calls since the start</h2>
      \(ConsolePage.table(
        ["call", "answered", "failed", "median", "95 % within", "99 % within"], methods.prefix(Self.mostMethods).map(cells),
        none: "Nobody has called yet."))
      </section>
      \(versions)\(rest)</div>
      """)
  }

  private var versions: Html {
    if served.isEmpty { return "<p>No version was asked for a prediction yet.</p>" }
    return Html(joining: served.prefix(Self.mostServed).enumerated().map { section($0.offset, $0.element) })
  }

  private var now: [Html] {
    let facts = [
      ("predictions that wait", "\(waiting.predictions)"), ("audits that wait", "\(waiting.audits)"),
      ("models in memory", "\(models.loaded)"), ("versions in the registry", "\(models.versions)"),
      ("versions that were asked", "\(served.count)"),
    ]
    return facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }
  }

  private func cells(_ one: Metrics.MethodFigures) -> [Html] {
    func time(_ share: Double) -> Html {
      one.latency.quantile(share).map { "\(ConsolePage.duration($0))" } ?? "–"
    }
    let good = one.codes.filter { $0.code == "OK" }.reduce(0) { $0 + $1.count }
    let bad = one.codes.filter { $0.code != "OK" }.map { "\($0.count) \($0.code)" }
    return ["\(one.method)", "\(good)", "\(bad.joined(separator: ", "))", time(0.5), time(0.95), time(0.99)]
  }

  private func section(_ at: Int, _ one: ServedFigures) -> Html {
    let name = one.version.name, drift: String = one.driftWords.map { "; " + $0 } ?? ""
    return """
      <section aria-labelledby="version-\(at)"><h2 id="version-\(at)"><a href="/models/\(name)">\(one.version.reference)</a></h2>
      <p>\(one.figures.success.count) predictions of \(one.figures.rows) rows, \(one.figures.failure.count) failed\(drift)</p>
      <div class="charts">\(one.charts.compactMap(\.html))</div></section>

      """
  }

  private var rest: Html? {
    let more = served.count - Self.mostServed
    guard more > 0 else { return nil }
    return
      "<p>\(more) more versions were asked; <a href=\"/metrics\">/metrics</a> and their own pages have their figures.</p>"
  }
}
