import DitherRobustness
import Foundation

/// Curves of any numbers as inline SVG, with axes that fit them.
struct Plot {
  struct Curve {
    var name: String
    var role: Chart.Series.Role
    var points: [Summary.Point]
    /// nil: a line.
    var form: Summary.Series.Form?
  }

  var title: String
  var x: String
  var y: String
  /// All that the table has.
  var curves: [Curve]
  /// Curves that are drawn; nil: all.
  var drawn: [Curve]?
  var note = ""

  private static let width = 460.0, height = 280.0, left = 58.0, right = 16.0, top = 26.0, bottom = 46.0
  /// As many curves have an appearance of their own.
  static let styles = 16

  var html: Html {
    let (keys, body) = drawing
    let chart: Html = """
      <svg viewBox="0 0 \(Self.width) \(Self.height)" role="img" aria-label="\(title): \(y) by \(x)">
      \(body)</svg>
      """
    return Html.figure(title, note: note, chart: chart, legend: keys, table: table)
  }

  /// An SVG file of its own, with title and legend.
  var file: Html {
    let (keys, body) = drawing, below = keys.count < 2 ? 0 : 20 * Double(keys.count) + 4
    let legend =
      keys.count < 2
      ? []
      : keys.enumerated().map { at, key -> Html in
        let line = Self.height + 20 * Double(at) + 8
        return """
          <g class="\(key.cssClass)"><polyline points="\(Self.left),\(line) \(Self.left + 28),\(line)"/></g>\
          <text class="tick" x="\(Self.left + 36)" y="\(line + 4)">\(key.name)</text>

          """
      }
    let head = 24.0, tall = head + Self.height + below
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.width)" height="\(tall)" viewBox="0 \(-head) \(Self.width) \(tall)" role="img" aria-label="\(title): \(y) by \(x)">
      <style>\(Html.style)svg{font-family:system-ui,sans-serif;background:var(--card)}</style>
      <rect x="0" y="\(-head)" width="\(Self.width)" height="\(tall)" style="fill:var(--card)"/>
      <text class="label" x="12" y="-4">\(title)</text>
      \(body)\(legend)</svg>

      """
  }

  /// Numbers that the vertical axis must reach. The interval of a point of few examples may be many times as long as
  /// the curves are high, and would leave them flat: it is drawn as far as twice their height beyond them, and the
  /// table has it.
  private static func heights(_ points: [Summary.Point]) -> [Double] {
    let own = points.map(\.y).filter(\.isFinite)
    guard let low = own.min(), let high = own.max() else { return points.map(\.y) }
    let room = high > low ? 2 * (high - low) : .infinity
    return points.flatMap { point in
      [point.y, max(point.interval?.low ?? point.y, low - room), min(point.interval?.high ?? point.y, high + room)]
    }
  }

  private var drawing: (keys: [Chart.Key], body: Html) {
    let shown = drawn ?? curves, all = shown.flatMap(\.points)
    let hasOneOfEach = Set(shown.map(\.role)).count == shown.count
    // Where a curve stands for a model it looks as that model does everywhere.
    let keys = shown.enumerated().map { at, curve in
      Chart.Key(cssClass: hasOneOfEach ? curve.role.cssClass : "c\(at % Self.styles)", name: curve.name)
    }
    let horizontal = Axis(all.map(\.x), isWhole: all.allSatisfy { $0.x == $0.x.rounded() }),
      vertical = Axis(Self.heights(all))
    func px(_ value: Double) -> Double {
      Self.left + 8 + horizontal.share(value) * (Self.width - Self.left - Self.right - 16)
    }
    // Beside the first bar of a histogram the others would be lines: their roots tell them apart.
    let isRooted = Self.areBars(shown) && vertical.low == 0
    func py(_ value: Double) -> Double {
      let share = vertical.share(value)
      return Self.top + (1 - (isRooted ? share.squareRoot() : share)) * (Self.height - Self.top - Self.bottom)
    }
    let rows = vertical.ticks.map { tick -> Html in
      """
      <line class="grid" x1="\(Self.left)" x2="\(Self.width - Self.right)" y1="\(py(tick))" y2="\(py(tick))"/>\
      <text class="tick" x="\(Self.left - 8)" y="\(py(tick) + 4)" text-anchor="end">\(vertical.label(tick))</text>
      """
    }
    let columns = horizontal.ticks.map { tick -> Html in
      """
      <text class="tick" x="\(px(tick))" y="\(Self.height - Self.bottom + 18)" text-anchor="middle">\(horizontal.label(tick))</text>
      """
    }
    let places = Places(px: px, py: py, count: shown.count { $0.form == .bars })
    var barAt = 0
    let lines = zip(shown, keys).map { curve, key -> Html in
      if curve.form == .bars {
        barAt += 1
        return Self.bars(curve, key, at: barAt - 1, places)
      }
      let line = curve.points.map { "\(px($0.x)),\(py($0.y))" as Html }
      let hasFew = curve.points.count <= 24
      let marks = curve.points.map { point -> Html in
        let whisker = point.interval.map { range -> Html in
          """
          <line class="whisker" x1="\(px(point.x))" x2="\(px(point.x))" y1="\(py(range.high))" y2="\(py(range.low))"/>
          """
        }
        guard hasFew else { return "" }
        let dot: Html = "<circle cx=\"\(px(point.x))\" cy=\"\(py(point.y))\" r=\"3\"/>"
        return """
          <g><title>\(curve.name), \(Axis.text(point.x)): \(Axis.text(point.y))</title>\(whisker)\
          \(hasOneOfEach ? curve.role.marker(px(point.x), py(point.y)) : dot)</g>
          """
      }
      return """
        <g class="\(key.cssClass)"><polyline points="\(Html(joining: line, by: " "))"/>\(marks)</g>

