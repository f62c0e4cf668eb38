import DitherBasics
import DitherTensor
import Foundation

/// A temperature and thresholds that make a model's probabilities mean what they say and its prediction sets hold the
/// true class as often as asked: fitted on labeled examples that the model was not trained on.
public struct ModelCalibration: Codable, Sendable, Equatable {
  /// Every draw's logits are divided by it before they become probabilities.
  public private(set) var temperature: Double
  /// Draws of each answer that it was fitted with, 0 for the deterministic pass: it speaks of no other.
  public private(set) var samples: Int
  /// The seed of the draws and of the halves.
  public private(set) var seed: UInt64
  /// Examples that the temperature was fitted on.
  public private(set) var temperatureExamples: Int
  /// Scores of the examples that the temperature was not fitted on, in rising order: thresholds of any coverage follow
  /// from them.
  private var lac: [Double]
  private var aps: [Double]
  /// The same scores apart, by class, where each class has thresholds of its own; nil: one threshold for all.
  private var byClass: [ClassScores]?
  /// How those examples and their answers are distributed; nil of calibrations before there was this.
  public private(set) var drift: DriftReference?
  /// How good the probabilities of those same examples are at T = 1.
  public private(set) var before: Quality
  /// The same at the temperature found.
  public private(set) var after: Quality

  private struct ClassScores: Codable, Sendable, Equatable {
    var lac: [Double]
    var aps: [Double]
  }

  /// How good probabilities are.
  public struct Quality: Codable, Sendable, Equatable {
    /// In nats.
    public var negativeLogLikelihood: Double
    /// The Brier score, summed over the classes.
    public var brier: Double
    /// With fifteen bins.
    public var expectedCalibrationError: Double

    /// - Parameter losses: −ln of each true class's probability.
    init(_ probabilities: [[Double]], _ labels: [Int], losses: [Double]) {
      negativeLogLikelihood = Metrics.mean(losses.map { $0.isFinite ? $0 : Metrics.lossOfZero })
      brier = Metrics.brier(probabilities, labels)
      expectedCalibrationError = Metrics.expectedCalibrationError(probabilities, labels)
    }
  }

  /// Half of the examples must make a temperature and the other half a threshold that means something.
  public static let leastExamples = CalibrationExamples.least

  /// Examples that the thresholds come from.
  public var conformalExamples: Int { lac.count }

  /// The score above which a class is no longer in the set; infinite where that takes more examples than there were.
  public func threshold(coverage: Double, _ rule: Conformal.Score) -> Double {
    Conformal.threshold(rising: rule == .lac ? lac : aps, alpha: 1 - coverage)
  }

  /// Whether its sets hold the true class as often as asked in every class, not only on average
  /// (``Conformal/thresholds(_:_:classes:alpha:)``).
  public var isClassConditional: Bool { byClass != nil }

  /// By class: the score above which it is no longer in the set; infinite where that takes more examples than there
  /// were, so that it is in every set.
  public func thresholds(coverage: Double, _ rule: Conformal.Score, classes: Int) -> [Double] {
    guard let byClass else {
      return [Double](repeating: threshold(coverage: coverage, rule), count: classes)
    }
    return byClass.map { Conformal.threshold(rising: rule == .lac ? $0.lac : $0.aps, alpha: 1 - coverage) }
  }

  /// By class: the examples that its thresholds come from; nil where there is one threshold for all.
  public var classExamples: [Int]? { byClass?.map(\.lac.count) }

  /// The largest coverage that is not had by naming all classes, or, by class, at which no class is in every set.
  public var mostCoverage: Double { Self.mostCoverage(of: classExamples?.min() ?? lac.count) }

  /// The largest coverage for which so many examples have a finite threshold.
  public static func mostCoverage(of examples: Int) -> Double { Double(examples) / Double(examples + 1) }

