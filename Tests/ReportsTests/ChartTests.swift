import DitherGraph
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import Foundation
import Testing

/// Charts and tables of a page say what the report says: what is drawn is read back.
@Suite("Charts have the points of the data")
struct ChartTests {
  private static func report(_ probes: [String] = ["clean"]) throws -> Report {
    let model = try Small.model()
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, exampleCount: 42, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "own", digest: "sha256:00", model: model),
      data: Small.data(42, for: model))
    return try runner.report(plan.shards.map { try runner.run($0) })
  }

  typealias Curves = [(name: String, points: [Summary.Point])]

  /// The figures of one page whose report has these curves, a chart each list.
  private static func figures(_ charts: [Curves]) throws -> [Figure] {
    var report = try report(), summary = Summary()
    for (at, curves) in charts.enumerated() {
      summary.series += curves.map {
        Summary.Series(chart: "The chart <&> \(at)", name: $0.name, x: "the x \"'", y: "the y", points: $0.points)
      }
    }
    report.probes[0].summary = summary
    report.probes[0].illustrations = nil
    let figures = report.html().components(separatedBy: "<figure").dropFirst().filter { $0.contains("The chart") }
    try #require(figures.count == charts.count)
    return figures.map { Figure($0.components(separatedBy: "</figure>")[0]) }
  }
  private static func figure(_ curves: Curves) throws -> Figure { try figures([curves])[0] }

  /// What a figure shows, as a reader of its markup finds it.
  struct Figure {
    let source: String
    /// By curve, from the left.
    let lines: [[(x: Double, y: Double)]]
    /// Rows of cells, without the head.
    let rows: [[String]]

    init(_ source: String) {
      self.source = source
      lines = source.matches(of: /<polyline points="([^"]*)"/).map { match in
        match.1.split(separator: " ").map { pair in
          let numbers = pair.split(separator: ",").map { Double($0) ?? .nan }
          return numbers.count == 2 ? (numbers[0], numbers[1]) : (.nan, .nan)
        }
      }
      rows = source.matches(of: /(?s)<tr>(.*?)<\/tr>/).dropFirst().map { row in
        row.1.matches(of: /(?s)<t[hd][^>]*>(.*?)<\/t[hd]>/).map { String($0.1) }
      }
    }
    /// The numbers at the ticks of an axis, with where they stand on it.
    func ticks(_ pattern: some RegexComponent<(Substring, Substring, Substring)>) -> [(at: Double, value: Double)] {
      source.matches(of: pattern).compactMap { match in
        guard let at = Double(match.1), let value = Double(match.2) else { return nil }
        return (at, value)
      }
    }
    var horizontal: [(at: Double, value: Double)] {
      ticks(/<text class="tick" x="([-0-9.e]+)" y="[^"]*" text-anchor="middle">([^<]*)</)
    }
    var vertical: [(at: Double, value: Double)] {
      ticks(/<text class="tick" x="[^"]*" y="([-0-9.e]+)" text-anchor="end">([^<]*)</).map { ($0.at - 4, $0.value) }
    }
  }

  /// The value at a place of an axis, between two of its ticks.
  private static func value(at place: Double, _ ticks: [(at: Double, value: Double)]) throws -> Double {
    let first = try #require(ticks.first), last = try #require(ticks.last)
    try #require(first.at != last.at)
    return first.value + (place - first.at) / (last.at - first.at) * (last.value - first.value)
  }

  static let curves: Curves = [
    ("shares", (0...10).map { Summary.Point(Double($0) / 10, 1 - Double($0 * $0) / 100) }),
    ("whole numbers", (1...7).map { Summary.Point(Double($0 * 3), Double($0)) }),
    ("below nothing", (0..<9).map { Summary.Point(Double($0) - 4, Double($0 * $0) - 16) }),
    ("tiny", (0..<5).map { Summary.Point(Double($0) * 1e-9, 3e-12 * Double($0 % 3)) }),
    ("giant", (0..<5).map { Summary.Point(Double($0) * 1e18, -3e200 * Double($0 % 3)) }),
    ("far from nothing", (0..<5).map { Summary.Point(1000 + Double($0), 5e6 + Double($0 * $0)) }),
    ("many", (0..<200).map { Summary.Point(Double($0), sin(Double($0) / 20)) }),
  ]

  @Test("where a line goes is what its axes say there")
  func points() throws {
    for (curve, figure) in zip(Self.curves, try Self.figures(Self.curves.map { [$0] })) { try check(curve, figure) }
  }

  private func check(_ curve: Curves.Element, _ figure: Figure) throws {
    let line = try #require(figure.lines.first), xs = curve.points.map(\.x), ys = curve.points.map(\.y)
    #expect(figure.lines.count == 1 && line.count == curve.points.count)
    for ticks in [figure.horizontal, figure.vertical] {
      #expect(ticks.count >= 2 && Set(ticks.map(\.value)).count == ticks.count, "each tick says another number")
    }
    let width = (xs.max() ?? 0) - (xs.min() ?? 0), height = (ys.max() ?? 0) - (ys.min() ?? 0)
    // Coordinates have two digits, ticks four.
    let size = (xs + [width]).map(abs).max() ?? 0, tall = (ys + [height]).map(abs).max() ?? 0
    for (point, drawn) in zip(curve.points, line) {
      #expect(abs(try Self.value(at: drawn.x, figure.horizontal) - point.x) <= 2e-3 * width + 1e-3 * size)
      #expect(abs(try Self.value(at: drawn.y, figure.vertical) - point.y) <= 2e-3 * height + 1e-3 * tall)
    }
    // Higher numbers stand higher.
    for (a, b) in zip(line.indices, line.indices.dropFirst()) where ys[a] != ys[b] && height < 1e3 * abs(ys[a] - ys[b])
    {
      #expect((line[a].y > line[b].y) == (ys[a] < ys[b]))
    }
  }

  @Test("the table behind a chart has its numbers, and every curve's name")
  func table() throws {
    let ranges = Self.curves.map { curve in
      curve.points.map { Summary.Point($0.x, $0.y, Interval(low: $0.y - 1, high: $0.y + 1)) }
    }
    let figures = try Self.figures(zip(Self.curves, ranges).map { [$0, ("other <b>", $1)] })
    for ((curve, range), figure) in zip(zip(Self.curves, ranges), figures) { try check(curve, range, figure) }
  }

  private func check(_ curve: Curves.Element, _ range: [Summary.Point], _ figure: Figure) throws {
    #expect(figure.rows.count == 2 * curve.points.count)
    for (row, point) in zip(figure.rows, curve.points + range) {
      try #require(row.count == 4)
      for (cell, number) in zip(row[1...2], [point.x, point.y]) {
        #expect(abs((Double(cell) ?? .nan) - number) <= 1e-3 * abs(number))
      }
      #expect(row[0] == (point.interval == nil ? curve.name : "other &lt;b&gt;"))
      let ends = row[3].components(separatedBy: " to ").compactMap(Double.init)
      #expect(ends.count == (point.interval == nil ? 0 : 2))
      if let interval = point.interval { #expect(abs(ends[0] - interval.low) <= 1e-3 * abs(interval.low)) }
    }
  }

  @Test("numbers that are all one, however large or small, are drawn within the picture")
  func oneNumber() throws {
    let numbers: [Double] = [0, 1, -1, 0.1, 1e-300, 5e-324, 1e15, 1e16, 1e17, -1e17, 1e200, 1e308, -1e308]
    let charts = numbers.flatMap { number -> [Curves] in
      let lists: [[Summary.Point]] = [
        [Summary.Point(number, number)], [Summary.Point(number, 1), Summary.Point(number, 2)],
        [Summary.Point(1, number), Summary.Point(2, number)],
        [Summary.Point(0, number, Interval(low: number, high: number)), Summary.Point(1, number)],
      ]
      return lists.map { [("one", $0)] }
    }
    for (at, figure) in try Self.figures(charts).enumerated() {
      let number = numbers[at / 4]
      #expect(!figure.source.contains("nan") && !figure.source.contains("inf"))
      for place in figure.lines.joined() {
        #expect((0...460).contains(place.x) && (0...280).contains(place.y), "\(number): \(place)")
      }
      #expect(figure.horizontal.count <= 12 && figure.vertical.count <= 12)
    }
  }

  @Test("the ends of what a number can be are drawn within the picture")
  func ends() throws {
    let most = Double.greatestFiniteMagnitude
    let figure = try Self.figure([("ends", [Summary.Point(-most, most), Summary.Point(most, -most)])])
    #expect(!figure.source.contains("nan") && !figure.source.contains("inf"))
    #expect(figure.lines.joined().allSatisfy { (0...460).contains($0.x) && (0...280).contains($0.y) })
  }

  @Test("a chart without a point is an empty chart")
  func empty() throws {
    let figure = try Self.figure([("none", [])])
    #expect(figure.rows.isEmpty && !figure.source.contains("nan"))
  }

  @Test("text of a chart is text: title, axes, names, in markup and in attributes")
  func text() throws {
    let figure = try Self.figure([("a<script>", [Summary.Point(1, 1)]), ("b\"'&", [Summary.Point(2, 2)])])
    for word in ["The chart &lt;&amp;&gt;", "the x &quot;&#39;", "a&lt;script&gt;", "b&quot;&#39;&amp;"] {
      #expect(figure.source.contains(word), "\(word)")
    }
    #expect(!figure.source.contains("<script") && figure.source.components(separatedBy: "<li ").count == 3)
  }

  @Test("more curves than a reader tells apart are all in the table")
  func many() throws {
    let curves = (0..<11).map { at in ("curve \(at)", (0..<3).map { Summary.Point(Double($0), Double(at)) }) }
    let figure = try Self.figure(curves)
    #expect(Set(figure.rows.map { $0[0] }) == Set(curves.map(\.0)) && figure.rows.count == 33)
  }

  @Test("bars are as long as their share, with whiskers at the interval's ends")
  func bars() throws {
    let report = try Self.report(["clean", "pgd:epsilon=0.05,steps=2", "pgd:epsilon=0.3,steps=2"])
    let svg = try #require(report.html().components(separatedBy: "<svg class=\"bars\"").dropFirst().first)
    let drawing = svg.components(separatedBy: "</svg>")[0]
    let bars = drawing.matches(of: /class="bar" x="0" y="[^"]*" width="([^"]*)"/).compactMap { Double($0.1) }
    let whiskers = drawing.matches(of: /class="whisker" x1="([^"]*)" x2="([^"]*)"/).compactMap {
      match -> (Double, Double)? in
      guard let low = Double(match.1), let high = Double(match.2) else { return nil }
      return (low, high)
    }
    let whole = try #require(drawing.firstMatch(of: /class="track" x="0" y="[^"]*" width="([^"]*)"/)?.1)
    let end = try #require(Double(whole))
    try #require(bars.count == 3 && whiskers.count == 3 && report.probes.count == 3)
    for (probe, (bar, whisker)) in zip(report.probes, zip(bars, whiskers)) {
      #expect(abs(bar - max(probe.robustAccuracy * end, 1)) < 0.01, "\(probe.title)")
      #expect(abs(whisker.0 - probe.interval.low * end) < 0.01 && abs(whisker.1 - probe.interval.high * end) < 0.01)
    }
    #expect(Set(bars).count > 1)
  }
}