        """
    }
    return (
      keys,
      """
      \(rows)\(columns)<text class="axis" x="\(Self.left - 44)" y="\(Self.top - 12)">\(y)\(isRooted ? ", by its square root" : "")</text>
      <text class="axis" x="\((Self.left + Self.width - Self.right) / 2)" y="\(Self.height - 6)" text-anchor="middle">\(x)</text>
      \(lines)
      """
    )
  }

  /// The ways from numbers to places, and how many histograms share them.
  private struct Places {
    var px: (Double) -> Double, py: (Double) -> Double
    var count: Int
  }

  private static func areBars(_ curves: [Curve]) -> Bool { !curves.isEmpty && curves.allSatisfy { $0.form == .bars } }

  /// A histogram: several stand side by side in each bin.
  private static func bars(_ curve: Curve, _ key: Chart.Key, at place: Int, _ places: Places) -> Html {
    let xs = curve.points.map(\.x), count = Double(max(places.count, 1))
    let bin = zip(xs.dropFirst(), xs).map { places.px($0) - places.px($1) }.min() ?? 12, width = bin / count
    let drawn = curve.points.map { point -> Html in
      let left = places.px(point.x) - bin / 2 + Double(place) * width, top = places.py(point.y)
      let tall = max(places.py(0) - top, point.y > 0 ? 1 : 0)
      return """
        <g><title>\(curve.name), \(Axis.text(point.x)): \(Axis.text(point.y))</title>\
        <rect class="bar" x="\(left)" y="\(top)" width="\(max(width * 0.92, 0.5))" height="\(tall)"/></g>
        """
    }
    return "<g class=\"\(key.cssClass)\">\(drawn)</g>\n"
  }

  private var table: Html {
    let rows = curves.flatMap { curve in
      curve.points.map { point in
        [
          curve.name, Axis.text(point.x), Axis.text(point.y),
          point.interval.map { "\(Axis.text($0.low)) to \(Axis.text($0.high))" } ?? "",
        ]
      }
    }
    return .table(title, ["Curve", x, y, "95 %"], rows)
  }

  /// From the least to the largest number, with round numbers to read.
  private struct Axis {
    let low: Double, high: Double
    let ticks: [Double]
    /// As many as tell one tick from the next.
    private let digits: Int
    /// Beyond it the length of an axis is no number.
    private static let farthest = 1e300

    /// - Parameter isWhole: between whole numbers there is nothing to read.
    init(_ values: [Double], isWhole: Bool = false) {
      func near(_ value: Double) -> Double { min(max(value, -Self.farthest), Self.farthest) }
      var low = near(values.min() ?? 0), high = near(values.max() ?? 1)
      // Shares and lengths start at 0.
      if low > 0, low < 0.5 * high { low = 0 }
      // An axis of one number, as far as its digits go, has room around it.
      let size = max(abs(low), abs(high))
      if high - low < 1e-12 * max(size, 1e-12) {
        let room = max(0.5, 1e-2 * size)
        (low, high) = (low - room, high + room)
      }
      let rough = isWhole ? max((high - low) / 5, 1) : (high - low) / 5, power = pow(10, floor(log10(rough)))
      let steps = [1.0, 2, 2.5, 5, 10].map { $0 * power }.filter { !isWhole || $0 == $0.rounded() }
      let step = steps.first { $0 >= rough } ?? rough
      var ticks: [Double] = [], tick = (low / step).rounded(.up) * step
      while tick <= high + step * 1e-9, ticks.count < 12 {
        ticks.append(abs(tick) < step * 1e-9 ? 0 : tick)
        tick += step
      }
      self.low = low
      self.high = high
      self.ticks = ticks
      digits = min(max(Int(log10(max(size / step, 1)).rounded(.up)) + 2, 4), 15)
    }

    func share(_ value: Double) -> Double { min(max((value - low) / (high - low), 0), 1) }

    func label(_ tick: Double) -> String { Self.text(tick, digits: digits) }

    static func text(_ value: Double, digits: Int = 4) -> String {
      let text = String(format: "%.*g", digits, value)
      return text == "-0" ? "0" : text
    }
  }
}
