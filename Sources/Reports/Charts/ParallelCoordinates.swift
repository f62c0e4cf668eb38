import Foundation

/// Points of several numbers or words as lines over parallel axes, the last of which is what they came to. Source:
/// Inselberg 1985, The Visual Computer 1.
public struct ParallelCoordinates: Sendable {
  /// One axis: its name, and each point's place on it.
  public struct Axis: Sendable {
    public var name: String
    /// Places from 0, below, to 1; nil of a point that has none.
    public var places: [Double?]
    /// Places with what stands there.
    public var ticks: [(place: Double, label: String)]

    /// Numbers, from the least to the largest, over their logarithms where that is asked for and all are above 0.
    public init(_ name: String, numbers: [Double?], isLogarithmic: Bool = false) {
      let isLogarithmic = isLogarithmic && numbers.allSatisfy { $0.map { $0 > 0 } ?? true }
      func place(_ number: Double) -> Double { isLogarithmic ? log10(number) : number }
      let finite = numbers.compactMap { $0.flatMap { $0.isFinite ? $0 : nil } }
      let low = finite.min() ?? 0, high = finite.max() ?? 1, span = place(high) - place(low)
      func share(_ number: Double) -> Double { span > 0 ? (place(number) - place(low)) / span : 0.5 }
      self.name = name
      places = numbers.map { number in number.flatMap { $0.isFinite ? share($0) : nil } }
      let different = Set(finite).sorted(), shown = different.count <= 6 ? different : [low, high]
      ticks = shown.map { (share($0), String(format: "%.4g", $0)) }
    }

    /// Words, evenly.
    public init(_ name: String, words: [String]) {
      var order: [String] = []
      for word in words where !order.contains(word) { order.append(word) }
      func share(_ at: Int) -> Double { order.count > 1 ? Double(at) / Double(order.count - 1) : 0.5 }
      self.name = name
      places = words.map { order.firstIndex(of: $0).map(share) }
      ticks = order.enumerated().map { (share($0), $1) }
    }
  }

  public var title: String
  /// Two or more, of as many points each.
  public var axes: [Axis]
  /// A line of words for each point, the best first.
  public var points: [String]

  /// - Parameter points: the first is the best and drawn as such.
  public init(title: String, axes: [Axis], points: [String]) {
    (self.title, self.axes, self.points) = (title, axes, points)
  }

  /// Points that are drawn: more would be a blot.
  private static let mostLines = 300
  private static let height = 280.0, left = 60.0, right = 60.0, top = 34.0, bottom = 18.0

  /// nil: there is nothing to compare.
  var html: Html? {
    guard axes.count > 1, points.count > 1 else { return nil }
    let width = max(460, Self.left + Self.right + 130 * Double(axes.count - 1))
    func x(_ axis: Int) -> Double {
      Self.left + Double(axis) / Double(axes.count - 1) * (width - Self.left - Self.right)
    }
    func y(_ place: Double) -> Double { Self.top + (1 - place) * (Self.height - Self.top - Self.bottom) }
    let scales = axes.enumerated().map { at, axis -> Html in
      let ticks = axis.ticks.map { tick -> Html in
        "<text class=\"tick\" x=\"\(x(at) - 6)\" y=\"\(y(tick.place) + 4)\" text-anchor=\"end\">\(tick.label)</text>"
      }
      return """
        <line class="grid" x1="\(x(at))" x2="\(x(at))" y1="\(y(1))" y2="\(y(0))"/>\(ticks)\
        <text class="axis" x="\(x(at))" y="\(Self.top - 14)" text-anchor="middle">\(axis.name)</text>

        """
    }
    // The best last, above the others.
    let lines = points.indices.prefix(Self.mostLines).reversed().map { point -> Html in
      let path = axes.indices.compactMap { at in
        axes[at].places.indices.contains(point) ? axes[at].places[point].map { "\(x(at)),\(y($0))" as Html } : nil
      }
      let isBest = point == 0
      return """
        <g class="\(isBest ? "c0" : "c0 faint")"><title>\(points[point])</title>\
        <polyline points="\(Html(joining: path, by: " "))"\(isBest ? " style=\"stroke-width:3.5\"" : "" as Html)/></g>

        """
    }
    let left = points.count - Self.mostLines
    return """
      <figure class="card"><figcaption><h3>\(title)</h3>\
      <p>A line for each point; the thick one is the best.\(left > 0 ? " \(left) more are in the table." : "")</p></figcaption>
      <svg viewBox="0 0 \(width) \(Self.height)" role="img" aria-label="\(title): a line for each point">
      \(scales)\(lines)</svg></figure>

      """
  }
}
