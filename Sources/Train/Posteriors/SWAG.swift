import DitherBasics
import DitherTensor

/// A Gaussian around the mean of the path: half of its covariance the path's variances, half the last `rank` deviations
/// from the mean. Draws are θ̄ + √(scale / 2) (√v ∘ a + D b / √(rank − 1)), a and b of N(0, 1). The model without noise
/// is the mean (stochastic weight averaging). Source: Maddox et al. 2019, arXiv 1902.02476, algorithm 1 and equation 1.
public struct SWAG: Posterior {
  public static let name = "swag"
  public var members = 8
  /// Deviations that are kept; those that were taken, where they are fewer.
  public var rank = 10
  /// The share of the run before the first step that is taken.
  public var after = 0.75
  /// Steps from one to the next; nil: an epoch's.
  public var every: Int?
  /// A factor on the covariance; 0: the mean.
  public var scale = 1.0
  public init() {}

  public func check() throws(CatalogError) {
    try require(members: members)
    try require((2...64).contains(rank), "rank", "2 to 64", rank)
    try require(after >= 0 && after < 1, "after", "0 to below 1", after)
    try require(every.map { (1...1_000_000).contains($0) } ?? true, "every", "1 to 1000000", every ?? 0)
    try require(scale >= 0 && scale <= 1e6, "scale", "0 to 1e6", scale)
  }

  public var leastTaken: Int { 2 }
  /// The mean, the sum of squared deviations, and the last deviations.
  public var bufferCount: Int { 2 + rank }

  public func pace(_ run: RunLength) -> Pace {
    Pace(start: Int(after * Double(run.steps)), every: every ?? run.stepsPerEpoch)
  }

  public func take(
    _ values: UnsafeBufferPointer<Float>, _ number: Int, into buffers: [UnsafeMutableBufferPointer<Float>]
  ) {
    let mean = buffers[0], squares = buffers[1], last = buffers[2 + number % rank], count = Float(number + 1)
    // Welford's sums: the difference of a mean of squares and a square loses small variances.
    for i in values.indices {
      let before = values[i] - mean[i]
      mean[i] += before / count
      last[i] = values[i] - mean[i]
      squares[i] += before * last[i]
    }
  }

  public func member(
    _ index: Int, _ taken: Int, from buffers: [UnsafeMutableBufferPointer<Float>], draws: NoiseAddress
  ) -> [Float] {
    let mean = buffers[0], squares = buffers[1], kept = min(taken, rank), half = Float(scale / 2).squareRoot()
    var result = draws.normals(mean.count)
    let shares = NoiseAddress(seed: draws.seed, site: draws.site &+ 1, sample: draws.sample).normals(kept)
    for i in mean.indices {
      result[i] *= half * (max(squares[i], 0) / Float(max(taken, 1))).squareRoot()
    }
    if kept > 1 {
      let factor = half / Float(kept - 1).squareRoot()
      for (column, share) in shares.enumerated() {
        let deviation = buffers[2 + column]
        for i in mean.indices { result[i] += factor * share * deviation[i] }
      }
    }
    for i in mean.indices { result[i] += mean[i] }
    return result
  }

  public func center(_ taken: Int, from buffers: [UnsafeMutableBufferPointer<Float>]) -> [Float]? {
    taken > 0 ? Array(buffers[0]) : nil
  }
}
