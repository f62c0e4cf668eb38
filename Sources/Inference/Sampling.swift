import DitherBasics
import DitherGraph

/// How an answer is drawn from a model, and what is asked of the draws. One seed and one sampling give one answer.
public struct Sampling: Sendable, Hashable {
  /// How many draws are made.
  public enum Budget: Sendable, Hashable {
    /// So many draws; 0 is the deterministic pass.
    case samples(Int)
    /// Draws in rounds until every example's ``Draws/standardError`` is known and at most `tolerance`, and the draws
    /// are as many as ``Draws/isKnown(to:rarer:)`` asks for beside; or until `most` are spent.
    case tolerance(Double, most: Int)
  }
  public var budget: Budget
  /// Every row is drawn with it, so that a row's answer does not depend on the others.
  public var seed: UInt64 = 0
  /// How the noise of weights is drawn: on another path than `.fresh` rows of one seed share the weights that are
  /// drawn.
  public var path = NoisePath.fresh
  /// Draws come in pairs of a draw and its negative.
  public var antithetic = false
  /// Every draw's logits are divided by it; above 0.
  public var temperature = 1.0
  /// Levels in [0, 1].
  public var quantiles: [Double] = []
  /// Names of measures; none: the standard ones.
  public var measures: [String] = []
  /// Each answer of a regression has these too.
  public var intervals: ConformalIntervals?

  public init(
    _ budget: Budget, seed: UInt64 = 0, path: NoisePath = .fresh, antithetic: Bool = false, temperature: Double = 1,
    quantiles: [Double] = [], measures: [String] = [], intervals: ConformalIntervals? = nil
  ) {
    self.budget = budget
    self.seed = seed
    self.path = path
    self.antithetic = antithetic
    self.temperature = temperature
    self.quantiles = quantiles
    self.measures = measures
    self.intervals = intervals
  }

  /// The deterministic pass.
  public static let deterministic = Sampling(.samples(0))

  /// The remedy for who asks for draws of a model without noise.
  public static let noiseAdvice =
    "say noise, as weights:gaussian,sigma=0.03; or give the file noise at upload, or let 'dither tune' choose it on data"
  /// More draws than this are refused: their probabilities are kept until the measures are computed.
  public static let mostSamples = 65_536
  /// More levels than this are refused.
  public static let mostQuantiles = 32

  /// The draws that it takes at most; 0 where the model has no noise to draw.
  public func mostDraws(of model: Model) -> Int {
    guard model.noise != nil else { return 0 }
    switch budget {
    case .samples(let count): return count
    case .tolerance(_, let most): return most
    }
  }

  /// Whether the number of draws is known before the first.
  public var isFixed: Bool {
    if case .samples = budget { true } else { false }
  }

  private static func check(measures names: [String]) throws {
    guard !names.isEmpty else { return }
    let catalog = Catalog<any Measure.Type>.measures
    // Before any is looked up: an answer has each of them for each row.
    guard names.count <= catalog.entries.count else {
      throw InferenceError(
        .samples, at: "measures", expected: "each of the \(catalog.entries.count) measures once at most",
        got: "\(names.count) names")
    }
    _ = try catalog.named(names)
    if let twice = names.enumerated().first(where: { names[..<$0.offset].contains($0.element) }) {
      throw InferenceError(.samples, at: "measures", expected: "each measure once", got: "'\(twice.element)' twice")
    }
  }

  /// - Throws: what is out of its bounds, by the name that requests give it.
  public func check() throws {
    func refuse(_ field: String, _ expected: String, _ got: String) -> InferenceError {
      InferenceError(.samples, at: field, expected: expected, got: got)
    }
    let most = Self.mostSamples
    switch budget {
    case .samples(let count):
      guard (0...most).contains(count) else { throw refuse("samples", "0 to \(most)", "\(count)") }
    case .tolerance(let tolerance, let bound):
      guard tolerance.isFinite, tolerance > 0 else { throw refuse("tolerance", "a number above 0", "\(tolerance)") }
      guard (1...most).contains(bound) else { throw refuse("max_samples", "1 to \(most)", "\(bound)") }
    }
    guard quantiles.count <= Self.mostQuantiles, quantiles.allSatisfy((0...1).contains) else {
      throw refuse(
        "quantiles", "at most \(Self.mostQuantiles) levels from 0 to 1",
        "\(quantiles.prefix(Self.mostQuantiles + 1))".clipped())
    }
    try Self.check(measures: measures)
  }
}
