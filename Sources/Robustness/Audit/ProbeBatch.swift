import DitherBasics
import DitherInference
import DitherTensor

/// The examples that a probe works on.
public struct ProbeBatch: Sendable {
  /// [B, …]: pictures in [0, 1], or rows of a table.
  public var inputs: Tensor
  /// [B]: class numbers; ``Label/none`` each of a regression.
  public var labels: [Int]
  /// [B]: the right answers of a regression; nil of classes.
  var truths: [TrueValues]?
  /// For a table: where attacks work.
  var space: AttackSpace?
  /// The taker of adversarial inputs, where they are kept.
  var adversarials: (@Sendable (Adversarials) -> Void)?
  /// Where each example is to be led by a targeted attack, if that was given.
  var targets: [Int]?
  /// Which examples of the data these are.
  public var identities: [UInt64]
  /// The probe's own, from the audit's.
  public var seed: UInt64
  /// Whether these are the data's first: what is done on few examples only is done on them.
  public var isFirst: Bool
  /// Other models, on which what is made for this one is tried too.
  public var transfers: [DeployedPredictor]
  /// Finds that a random model shares with its control, whose noise is off.
  var meanWeights: MeanWeightsFinds?
  /// Whether cases that speak against the probe are looked for: not for models that the audited one is compared with.
  var wantsEvidence = true
  /// Asked often: whether the caller no longer wants the answer.
  public var isCancelled: @Sendable () -> Bool
  /// When a probe that can end early ends with what it has found; nil: at its own end.
  public var deadline: ContinuousClock.Instant?
  /// Data sets that the probe asked for, by name: [N, …] in [0, 1].
  public var otherData: [String: Tensor]
  /// How the numbers of an example lie as a picture.
  public var image: ImageShape { ImageShape(inputs.shape.row) }
  var isOutOfTime: Bool { TimeLeft(until: deadline).isOver }

  public init(
    inputs: Tensor, labels: [Int], identities: [UInt64], seed: UInt64, isFirst: Bool,
    transfers: [DeployedPredictor] = [], isCancelled: @escaping @Sendable () -> Bool,
    deadline: ContinuousClock.Instant? = nil, otherData: [String: Tensor] = [:]
  ) {
    self.inputs = inputs
    self.labels = labels
    self.identities = identities
    self.seed = seed
    self.isFirst = isFirst
    self.transfers = transfers
    self.isCancelled = isCancelled
    self.deadline = deadline
    self.otherData = otherData
  }

  /// - Throws: when the caller no longer wants the answer.
  func proceed() throws(RobustnessError) {
    guard isCancelled() else { return }
    throw RobustnessError(.cancelled, at: "probe", expected: "time to go on", got: "a cancellation or a deadline")
  }

  /// The first of them.
  func prefix(_ count: Int) -> ProbeBatch { count < labels.count ? rows(at: Array(0..<count)) : self }

  func rows(at rows: [Int]) -> ProbeBatch {
    var part = self
    part.inputs = inputs.rows(at: rows)
    part.labels = rows.map { labels[$0] }
    part.truths = truths.map { truths in rows.map { truths[$0] } }
    part.identities = rows.map { identities[$0] }
    part.targets = targets.map { targets in rows.map { targets[$0] } }
    return part
  }

  /// Inputs as an attack sees them: in [0, 1].
  func units(_ inputs: Tensor) -> Tensor { space?.units(inputs) ?? inputs }

  /// Points that an attack made, as models take them.
  func inputs(_ units: Tensor, identities: [UInt64]) -> Tensor {
    space?.inputs(units, identities: identities) ?? units
  }
}

/// Inputs that an attack made of some examples.
public struct Adversarials: Sendable {
  /// Which of the plan's probes.
  public var probe: Int
  /// Numbers of the examples in the data.
  public var indices: [Int]
  /// [B]: class numbers; ``Label/none`` each of a regression.
  public var labels: [Int]
  /// [B, …] as the model takes them: the best that was found, whether it succeeds or not.
  public var inputs: Tensor
  /// [B]: the deployed predictor's answers to them; ``Label/none`` each of a regression.
  public var answers: [Int]
  /// [B, D]: its answers, of a regression.
  public var answerValues: Tensor?
  /// [B, D]: the right ones, of a regression.
  public var values: Tensor?
}
