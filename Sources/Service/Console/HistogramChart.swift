import DitherReports
import Foundation

/// A histogram as columns, from the first bucket that holds something to the last.
struct HistogramChart {
  /// The numbers that were counted: "Draws of a prediction".
  var title: String
  /// Behind a number: " ms", or nothing.
  var unit = ""
  /// By which numbers are multiplied before they are shown.
  var factor = 1.0
  /// Whether they are whole.
  var isWhole = false
  var histogram: Histogram

  private static let width = 300.0, height = 96.0, floor = 78.0

  /// nil of no numbers.
  var html: Html? {
    let held = histogram.counts.indices.filter { histogram.counts[$0] > 0 }
    guard let first = held.first, let last = held.last, let most = histogram.counts.max() else { return nil }
    let buckets = Array(first...last), step = Self.width / Double(buckets.count)
    let columns = buckets.enumerated().map { at, bucket -> Html in
      let count = histogram.counts[bucket], tall = Self.floor * Double(count) / Double(most)
      return """
        <g><title>\(bound(bucket)): \(count)</title><rect x="\(Double(at) * step)" y="\(Self.floor - tall)" \
        width="\(max(step - 2, 1))" height="\(tall)"/></g>
        """
    }
    let said = buckets.filter { histogram.counts[$0] > 0 }.map { "\(bound($0)): \(histogram.counts[$0])" }
    return """
      <figure><figcaption>\(title) <span>\(summary)</span></figcaption>
      <svg viewBox="0 0 \(Self.width) \(Self.height)" role="img" aria-label="\(title). \(said.joined(separator: "; "))">
      \(columns)<line x1="0" x2="\(Self.width)" y1="\(Self.floor)" y2="\(Self.floor)"/>
      <text x="0" y="\(Self.height - 2)">\(bound(first))</text>\
      <text x="\(Self.width)" y="\(Self.height - 2)" text-anchor="end">\(bound(last))</text></svg></figure>
      """
  }

  private var summary: String {
    guard let median = histogram.quantile(0.5, isWhole: isWhole), let high = histogram.quantile(0.95, isWhole: isWhole)
    else { return "" }
    return isWhole
      ? "\(histogram.total), median at most \(shown(median)), 95 % at most \(shown(high))"
      : "\(histogram.total), median \(shown(median)), 95 % below \(shown(high))"
  }

  private func bound(_ bucket: Int) -> String {
    bucket < histogram.bounds.count
      ? "up to \(shown(histogram.bounds[bucket]))" : "above \(shown(histogram.bounds.last ?? 0))"
  }

  private func shown(_ value: Double) -> String { ConsolePage.number(value * factor) + unit }
}
