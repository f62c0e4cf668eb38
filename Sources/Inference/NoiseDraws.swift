import DitherBasics
import DitherGraph

/// Which draws of a model's noise the rows of a batch get.
public struct NoiseDraws: Sendable {
  /// The numbers of the draws; a draw is the same whatever others are asked for with it.
  public var samples: Range<Int>
  /// One for each row. Rows of one seed share their draws.
  public var seeds: [UInt64]
  /// How they are drawn: on another path than `.fresh` rows of a seed share the weights that are drawn.
  public var path: NoisePath
  /// Draws 2 i and 2 i + 1 are draw i and its negative.
  public var antithetic: Bool

  /// - Parameters:
  ///   - samples: at least one.
  ///   - seeds: as many as there are rows.
  public init(_ samples: Range<Int>, seeds: [UInt64], path: NoisePath = .fresh, antithetic: Bool = false) {
    self.samples = samples
    self.seeds = seeds
    self.path = path
    self.antithetic = antithetic
  }

  /// - Throws: where there is no draw, or not a seed for each row.
  func check(rows: Int) throws(InferenceError) {
    guard !samples.isEmpty else {
      throw InferenceError(.samples, at: "samples", expected: "at least one draw", got: "none")
    }
    guard seeds.count == rows else {
      throw InferenceError(.samples, at: "seeds", expected: "\(rows), one for each row", got: "\(seeds.count)")
    }
  }
}
