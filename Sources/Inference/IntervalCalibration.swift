import DitherBasics
import DitherTensor

/// Distances that make intervals around a regression's answers hold the true values as often as asked: fitted on
/// examples with their right values that the model was not trained on.
///
/// All examples make the distances, as nothing else is fitted. Each value has its own, so that its intervals hold as
/// often as asked, and not those of all values at once. Source: Lei et al. 2018, JASA 113, arXiv 1604.04173; Romano et
/// al. 2019, arXiv 1905.03222.
public struct IntervalCalibration: Codable, Sendable, Equatable {
  /// Draws of each answer that it was fitted with, 0 for the deterministic pass: it speaks of no other.
  public private(set) var samples: Int
  /// The seed of the draws.
  public private(set) var seed: UInt64
  /// How those examples are distributed; of their answers nothing is kept.
  public private(set) var drift: DriftReference
  private var values: [Value]

  /// One value that the model answers with.
  private struct Value: Codable, Sendable, Equatable {
    var rmse: Double
    /// Scores by each rule.
    var absolute: RisingScores
    /// nil where an answer had no deviation of its own.
    var own: Own?
  }

  /// All that takes answers with a deviation and quantiles of their own.
  private struct Own: Codable, Sendable, Equatable {
    var normalized: RisingScores
    var quantiles: [OwnQuantiles]
  }

  /// The answers' own central quantiles of one level.
  private struct OwnQuantiles: Codable, Sendable, Equatable {
    var level: Double
    var scores: RisingScores
    /// The share of true values between them.
    var coverage: Double
  }

  /// Levels of the answers' own quantiles whose scores are kept. Another coverage takes the nearest: any one band holds
  /// as often as asked when it is moved by its own scores.
  public static let levels = [0.5, 0.8, 0.9, 0.95, 0.99]

  /// Examples times values whose scores are kept by every rule and level. Beyond a thousand examples no more are kept.
  public static let mostValues = 1 << 16

  /// Examples that the distances come from.
  public var examples: Int { values.first?.absolute.count ?? 0 }

  /// The largest coverage for which the examples have a finite distance.
  public var mostCoverage: Double { ModelCalibration.mostCoverage(of: examples) }

  /// Whether the answers had a deviation and quantiles of their own, by draws or by a variance: the rules that take
  /// them are known.
  public var hasDeviation: Bool { !values.isEmpty && values.allSatisfy { $0.own != nil } }

  /// By value: the root of the mean squared error of the answers' means.
  public var rmse: [Double] { values.map(\.rmse) }

  /// By value: the share of true values between the answers' own central quantiles of the level nearest to `coverage`;
  /// nil where they have none.
  public func ownCoverage(at coverage: Double) -> [Double]? {
    byValue { $0.own.flatMap { Self.nearest(coverage, $0.quantiles)?.coverage } }
  }

  /// The intervals of a coverage, whose thresholds are infinite above ``mostCoverage``.
  /// - Parameter rule: nil: normalized where the answers had a deviation, else absolute.
  /// - Returns: nil where the answers did not have what the rule takes.
  public func intervals(coverage: Double, _ rule: ConformalIntervals.Rule? = nil) -> ConformalIntervals? {
    let rule = rule ?? (hasDeviation ? .normalized : .absolute)
    let band = values.first?.own.flatMap { Self.nearest(coverage, $0.quantiles) }
    let scores: [RisingScores]? =
      switch rule {
      case .absolute: values.map(\.absolute)
      case .normalized: byValue { $0.own?.normalized }
      case .quantiles: byValue { $0.own.flatMap { Self.nearest(coverage, $0.quantiles)?.scores } }
      }
    return scores.map { scores in
      ConformalIntervals(
        rule: rule, level: band?.level ?? coverage,
        thresholds: scores.map { $0.threshold(coverage: coverage) })
    }
  }

  private func byValue<Found>(_ find: (Value) -> Found?) -> [Found]? {
    let found = values.compactMap(find)
    return found.count == values.count ? found : nil
  }

  private static func nearest(_ coverage: Double, _ all: [OwnQuantiles]) -> OwnQuantiles? {
    all.min { abs($0.level - coverage) < abs($1.level - coverage) }
  }