  /// - Parameters:
  ///   - inputs: [N, …] as the model takes them.
  ///   - samples: draws of each answer; 0: the deterministic pass, and all that there is for a model without noise.
  ///   - seed: of the draws, and of which half an example is in.
  ///   - classConditional: whether each class has thresholds of its own, from its own examples.
  ///   - proceed: called before each run of a plan; what it throws ends the work.
  /// - Throws: when examples are too few, labels are no classes, or no temperature is the likeliest, as where every
  ///   answer is right.
  public init(
    fitting model: Model, inputs: Tensor, labels: [Int], samples: Int, seed: UInt64, classConditional: Bool = false,
    proceed: @Sendable () throws -> Void = {}
  ) throws {
    let count = labels.count, classes = model.signature.classes
    try CalibrationExamples.check(count: count)
    try model.signature.check(labels: labels, rows: inputs.rowCount)
    let samples = model.noise == nil ? 0 : samples
    var answers: [Tensor] = []
    try CalibrationExamples.outputs(of: model, for: inputs, samples: samples, seed: seed, proceed: proceed) {
      answers += Self.byExample($1, classes, rows: $0.count)
    }
    // Apart, so that the thresholds see examples as the temperature will: for the first time.
    let order = CalibrationExamples.order(count: count, seed: seed)
    let fitted = order[..<(count / 2)], held = order[(count / 2)...], heldLabels = held.map { labels[$0] }
    let fittedTemperature = try Temperature.fit(
      logits: fitted.map { model.signature.logits(answers[$0]) }, classes: classes, labels: fitted.map { labels[$0] })
    temperature = fittedTemperature
    self.samples = samples
    self.seed = seed
    temperatureExamples = fitted.count
    func probabilities(_ temperature: Double) -> [[Double]] {
      held.flatMap { model.signature.meanProbabilities(answers[$0], rows: 1, temperature: temperature) }
    }
    let plain = probabilities(1), scaled = probabilities(fittedTemperature)
    func scores(_ rule: Conformal.Score) -> [Double] {
      held.indices.map { at in
        // Examples that are alike have chances of their own: else all copies of one would stand or fall together.
        let own = mixSeed(seed, UInt64(held[at])), k = at - held.startIndex
        let chance = Conformal.chance(seed: own, example: inputs.row(held[at]))
        return Conformal.score(scaled[k], heldLabels[k], rule, u: chance)
      }
    }
    let scored = (lac: scores(.lac), aps: scores(.aps))
    lac = scored.lac.sorted()
    aps = scored.aps.sorted()
    if classConditional {
      byClass = (0..<classes).map { label in
        let own = heldLabels.indices.filter { heldLabels[$0] == label }
        return ClassScores(lac: own.map { scored.lac[$0] }.sorted(), aps: own.map { scored.aps[$0] }.sorted())
      }
    }
    func losses(_ temperature: Double) -> [Double] {
      held.flatMap { model.signature.losses(answers[$0], labels: [labels[$0]], temperature: temperature) }
    }
    let watched = held.prefix(DriftReference.mostExamples).map { at in
      Prediction(
        Draws(
          probabilities: model.signature.answers(in: answers[at], rows: 1, temperature: fittedTemperature)[0],
          classes: model.signature.width), measures: DriftStatistic.measures)
    }
    drift = DriftReference(inputs: inputs.rows(at: Array(held.prefix(watched.count))), watched)
    before = Quality(plain, heldLabels, losses: losses(1))
    after = Quality(scaled, heldLabels, losses: losses(fittedTemperature))
  }

  /// By example, [samples, 1, classes], of outputs [samples, rows, classes].
  private static func byExample(_ outputs: Tensor, _ classes: Int, rows: Int) -> [Tensor] {
    let draws = outputs.count / max(rows * classes, 1), all = outputs.elements
    return (0..<rows).map { row in
      var values: [Float] = []
      values.reserveCapacity(draws * classes)
      for draw in 0..<draws {
        let start = (draw * rows + row) * classes
        values += all[start..<start + classes]
      }
      return Tensor(Shape([draws, 1, classes]), values)
    }
  }
}
