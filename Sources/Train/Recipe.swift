import DitherBasics
import DitherGraph
import DitherInference
import Foundation

/// How a model is trained: what a recipe file says. docs/recipes.md describes every key.
public struct Recipe: Sendable {
  public var name: String
  /// A name in `Catalog.dataSets`.
  public var data: String
  /// Rows of the training part that are held out to choose the stopping point.
  public var validation = 0
  /// Rows of what is left of the training part that are trained on, drawn by the seed, of each class its share; nil:
  /// all.
  public var examples: Int?
  /// The network.
  public var architecture: any Architecture = MLP()
  /// The task that is learned; nil: what the objective is for.
  public var task: ModelTask.Kind?
  /// The objective that is lowered; nil: cross-entropy for classes, the squared error for values.
  public var objective: (any Objective)?
  /// Moves the parameters.
  public var optimizer: any Optimizer = SGD()
  /// A factor on the learning rate over the run.
  public var schedule: any Schedule = CosineSchedule()
  /// The noise of the training. Its terms behind the input are also what the model is served with, each schedule at its
  /// end.
  public var noise = NoiseModel([])
  /// Served with instead of the training noise.
  public var servedNoise: NoiseModel?
  /// Ways of training that change the steps: noise on gradients, smoothed and mixed labels, two passes a step.
  public var strategies: [ScheduledStrategy] = []
  /// How often the training part is gone through, at most.
  public var epochs = 10
  /// Examples of a step.
  public var batch = 128
  /// All that is random follows from it.
  public var seed: UInt64 = 1
  /// Epochs without a better validation accuracy after which training stops; nil: never. With it the best weights are
  /// kept.
  public var patience: Int?
  /// The precision that convolutions and dense layers compute in while training; weights and their updates are fp32.
  public var precision = Plan.Precision.float32
  public var summary = ""
  /// The file's text, for the card and for `--resume` to compare.
  public private(set) var text = ""

  static let keys = [
    "name", "summary", "data", "examples", "validation", "model", "task", "objective", "optimizer", "schedule", "noise",
    "noise_schedule", "served_noise", "strategies", "label_smoothing", "epochs", "batch", "seed", "patience",
    "precision",
  ]

  /// - Throws: `TrainFault.recipe` naming the key, or the catalog's error with the nearest known name.
  public init(yaml text: String) throws {
    let reader = try RecipeReader(text)
    self.text = text
    name = try reader.name()
    data = try reader.text("data", "the name of a data set")
    summary = reader["summary"] as? String ?? ""
    validation = try reader.integer("validation", 0...10_000_000) ?? validation
    examples = try reader.integer("examples", 1...10_000_000)
    epochs = try reader.integer("epochs", Self.epochBounds) ?? epochs
    batch = try reader.integer("batch", 1...65_536) ?? batch
    seed = UInt64(try reader.integer("seed", 0...Int.max) ?? 1)
    patience = try reader.integer("patience", 1...100_000)
    precision = try reader.word("precision", Plan.Precision.self) ?? precision
    architecture = try reader.entry("model", of: Catalog.architectures) { $0.init() } ?? architecture
    task = try reader.word("task", ModelTask.Kind.self)
    objective = try reader.objective()
    optimizer = try reader.entry("optimizer", of: Catalog.optimizers) { $0.init() } ?? optimizer
    schedule = try reader.entry("schedule", of: Catalog.schedules) { $0.init() } ?? schedule
    noise = try reader.noise("noise") ?? noise
    if let common = try reader.entry("noise_schedule", of: Catalog.schedules, { $0.init() }) {
      for at in noise.terms.indices where noise.terms[at].schedule == nil { noise.terms[at].schedule = common }
    }
    servedNoise = try reader.servedNoise()
    strategies = try reader.strategies()
    guard patience == nil || validation > 0 else {
      throw reader.refuse("patience", "'validation' rows to stop by, above 0")
    }
  }

  private static let epochBounds = 1...100_000

  /// The same recipe with what a command says in the place of its words; nil: nothing.
  /// - Throws: `TrainFault.recipe` naming the key, within the bounds of a recipe's own.
  public func replacing(name: String?, epochs: Int?, seed: UInt64?) throws(TrainError) -> Recipe {
    func refuse(_ key: String, _ expected: String, _ got: String) -> TrainError {
      TrainError(.recipe, at: "'\(key)' in the recipe's place", expected: expected, got: got)
    }
    if let name, !RecipeReader.isName(name) { throw refuse("name", RecipeReader.nameWords, "'\(name.clipped())'") }
    if let epochs, !Self.epochBounds.contains(epochs) {
      throw refuse("epochs", "1 to \(Self.epochBounds.upperBound)", "\(epochs)")
    }
    var recipe = self
    recipe.name = name ?? self.name
    recipe.epochs = epochs ?? self.epochs
    recipe.seed = seed ?? self.seed
    return recipe
  }

  /// - Throws: when the file cannot be read, or what `init(yaml:)` throws.
  public init(file path: String) throws {
    let text: String
    do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
      throw TrainError(.recipe, at: path, expected: "a recipe file", got: error.localizedDescription)
    }
    try self.init(yaml: text)
  }

  /// The strategies of a training, those of `noise` with them, ready for its first step. Those that run a batch again
  /// come first: the others change the gradients that those find.
  /// - Throws: where one does not fit what is trained.
  func started(on graph: Graph, _ task: ModelTask) throws -> [ScheduledStrategy] {
    var all = strategies + (NoisyGradients(noise).map { [ScheduledStrategy($0)] } ?? [])
    for index in all.indices { try all[index].strategy.start(on: graph, task) }
    func runsAgain(_ one: ScheduledStrategy) -> Bool { type(of: one.strategy).runsAgain }
    return all.filter(runsAgain) + all.filter { !runsAgain($0) }
  }

  /// The noise that the trained model carries: what is asked for, or what it was trained with behind its input.
  public var modelNoise: NoiseModel? {
    let noise = servedNoise ?? NoiseModel(self.noise.terms.filter { $0.site != .input })
    let settled = NoiseModel(noise.settled.terms.filter(\.isActive))
    return settled.terms.isEmpty ? nil : settled
  }

  /// The names of what the loss and the quality of the training contain beside the objective: sites of noise, and
  /// strategies that change examples. Weight decay is in the optimizer and never in the loss.
  public var shownWith: [String] {
    let sites = noise.terms.filter { $0.isActive && $0.site != .gradients }.map { "noise on \($0.site.name)" }
    let names = strategies.map { type(of: $0.strategy) }.filter { $0.changesExamples }.map { $0.name }
    var found: [String] = []
    for name in sites + names where !found.contains(name) { found.append(name) }
    return found
  }
}