  /// - Parameters:
  ///   - inputs: [N, …] as the model takes them.
  ///   - targets: [N, D]: the right values.
  ///   - samples: draws of each answer; 0: the deterministic pass, and all that there is for a model without noise.
  ///   - seed: of the draws.
  ///   - proceed: called before each run of a plan and before each example is looked at; what it throws ends the work.
  /// - Throws: when examples are too few or too many, or an answer is not finite; of a model that is no regression.
  public init(
    fitting model: Model, inputs: Tensor, values targets: Tensor, samples: Int, seed: UInt64,
    proceed: @Sendable () throws -> Void = {}
  ) throws {
    let signature = model.signature, count = targets.shape.dimensions.first ?? 0
    try CalibrationExamples.check(count: count)
    try signature.check(.values(targets), rows: inputs.rowCount)
    let kept = min(count, RisingScores.most)
    guard kept <= Self.mostValues / signature.width else {
      throw InferenceError(
        .labels, at: "examples", expected: "examples × values of at most \(Self.mostValues)",
        got: "\(kept) × \(signature.width)", advice: "take fewer examples, as they come")
    }
    let samples = model.noise == nil ? 0 : samples
    var scores = Scores(width: signature.width), predictions: [Prediction] = []
    try CalibrationExamples.outputs(of: model, for: inputs, samples: samples, seed: seed, proceed: proceed) {
      rows, outputs in
      for (row, draws) in zip(rows, signature.draws(in: outputs, rows: rows.count)) {
        try proceed()
        guard draws.haveAnswers else { throw CalibrationExamples.notFinite(example: row) }
        scores.add(draws, targets.row(row).map(Double.init))
        predictions.append(Prediction(draws, measures: DriftStatistic.measures))
      }
    }
    self.samples = samples
    self.seed = seed
    values = scores.values
    let watched = Array(CalibrationExamples.order(count: count, seed: seed).prefix(DriftReference.mostExamples))
    drift = DriftReference(inputs: inputs.rows(at: watched), watched.map { predictions[$0] })
  }

  /// Scores of examples so far, by value.
  private struct Scores {
    private var absolute: [[Double]]
    private var normalized: [[Double]]
    /// By level, then by value.
    private var quantiles: [[[Double]]]
    /// Whether every answer so far had a deviation.
    private var hasDeviation = true

    init(width: Int) {
      absolute = [[Double]](repeating: [], count: width)
      normalized = absolute
      quantiles = [[[Double]]](repeating: absolute, count: IntervalCalibration.levels.count)
    }

    mutating func add(_ draws: Draws, _ target: [Double]) {
      Self.add(.absolute, draws, target, to: &absolute)
      hasDeviation = hasDeviation && draws.variance?.allSatisfy { $0 > 0 && $0.isFinite } ?? false
      guard hasDeviation else { return }
      Self.add(.normalized, draws, target, to: &normalized)
      for (place, level) in IntervalCalibration.levels.enumerated() {
        Self.add(.quantiles, level: level, draws, target, to: &quantiles[place])
      }
    }

    private static func add(
      _ rule: ConformalIntervals.Rule, level: Double = 0, _ draws: Draws, _ target: [Double], to all: inout [[Double]]
    ) {
      guard let bands = ConformalIntervals.bands(rule, level: level, draws) else { return }
      for (value, band) in bands.enumerated() { all[value].append(band.score(target[value])) }
    }

    var values: [Value] {
      absolute.indices.map { value in
        let errors = absolute[value]
        return Value(
          rmse: Metrics.mean(errors.map { $0 * $0 }).squareRoot(), absolute: RisingScores(errors),
          own: hasDeviation ? own(value) : nil)
      }
    }

    private func own(_ value: Int) -> Own {
      Own(
        normalized: RisingScores(normalized[value]),
        quantiles: zip(IntervalCalibration.levels, quantiles).map { level, scores in
          let own = scores[value]
          return OwnQuantiles(
            level: level, scores: RisingScores(own), coverage: Double(own.count { $0 <= 0 }) / Double(max(own.count, 1))
          )
        })
    }
  }
}
