import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import Foundation

/// How a model is trained: what a recipe file says. docs/recipes.md describes every key.
public struct Recipe: Sendable {
  public var name: String
  /// A set of `Catalog.dataSets`, or files of one's own, as `DataReference` takes it.
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
  /// Parameters with a rate and a decay of their own.
  public var parameterGroups: [ParameterGroup] = []
  /// A factor on the learning rate over the run.
  public var schedule: any Schedule = CosineSchedule()
  /// The noise of the training. Its terms behind the input are also what the model is served with, each schedule at its
  /// end.
  public var noise = NoiseModel([])
  /// Served with instead of the training noise.
  public var servedNoise: NoiseModel?
  /// Changes to training pictures that leave their classes.
  public var augmentations: [any Augmentation] = []
  /// Smaller pictures at the beginning; nil: whole ones throughout.
  public var resizing: Resizing?
  /// Looks at a picture whose mean the model that is saved answers with.
  public var views: [any PictureView] = []
  /// Ways of training that change the steps: noise on gradients, smoothed and mixed labels, two passes a step.
  public var strategies: [ScheduledStrategy] = []
  /// Keeps several networks of the run's path, which the model then is of; nil: it is the last one.
  public var posterior: (any Posterior)?
  /// The mean over the steps that the model has; nil: the last step's parameters.
  public var average: (any Average)?
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
  /// The file's text, or what it comes to with a command's settings: for the card, and for `--resume` to compare.
  public private(set) var text = ""
  /// The file as it was read, and its name.
  private var source = (text: "", file: "recipe")

  static let keys = [
    "name", "summary", "data", "examples", "validation", "model", "task", "objective", "optimizer", "parameter_groups",
    "schedule", "noise", "noise_schedule", "served_noise", "augment", "resizing", "strategies", "posterior", "average",
    "views", "label_smoothing", "epochs", "batch", "seed", "patience", "precision",
  ]

  /// - Parameters:
  ///   - text: the file's.
  ///   - file: its name, for messages.
  ///   - settings: what a command says in the place of its words; a later one stands above an earlier.
  /// - Throws: `TrainFault.recipe` with the file, the line and the key, or the setting, and the nearest known name.
  public init(yaml text: String, at file: String = "recipe", settings: [RecipeSetting] = []) throws(TrainError) {
    do {
      let tree = try RecipeTree(text, settings)
      try self.init(RecipeReader(tree))
      self.text = settings.isEmpty ? text : try tree.text()
      source = (text, file)
    } catch let fault as any AnyFault {
      throw Self.placed(fault, text, file, settings)
    } catch { throw TrainError(.recipe, at: file, expected: "a recipe", got: "\(error)".clipped()) }
  }

  /// The same fault, with the file and the line of what is wrong, or with the setting that brought it.
  private static func placed(
    _ fault: any AnyFault, _ text: String, _ file: String, _ settings: [RecipeSetting]
  ) -> TrainError {
    func fails(_ count: Int) -> Bool {
      do { _ = try Recipe(RecipeReader(RecipeTree(text, settings.prefix(count)))) } catch let other as any AnyFault {
        return other.description == fault.description
      } catch {}
      return false
    }
    var place = fault.place
    if let first = (0...settings.count).first(where: fails), first > 0 {
      place = settings[first - 1].place
    } else {
      let line = RecipeTree.line(of: fault, in: text).map { ", line \($0)" } ?? ""
      let own = place == "recipe" ? "" : ", " + (place.hasPrefix("recipe, ") ? String(place.dropFirst(8)) : place)
      place = file + line + own
    }
    return TrainError(
      .recipe, at: place, expected: fault.expected, got: fault.got, advice: fault.advice)
  }

  /// - Returns: what `work` does with the recipe and its data.
  /// - Throws: what it throws; of what is wrong with a key, with the file and its line.
  package func locating<Result>(_ work: () throws -> Result) throws -> Result {
    do { return try work() } catch let fault as any AnyFault {
      let isOfKey = ["recipe", "noise", "model"].contains { fault.place.hasPrefix($0) }
      guard isOfKey, fault.category == .invalidArgument else { throw fault }
      var placed = Self.placed(fault, source.text, source.file, [])
      placed.code = (fault as? TrainError)?.code ?? .recipe
      throw placed
    }
  }

