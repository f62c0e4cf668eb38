import DitherRobustness

/// Drawings of shares from 0 to 100 % as inline SVG: no script, and colors from the page's style sheet.
enum Chart {
  /// A line of a legend.
  struct Key {
    var cssClass: String
    var name: String
  }

  struct Series {
    /// Whose numbers they are.
    enum Role: Hashable {
      case model
      /// Another model, counted from 0 in the order of the report's comparisons.
      case other(Int)
      case noiseOff, singleDraw
      /// The accuracy of a guess.
      case chance
      /// The accuracy under all attacks, beside what is certified.
      case attacked

      /// As many other models have an appearance of their own.
      private static let otherStyles = 5

      var cssClass: String {
        switch self {
        case .model: "s-model"
        case .other(let at): "s-o\(at % Self.otherStyles)"
        case .noiseOff: "s-off"
        case .singleDraw: "s-single"
        case .chance: "s-chance"
        case .attacked: "s-attacked"
        }
      }

      var title: String {
        switch self {
        case .model: "this model"
        case .other(let at): at == 0 ? "baseline" : "baseline \(at + 1)"
        case .noiseOff: "this model, noise off"
        case .singleDraw: "this model, attacked through one draw"
        case .chance: "chance"
        case .attacked: "this model under all attacks together"
        }
      }

      var key: Key { Key(cssClass: cssClass, name: title) }

      /// A shape for each role: color alone does not tell them apart.
      func marker(_ x: Double, _ y: Double) -> Html {
        switch self {
        case .model: "<circle cx=\"\(x)\" cy=\"\(y)\" r=\"4.5\"/>"
        case .noiseOff: "<path d=\"M\(x) \(y - 5.5)l5.5 5.5l-5.5 5.5l-5.5-5.5z\"/>"
        case .singleDraw: "<path d=\"M\(x) \(y - 5)l5.5 9.5h-11z\"/>"
        case .chance: ""
        case .attacked: "<path d=\"M\(x - 4.5) \(y - 4.5)h9v9h-9z\"/>"
        case .other(let at):
          switch at % Self.otherStyles {
          case 0: "<rect x=\"\(x - 4)\" y=\"\(y - 4)\" width=\"8\" height=\"8\"/>"
          case 1: "<path d=\"M\(x) \(y + 5)l5.5-9.5h-11z\"/>"
          case 2: "<path d=\"M\(x - 1.5) \(y - 5)h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z\"/>"
          case 3: "<path d=\"M\(x - 5) \(y - 5)h10l-10 10h10z\"/>"
          default: "<path d=\"M\(x - 5) \(y - 5)v10l10-10v10z\"/>"
          }
        }
      }
    }
    struct Point {
      var x: Double
      var label: String
      var value: Double
      var interval: Interval
    }
    var role: Role
    var points: [Point]
  }

  // MARK: lines

  private static let width = 460.0, height = 280.0, left = 44.0, right = 16.0, top = 26.0, bottom = 46.0
  private static func y(_ share: Double) -> Double { top + (1 - share) * (height - top - bottom) }

  /// Accuracy by the strength of what disturbs it; whiskers are 95 % intervals.
  static func lines(_ series: [Series], xTitle: String, description: String) -> Html {
    let xs = series.flatMap(\.points).map(\.x), most = max(xs.max() ?? 1, .leastNormalMagnitude)
    func x(_ value: Double) -> Double { left + 10 + value / most * (width - left - right - 20) }
    var seen: Set<Double> = []
    let ticks = series.flatMap(\.points).filter { seen.insert($0.x).inserted }.sorted { $0.x < $1.x }
    // Labels that would touch give way, the last one excepted.
    var shown: [Series.Point] = []
    for tick in ticks {
      while let last = shown.last, x(tick.x) - x(last.x) < 7 * Double(max(tick.label.count, last.label.count)) {
        shown.removeLast()
      }
      shown.append(tick)
    }
    let xLabels = shown.map {
      "<text class=\"tick\" x=\"\(x($0.x))\" y=\"\(height - bottom + 18)\" text-anchor=\"middle\">\($0.label)</text>"
        as Html
    }
    let drawn = series.enumerated().map { at, one -> Html in
      let path = one.points.map { "\(x($0.x)),\(y($0.value))" as Html }
      // Neighboring series keep their whiskers apart.
      let shift = (Double(at) - Double(series.count - 1) / 2) * 4
      return """
        <g class="\(one.role.cssClass)"><polyline points="\(Html(joining: path, by: " "))"/>\
        \(one.points.map { whisker($0, x: x($0.x) + shift, role: one.role) })</g>

        """
    }
    return """
      <svg viewBox="0 0 \(width) \(height)" role="img" aria-label="\(description)">
      \(grid())\(xLabels)
      <text class="axis" x="\((left + width - right) / 2)" y="\(height - 6)" text-anchor="middle">\(xTitle)</text>
      \(drawn)</svg>
      """
  }

  private static func grid() -> Html {
    let lines = [0.0, 0.25, 0.5, 0.75, 1].map { share -> Html in
      """
      <line class="grid" x1="\(left)" x2="\(width - right)" y1="\(y(share))" y2="\(y(share))"/>\
      <text class="tick" x="\(left - 8)" y="\(y(share) + 4)" text-anchor="end">\(Int(share * 100))</text>
      """
    }
    return "\(lines)<text class=\"axis\" x=\"\(left - 36)\" y=\"\(top - 12)\">%</text>"
  }

