/// How often numbers fall where: TensorBoard's `HistogramProto`.
struct Histogram: Equatable {
  /// Buckets of equal width, as TensorFlow 2 makes them.
  static let mostBuckets = 30

  let least: Double, most: Double, count: Int, sum: Double, squares: Double
  /// The end of each bucket, the last at the largest number.
  let limits: [Double]
  let counts: [Double]

  /// - Parameter values: finite.
  init(_ values: UnsafeBufferPointer<Float>) {
    var least = Float.infinity, most = -Float.infinity, sum = 0.0, squares = 0.0
    for value in values {
      least = min(least, value)
      most = max(most, value)
      sum += Double(value)
      squares += Double(value) * Double(value)
    }
    let low = values.isEmpty ? 0 : Double(least), high = values.isEmpty ? 0 : Double(most)
    let buckets = high > low ? Self.mostBuckets : 1, width = (high - low) / Double(buckets)
    var counts = [Double](repeating: 0, count: buckets)
    for value in values {
      counts[buckets == 1 ? 0 : min(Int((Double(value) - low) / width), buckets - 1)] += 1
    }
    (self.least, self.most, count, self.sum, self.squares) = (low, high, values.count, sum, squares)
    limits = (1...buckets).map { $0 == buckets ? high : low + Double($0) * width }
    self.counts = counts
  }
}