  private init(_ reader: RecipeReader) throws {
    name = try reader.name()
    data = try reader.text("data", "the name of a data set")
    summary = reader["summary"] as? String ?? ""
    validation = try reader.integer("validation", 0...10_000_000) ?? validation
    examples = try reader.integer("examples", 1...10_000_000)
    epochs = try reader.integer("epochs", 1...100_000) ?? epochs
    batch = try reader.integer("batch", 1...65_536) ?? batch
    seed = try reader.seed() ?? seed
    patience = try reader.integer("patience", 1...100_000)
    precision = try reader.word("precision", Plan.Precision.self) ?? precision
    architecture = try reader.entry("model", of: Catalog.architectures, or: MLP.name) { $0.init() } ?? architecture
    task = try reader.word("task", ModelTask.Kind.self)
    objective = try reader.objective()
    optimizer = try reader.entry("optimizer", of: Catalog.optimizers, or: SGD.name) { $0.init() } ?? optimizer
    parameterGroups = try reader.items("parameter_groups") { setting, place in
      guard case .mapping(let own) = setting else {
        throw reader.refuse("parameter_groups", "a list of mappings {parameters, rate, decay}")
      }
      return try Parameters.overlay(settings: own, on: ParameterGroup(), of: place)
    }
    schedule = try reader.entry("schedule", of: Catalog.schedules, or: CosineSchedule.name) { $0.init() } ?? schedule
    noise = try reader.noise("noise") ?? noise
    if let common = try reader.entry("noise_schedule", of: Catalog.schedules, { $0.init() }) {
      for at in noise.terms.indices where noise.terms[at].schedule == nil { noise.terms[at].schedule = common }
    }
    servedNoise = try reader.servedNoise()
    augmentations = try reader.items("augment") { try Catalog.augmentations.value($0, at: $1) { $0.init() } }
    resizing = try reader.mapping("resizing", over: Resizing())
    views = try reader.items("views") { try Catalog.views.value($0, at: $1) { $0.init() } }
    strategies = try reader.strategies()
    posterior = try reader.entry("posterior", of: Catalog.posteriors) { $0.init() }
    average = try reader.entry("average", of: Catalog.averages) { $0.init() }
    guard posterior == nil || average == nil else {
      throw reader.refuse("average", "no 'average' beside 'posterior', which has means of its own")
    }
    guard posterior == nil || patience == nil else {
      throw reader.refuse("patience", "no 'patience' beside 'posterior', which is of a whole run")
    }
    if validation == 0, let asking = strategies.map({ type(of: $0.strategy) }).first(where: { $0.needsValidation }) {
      throw reader.refuse("validation", "rows for the strategy '\(asking.name)', above 0")
    }
    guard patience == nil || validation > 0 else {
      throw reader.refuse("patience", "'validation' rows to stop by, above 0")
    }
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

  /// The meaning of the targets of one's own data, by the task or the objective; nil: it says neither.
  var targetKind: TargetKind? {
    guard let kind = task ?? objective.map({ type(of: $0).tasks[0] }) else { return nil }
    return ModelTask(kind, width: 2).isRegression ? .regression : .classification
  }

  /// The reference of a part: what `data` says of the training rows, and the whole test part.
  func reference(of split: Split) throws -> String {
    split == .train ? data : "\(try DataReference(data).whole)"
  }

  /// The data to train on, or the test part.
  func part(_ split: Split, from root: DataRoot) throws -> Dataset {
    try Dataset.load(reference(of: split), split, from: root, access: .paths, targets: targetKind)
  }

  /// The noise that the trained model carries: what is asked for, or what it was trained with behind its input.
  public var modelNoise: NoiseModel? { modelNoise(trainedWith: noise) }

  /// - Parameter trained: the noise of the recipe as a graph has it, where learned strengths are constants.
  func modelNoise(trainedWith trained: NoiseModel?) -> NoiseModel? {
    let noise = servedNoise ?? NoiseModel((trained?.terms ?? []).filter { $0.site != .input })
    let settled = NoiseModel(noise.settled.terms.filter(\.isActive))
    return settled.terms.isEmpty ? nil : settled
  }

  /// Whether the training itself asks rows that are held out.
  public var needsValidation: Bool {
    patience != nil || strategies.contains { type(of: $0.strategy).needsValidation }
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
