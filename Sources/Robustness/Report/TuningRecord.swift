import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// The worth of noise on held-out examples. Intervals are of 95 %: the percentile bootstrap over the examples
/// (``Bootstrap``).
public struct TuningScores: Codable, Sendable, Equatable {
  /// The candidate as it was asked for; `plain`: the model without noise.
  public var name: String
  /// The noise that it chose on all examples, in words.
  public var noise: String
  /// In nats, by cross-validation.
  public var nll: Double
  /// The NLL's.
  public var nllInterval: Interval
  /// Less that of the plain model, example by example; nil of the plain model itself.
  public var nllDifference: Double?
  /// The difference's.
  public var nllDifferenceInterval: Interval?
  /// A classifier's, 0 to 2.
  public var brier: Double?
  /// The Brier score's.
  public var brierInterval: Interval?
  /// Expected calibration error over 15 bins.
  public var ece15: Double?
  /// The ECE's.
  public var ece15Interval: Interval?
  /// How well the largest probability tells right answers from wrong ones; nil where all are one or the other.
  public var errorAuroc: Double?
  /// The AUROC's.
  public var errorAurocInterval: Interval?
  /// The share of right answers.
  public var accuracy: Double?
  /// A regression's, in the unit of its targets.
  public var rootMeanSquaredError: Double?
  /// The error's.
  public var rootMeanSquaredErrorInterval: Interval?

  /// - Parameter plain: the plain model's answers to the same examples; nil: these are they.
  public init(_ name: String, noise: String, _ answers: HeldAnswers, against plain: HeldAnswers? = nil) {
    (self.name, self.noise) = (name, noise)
    let losses = answers.losses.map { $0.isFinite ? $0 : Metrics.lossOfZero }
    nll = answers.negativeLogLikelihood
    nllInterval = Interval(low: nll, high: nll)
    if answers.probabilities.isEmpty { judgeValues(answers, losses) } else { judgeClasses(answers, losses) }
    guard let plain else { return }
    let differences = zip(losses, plain.losses).map { $0 - ($1.isFinite ? $1 : Metrics.lossOfZero) }
    func mean(_ places: [Int]) -> Double { places.reduce(0) { $0 + differences[$1] } / Double(max(places.count, 1)) }
    nllDifference = mean(Array(differences.indices))
    nllDifferenceInterval = Bootstrap([differences.count], resamples: 200).interval(mean)
  }

  private mutating func judgeClasses(_ answers: HeldAnswers, _ losses: [Double]) {
    let labels = answers.labels, all = answers.probabilities
    let calibration = Calibration(all, labels, losses: losses)
    nllInterval = calibration.nllInterval
    (brier, brierInterval) = (calibration.brier, calibration.brierInterval)
    (ece15, ece15Interval) = (calibration.ece15, calibration.ece15Interval)
    accuracy = calibration.accuracy
    let auroc = Metrics.failureAUROC(all, labels)
    guard auroc.isFinite else { return }
    errorAuroc = auroc
    errorAurocInterval = Bootstrap([labels.count]).interval { places in
      Metrics.failureAUROC(places.map { all[$0] }, places.map { labels[$0] })
    }
  }

  private mutating func judgeValues(_ answers: HeldAnswers, _ losses: [Double]) {
    let squares = answers.rows.indices.map { at in
      let errors = answers.errors(at)
      return errors.reduce(0) { $0 + $1 * $1 } / Double(max(errors.count, 1))
    }
    func mean(_ numbers: [Double], _ places: [Int]) -> Double {
      places.reduce(0) { $0 + numbers[$1] } / Double(max(places.count, 1))
    }
    let found = Bootstrap([squares.count], resamples: 200).intervals {
      [mean(losses, $0[0]), mean(squares, $0[0]).squareRoot()]
    }
    nllInterval = found[0] ?? nllInterval
    (rootMeanSquaredError, rootMeanSquaredErrorInterval) = (
      mean(squares, Array(squares.indices)).squareRoot(), found[1]
    )
  }
}

/// How a model's noise was chosen, for its card and its file.
public struct TuningRecord: Codable, Sendable, Equatable {
  /// As a command names the examples.
  public var data: String
  /// SHA-256 of the examples' shape, numbers and targets, as reports have it.
  public var dataDigest: String
  /// How many they are.
  public var examples: Int
  /// Parts of the cross-validation.
  public var folds: Int
  /// Draws of each answer.
  public var samples: Int
  /// For draws and folds.
  public var seed: UInt64
  /// The name of the candidate that was chosen; `plain`: none was likelier than the model without noise.
  public var chosen: String
  /// The plain model, and then the candidates in the order in which they were asked for.
  public var scores: [TuningScores]

  /// The plain model's name among the scores.
  public static let plain = "plain"
  /// The metadata's key in a file.
  public static let key = ModelSignature.tuningKey

  /// - Parameters:
  ///   - data: as a command names the examples.
  ///   - inputs: [N, …] in the units of the data.
  public init(
    _ tuning: NoiseTuning, _ options: NoiseTuning.Options, data: String, inputs: Tensor, targets: Targets
  ) {
    self.data = data
    dataDigest = Self.digest(inputs, targets)
    examples = targets.count
    (folds, samples, seed) = (options.folds, options.samples, options.seed)
    chosen = tuning.chosen.map { tuning.results[$0].name } ?? Self.plain
    scores =
      [TuningScores(Self.plain, noise: "none", tuning.plain)]
      + tuning.results.map { TuningScores($0.name, noise: $0.noise.summary, $0.held, against: tuning.plain) }
  }

  /// The digest of an audit's data; of values the same with these.
  private static func digest(_ inputs: Tensor, _ targets: Targets) -> String {
    guard case .values(let values) = targets else {
      return AuditData(name: "", inputs: inputs, labels: (0..<targets.count).map { targets[$0].label ?? 0 }).digest
    }
    var hash = Sha256()
    for tensor in [inputs, values] {
      for extent in tensor.shape.dimensions {
        hash.update(withUnsafeBytes(of: UInt64(extent).littleEndian, Array.init))
      }
      tensor.elements.withUnsafeBytes { hash.update($0) }
    }
    return hash.finish().description
  }

  /// As a file's metadata has it: one line, keys in snake case.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}
