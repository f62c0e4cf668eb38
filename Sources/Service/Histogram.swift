/// Counts of numbers by upper bounds, as Prometheus reads them.
struct Histogram: Sendable {
  /// Rising; a number above all is in a bucket of its own.
  let bounds: [Double]
  private(set) var counts: [UInt64]
  private(set) var sum = 0.0

  init(_ bounds: [Double]) {
    self.bounds = bounds
    counts = [UInt64](repeating: 0, count: bounds.count + 1)
  }

  /// Numbers that are not finite are no measurement, and left out.
  mutating func add(_ value: Double) {
    guard value.isFinite else { return }
    counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
    sum += value
  }

  /// All that was added.
  var total: UInt64 { counts.reduce(0, +) }

  /// - Parameters:
  ///   - share: 0 to 1.
  ///   - isWhole: of whole numbers, between which there is nothing, the bucket's bound is told.
  /// - Returns: where so large a share lies below, as if numbers were spread evenly within their bucket; the last bound
  ///   for those above all; nil of none. Source: Prometheus's `histogram_quantile`.
  func quantile(_ share: Double, isWhole: Bool = false) -> Double? {
    let wanted = share * Double(total)
    guard total > 0 else { return nil }
    var below = 0.0
    for (bucket, count) in counts.enumerated() where count > 0 {
      if below + Double(count) >= wanted {
        guard bucket < bounds.count else { break }
        if isWhole { return bounds[bucket] }
        let low = bucket > 0 ? bounds[bucket - 1] : min(0, bounds[0])
        return low + (bounds[bucket] - low) * (wanted - below) / Double(count)
      }
      below += Double(count)
    }
    return bounds.last
  }

  /// From 0.1 ms to 10 s.
  static let seconds = [
    1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]
  static let powersOfTwo = (0...16).map { Double(1 << $0) }
  /// Bounds of entropies: 2.3 of ten classes that are equally likely.
  static let nats = [0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4, 7]
}
