import DitherRobustness

/// A page of curves with facts beside them, as a training leaves it: no script, no request, every chart inside.
public struct CurvesPage {
  /// A word above the title.
  public var eyebrow: String
  /// The heading.
  public var title: String
  /// A sentence below it.
  public var lead: String
  /// Curves; those of one chart are drawn together. Points that are no numbers are left out.
  public var series: [Summary.Series]
  /// Points over parallel axes; nil: none.
  public var points: ParallelCoordinates?
  /// Numbers by pairs of values.
  public var maps: [HeatMap] = []
  /// Names with their values, in their order.
  public var facts: [(name: String, value: String)]
  /// Text as it is in a file, with its caption.
  public var source: (caption: String, text: String)

  /// Links above the title; none of a page that is a file.
  public var links: [PageLink] = []

  /// A page of these parts.
  public init(
    eyebrow: String, title: String, lead: String, series: [Summary.Series], facts: [(name: String, value: String)],
    source: (caption: String, text: String)
  ) {
    (self.eyebrow, self.title, self.lead) = (eyebrow, title, lead)
    (self.series, self.facts, self.source) = (series, facts, source)
  }

  /// The page.
  public func html() -> String {
    let list = facts.map { "<dt>\($0.name)</dt><dd>\($0.value)</dd>" as Html }
    return Html.document(
      title,
      body: """
        \(Html.links(links))<header><p class="eyebrow">\(eyebrow)</p><h1>\(title)</h1><p class="lead">\(lead)</p></header>
        <h2>Curves</h2><div class="charts">\(charts)</div>
        <h2>Facts</h2><section class="card"><dl>\(list)</dl></section>
        <h2>\(source.caption)</h2><section class="card"><pre><code>\(source.text)</code></pre></section>
        """
    ).source
  }

  private var charts: [Html] {
    Self.plots(series).map(\.html) + maps.compactMap(\.html) + [points?.html].compactMap { $0 }
  }

  /// Each chart as an SVG file of its own, by its title.
  public func files() -> [(title: String, svg: String)] { Self.plots(series).map { ($0.title, $0.file.source) } }

  private static func plots(_ series: [Summary.Series]) -> [Plot] {
    var order: [String] = []
    for one in series where !order.contains(one.chart) { order.append(one.chart) }
    return order.compactMap { chart in
      let group = series.filter { $0.chart == chart }
      let curves = group.map { one in
        Plot.Curve(name: one.name, role: .model, points: one.points.filter { $0.x.isFinite && $0.y.isFinite })
      }.filter { !$0.points.isEmpty }
      guard let first = group.first, !curves.isEmpty else { return nil }
      return Plot(title: chart, x: first.x, y: first.y, curves: curves)
    }
  }
}