  private static func whisker(_ point: Series.Point, x: Double, role: Series.Role) -> Html {
    """
    <g><title>\(role.title), \(point.label): \(Written.percent(point.value)) (\(Written.interval(point.interval)))</title>\
    <line class="whisker" x1="\(x)" x2="\(x)" y1="\(y(point.interval.high))" y2="\(y(point.interval.low))"/>\
    \(role.marker(x, y(point.value)))</g>
    """
  }

  // MARK: bars

  struct Bars {
    var title: String
    var values: [(role: Series.Role, value: Double, interval: Interval)]
  }

  private static let bar = 14.0, gap = 5.0, head = 22.0, foot = 12.0
  private static func height(of group: Bars) -> Double { head + Double(group.values.count) * (bar + gap) + foot }

  /// One group of bars for each condition, with the 95 % interval across the end of each. A drawing has at most four
  /// groups and is so low that a page of paper holds it.
  static func bars(_ groups: [Bars], description: String) -> Html {
    let tallest = groups.map(height).max() ?? 1, perDrawing = min(max(Int(320 / tallest), 1), 4)
    let drawings = stride(from: 0, to: groups.count, by: perDrawing).map { start -> Html in
      let part = groups[start..<min(start + perDrawing, groups.count)]
      return drawing(
        of: part,
        description: part.count == groups.count
          ? description : "\(description): \(start + 1) to \(part.endIndex) of \(groups.count)")
    }
    return Html(joining: drawings, by: "\n")
  }

  private static func drawing(of groups: ArraySlice<Bars>, description: String) -> Html {
    let wide = 640.0, end = wide - 84
    var offset = 4.0
    let drawn = groups.map { group -> Html in
      let start = offset
      let bars = group.values.enumerated().map { at, one -> Html in
        let y = start + head + Double(at) * (bar + gap), middle = y + bar / 2
        return """
          <g class="\(one.role.cssClass)"><title>\(group.title), \(one.role.title): \(Written.percent(one.value)) \
          (\(Written.interval(one.interval)))</title>\
          <rect class="track" x="0" y="\(y)" width="\(end)" height="\(bar)" rx="3"/>\
          <rect class="bar" x="0" y="\(y)" width="\(max(one.value * end, 1))" height="\(bar)" rx="3"/>\
          <line class="whisker" x1="\(one.interval.low * end)" x2="\(one.interval.high * end)" y1="\(middle)" \
          y2="\(middle)"/><text class="value" x="\(wide)" y="\(middle + 4.5)" text-anchor="end">\
          \(Written.percent(one.value))</text></g>

          """
      }
      offset += height(of: group)
      return "<text class=\"label\" x=\"0\" y=\"\(start + 14)\">\(group.title)</text>\(bars)"
    }
    return """
      <svg class="bars" viewBox="0 0 \(wide) \(offset)" role="img" aria-label="\(description)">
      \(drawn)</svg>
      """
  }

  // MARK: reliability

  /// How often the model is right, by how sure it says it is; the bars below count the examples.
  static func reliability(_ calibration: Calibration, role: Series.Role, description: String) -> Html {
    let span = width - left - right - 20, start = left + 10
    let counts = 46.0, most = Double(max(calibration.bins.map(\.count).max() ?? 1, 1))
    func x(_ share: Double) -> Double { start + share * span }
    let ticks = [0.0, 0.25, 0.5, 0.75, 1].map { share -> Html in
      "<text class=\"tick\" x=\"\(x(share))\" y=\"\(height - bottom + 18)\" text-anchor=\"middle\">\(Int(share * 100))</text>"
    }
    let bins = calibration.bins.map { bin -> Html in
      guard let accuracy = bin.accuracy, let mean = bin.meanProbability else { return "" }
      let tall = Double(bin.count) / most * (counts - 14), base = height + counts
      let interval = Proportion(Int((accuracy * Double(bin.count)).rounded()), of: bin.count).interval
      return """
        <g><title>\(Written.points(bin.lower)) to \(Written.percent(bin.upper)): \(bin.count) examples, says \
        \(Written.percent(mean)), right \(Written.percent(accuracy))</title>\
        <rect class="bar faint" x="\(x(bin.lower) + 1)" y="\(base - tall)" width="\(span / 15 - 2)" height="\(tall)"/>\
        <text class="count" x="\(x((bin.lower + bin.upper) / 2))" y="\(base - tall - 3)" text-anchor="middle">\
        \(bin.count)</text>\
        <line class="whisker" x1="\(x(mean))" x2="\(x(mean))" y1="\(y(interval.high))" y2="\(y(interval.low))"/>\
        \(role.marker(x(mean), y(accuracy)))</g>

        """
    }
    return """
      <svg viewBox="0 0 \(width) \(height + counts)" role="img" aria-label="\(description)">
      \(grid())\(ticks)<line class="diagonal" x1="\(x(0))" y1="\(y(0))" x2="\(x(1))" y2="\(y(1))"/>
      <text class="axis" x="\((left + width - right) / 2)" y="\(height - 6)" text-anchor="middle">\
      largest probability, %; below: examples in each bin</text>
      <g class="\(role.cssClass)">\(bins)</g></svg>
      """
  }
}
