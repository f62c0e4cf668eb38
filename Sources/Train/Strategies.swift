import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// A way of training that changes the steps and not the network: noise on gradients, labels changed by chance, two
/// passes a step.
///
/// Its properties are its parameters: keys of its item in a recipe's `strategies`. A strategy is one file and one line
/// below; recipes and the tests over all strategies read the catalog. Each hook does nothing by default. The draws of a
/// hook lie at addresses made of the position's seed and number, so that a run can be resumed.
public protocol Strategy: Codable, Sendable, Ranged {
  /// Its name in recipes, as the field writes it.
  static var name: String { get }
  /// Whether its `gradients` runs the batch again: then it comes before those that change the gradients that are found.
  static var runsAgain: Bool { get }
  /// Whether its `prepare` changes the examples, so that the loss and the quality of the training are of others.
  static var changesExamples: Bool { get }
  /// Whether it asks the validation part, so that a recipe must hold one out.
  static var needsValidation: Bool { get }
  /// The part of a run that trains a prior, before a part that stays near it; nil: none.
  var priorPhase: PriorPhase? { get }
  /// The defaults, over which a recipe's parameters are laid.
  init()
  /// Called once, before the first step.
  /// - Throws: where it does not fit what is trained.
  mutating func start(on graph: Graph, _ task: ModelTask) throws
  /// Changes a batch before it is run.
  func prepare(_ batch: inout Batch, at position: StepPosition) throws
  /// Changes gradients behind the backward pass, or runs the batch again.
  func gradients(_ step: inout TrainingStep) throws
  /// Changes parameters behind their update.
  func after(_ step: TrainingStep) throws
}

extension Strategy {
  public static var runsAgain: Bool { false }
  public static var changesExamples: Bool { false }
  public static var needsValidation: Bool { false }
  public var priorPhase: PriorPhase? { nil }
  public mutating func start(on graph: Graph, _ task: ModelTask) throws {}
  public func prepare(_ batch: inout Batch, at position: StepPosition) throws {}
  public func gradients(_ step: inout TrainingStep) throws {}
  public func after(_ step: TrainingStep) throws {}
}

extension Catalog where Entry == any Strategy.Type {
  /// Every strategy that a recipe may name.
  public static let strategies = Catalog(
    "strategy",
    [
      NoisyGradients.self, GradientClipping.self, LabelSmoothing.self, LabelNoise.self, TargetNoise.self, Mixup.self,
      SAM.self, ASAM.self, AdversarialWeights.self, AntiPGD.self, BayesByBackprop.self, PacBayesTraining.self,
      SigmaByValidation.self, SigmaByGradients.self,
    ], name: { $0.name })
}

/// Where a run stands when it makes a step.
public struct StepPosition: Sendable {
  /// From 0, over all epochs.
  public var number: Int
  /// The number of the first step that these weights have behind them; above 0 where trainings follow each other.
  public var first = 0
  /// The share of all steps that are done, 0 to below 1.
  public var progress: Double
  /// The recipe's; of a hook's position another for each strategy.
  public var seed: UInt64
  /// The factor of the strategy's schedule, 0 or more: at 0 a strategy changes nothing.
  public var strength: Double
  /// Examples of the training, whose mean loss the gradients are of.
  public var examples = 1
  /// Steps of an epoch.
  public var stepsPerEpoch = 1
  /// Whether the run still trains its prior.
  public var isPrior = false
  /// Examples of the training that the prior has not seen; all where none is trained.
  public var unseen = 1

  /// The position of a step; at strength 1 where there is no schedule.
  public init(number: Int, progress: Double, seed: UInt64, strength: Double = 1) {
    self.number = number
    self.progress = progress
    self.seed = seed
    self.strength = strength
  }

  /// A sequence of numbers of this step's own.
  public var generator: PhiloxGenerator { PhiloxGenerator(seed: seed, stream: UInt64(number)) }
}
