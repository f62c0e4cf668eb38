import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherReports
import DitherTensor
import Foundation

/// A training from recipe to files: NAME.onnx with NAME.card.json and NAME.card.md beside it, a checkpoint while it
/// runs, and a folder of its own with its record.
public struct TrainRun: Sendable {
  /// How the model is trained.
  public var recipe: Recipe
  /// Where data sets lie.
  public var root: DataRoot
  /// Where files go; made if it is absent.
  public var folder: String
  /// Whether the folder's checkpoint is gone on from.
  public var resumes: Bool
  /// Whether it takes the place of a run that is there already; that one's record stays.
  public var replaces: Bool
  /// Threads of the computation.
  public var threads: Int
  /// The program, for card and record.
  public var software: String

  /// A trained model for its readers: data, recipe, seed, metrics.
  public struct Card: Codable, Sendable {
    public var name: String
    public var summary: String
    /// The set's name.
    public var data: String
    /// The files that were read, where the data are one's own.
    public var dataOrigin: DataOrigin?
    /// The making of each number of an input, where the data are a table; of the first `mostFeatures`.
    public var features: [String]?
    /// The recipe's text.
    public var recipe: String
    /// The seed of all that was random.
    public var seed: UInt64
    /// The threads that computed the last part of the training; any number gives the same bytes.
    public var threads: Int
    /// Epochs that were gone through.
    public var epochs: Int
    /// The epoch whose weights the model has, where the validation part chose it; nil: the last.
    public var keptEpoch: Int?
    /// Numbers that are weights.
    public var parameters: Int
    /// Rows that it was trained on, without the validation part.
    public var trainingExamples: Int
    /// The accuracy of the epoch that was kept; nil of a regression and without a validation part.
    public var validationAccuracy: Double?
    /// The same of a regression, in the unit of the targets.
    public var validationError: Double?
    /// On the test part.
    public var test: Evaluation
    /// Looks at a picture whose mean it answers with; nil: it sees it as it is.
    public var views: Int?
    /// The same weights on the test part where they see each picture as it is; nil without views.
    public var testWithoutViews: Evaluation?
    /// SHA-256 of the ONNX file.
    public var digest: String
    /// The program.
    public var software: String
    /// The folder of the run's record, from where the card is.
    public var record: String
  }

  /// How a run ended.
  public enum Outcome: Sendable {
    case finished(Card, model: String)
    /// Stopped before its end; the checkpoint goes on from there.
    case stopped(checkpoint: String)
    /// Trained, but stopped before the card was made, which going on from the checkpoint makes.
    case notEvaluated(model: String)
  }

  public init(
    _ recipe: Recipe, root: DataRoot = .standard, folder: String, resumes: Bool = false, replaces: Bool = false,
    threads: Int = 2, software: String = "dither"
  ) {
    self.recipe = recipe
    self.root = root
    self.folder = folder
    self.resumes = resumes
    self.replaces = replaces
    self.threads = threads
    self.software = software
  }

  /// NAME.checkpoint in the folder.
  public var checkpointPath: String { "\(folder)/\(recipe.name).checkpoint" }
  private var modelPath: String { "\(folder)/\(recipe.name).onnx" }
  private var cardPath: String { "\(folder)/\(recipe.name).card.json" }
  private var readableCardPath: String { "\(folder)/\(recipe.name).card.md" }

  /// Trains, writes the model, and then makes its card.
  /// - Parameters:
  ///   - shouldStop: asked between two steps, and while the model is evaluated by the threads that do so.
  ///   - evaluated: told the share of the evaluation that is done, 0 to 1.
  /// - Throws: `TrainFault.exists` where another run's model or checkpoint would be lost, before anything is read.
  public func run(
    shouldStop: @Sendable () -> Bool = { false }, progress: (TrainProgress) -> Void = { _ in },
    evaluated: (Double) -> Void = { _ in }
  ) throws -> Outcome {
    try checkPlace()
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw TrainError(.output, at: folder, expected: "a folder to write to", got: error.localizedDescription)
    }
    let (data, test) = try parts()
    let last = resumes ? RunFolder(lastIn: folder, recipe) : nil
    if let last { try checkOrigin(data.origin, RunRecord(last, recipe).dataOrigin) }
    let checkpoint = resumes ? try Checkpoint(file: checkpointPath) : nil
    let trainer = try recipe.locating {
      try Trainer(recipe, data: data, checkpoint: checkpoint, threads: threads)
    }
    let place = try last ?? RunFolder(newIn: folder, recipe)
    if replaces { try? FileManager.default.removeItem(atPath: checkpointPath) }
    try train(trainer, data.origin, place, shouldStop, progress)
    guard trainer.isDone else {
      try trainer.checkpoint().write(to: checkpointPath)
      try page(place)
      return .stopped(checkpoint: checkpointPath)
    }
    return try finish(trainer, test, place, shouldStop, evaluated)
  }

  /// Reads the data and makes some steps, to tell what the training will be; writes nothing.
  public func forecast() throws -> TrainForecast {
    let (data, test) = try parts()
    return try recipe.locating { try Trainer(recipe, data: data, threads: threads) }.forecast(data, test: test)
  }

  private func checkPlace() throws(TrainError) {
    guard !resumes, !replaces else { return }
    if FileManager.default.fileExists(atPath: checkpointPath) {
      throw TrainError(
        .exists, at: checkpointPath, expected: "no run of this name", got: "one that is not finished",
        advice: "say --resume to go on with it, --name or --out for another place, or --force to begin anew")
    }
    guard !FileManager.default.fileExists(atPath: modelPath) else {
      throw TrainError(
        .exists, at: modelPath, expected: "no model of this name", got: "one that is trained",
        advice: "say --name or --out for another place, or --force to train anew")
    }
  }

  /// - Parameter known: nil: of a set of the catalog, or from before this was noted.
  private func checkOrigin(_ origin: DataOrigin?, _ known: DataOrigin?) throws(TrainError) {
    guard let known, let origin, known.sha256 != origin.sha256 else { return }
    throw TrainError(
      .checkpoint, at: "data '\(origin.path.clipped())'",
      expected: "the files that the run was begun with, SHA-256 \(known.sha256)", got: origin.sha256,
      advice: "put them back, or start anew without --resume")
  }

  /// The data to train on, and the test part: one that cannot be evaluated on is no reason to lose a training.
  private func parts() throws -> (data: Dataset, test: Dataset) {
    (try recipe.part(.train, from: root), try recipe.part(.test, from: root))
  }

  /// All epochs that are left, each with its lines in the record.
  private func train(
    _ trainer: Trainer, _ origin: DataOrigin?, _ place: RunFolder, _ shouldStop: () -> Bool,
    _ progress: (TrainProgress) -> Void
  ) throws {
    let epochs = trainer.position.epoch
    try writeWhole(Array(recipe.text.utf8), to: place.path + "/recipe.yml")
    var record = RunRecord(place, recipe)
    record.dataOrigin = origin
    record.sittings.append(.init(afterEpochs: epochs, software: software, threads: threads))
    record.finished = nil
    try record.write(to: place)
    guard !trainer.isDone else { return }
    var log = try RunLog(place.log, upTo: epochs)
    let events = try EventFile(in: place.path, after: epochs)
    do {
      try trainer.run(
        shouldStop: shouldStop, keep: { try $0.checkpoint().write(to: checkpointPath) },
        record: {
          try log.append($0)
          try events.append($0, trainer.histograms)
        }, progress: progress)
    } catch var fault as TrainError where [.diverged, .output].contains(fault.code) {
      if FileManager.default.fileExists(atPath: checkpointPath) {
        let isDiverged = fault.code == .diverged
        let words =
          "\(checkpointPath) holds the training as it was before"
          + (isDiverged ? "; --force begins anew in its place" : ": --resume goes on from it")
        fault.advice = (fault.advice.map { "\($0); " } ?? "") + words
      }
      throw fault
    }
  }

  /// Writes the model, evaluates it, and writes its card.
  /// Numbers of an input that a card explains.
  private static let mostFeatures = 200

  private func finish(
    _ trainer: Trainer, _ test: Dataset, _ place: RunFolder, _ shouldStop: @Sendable () -> Bool,
    _ evaluated: (Double) -> Void
  ) throws -> Outcome {
    let plain = try trainer.snapshot(views: false), graph = try plain.viewed(by: trainer.looks)
    let file = try graph.onnx(), looks = max(trainer.looks.count, 1)
    // A card is of the model beside it.
    for path in [cardPath, readableCardPath] { try? FileManager.default.removeItem(atPath: path) }
    try writeWhole(file, to: modelPath)
    struct Stopped: Error {}
    let found: Evaluation, single: Evaluation?
    do {
      // A look takes as long as another.
      let share = looks > 1 ? Double(looks) / Double(looks + 1) : 1
      found = try Evaluation(
        Model(graph), test, threads: threads, proceed: { if shouldStop() { throw Stopped() } },
        progress: { evaluated(share * $0) })
      single =
        looks == 1
        ? nil
        : try Evaluation(
          Model(plain), test, threads: threads, proceed: { if shouldStop() { throw Stopped() } },
          progress: { evaluated(share + (1 - share) * $0) })
    } catch is Stopped { return .notEvaluated(model: modelPath) }
    let card = Card(
      name: recipe.name, summary: recipe.summary, data: recipe.data, dataOrigin: test.origin,
      features: test.features.map { Array($0.prefix(Self.mostFeatures)) }, recipe: recipe.text, seed: recipe.seed,
      threads: threads, epochs: trainer.position.epoch, keptEpoch: trainer.keptEpoch,
      parameters: plain.literals.values.reduce(0) { $0 + $1.type.shape.count },
      trainingExamples: trainer.examples,
      validationAccuracy: trainer.validated?.accuracy, validationError: trainer.validated?.rootMeanSquaredError,
      test: found, views: looks > 1 ? looks : nil, testWithoutViews: single, digest: Sha256.hash(file).description,
      software: software, record: "runs/\(place.name)")
    let json = try jsonText(of: card)
    try writeWhole(json, to: cardPath)
    var draft = CardDraft(
      name: recipe.name, record: String(decoding: json, as: UTF8.self),
      inputShape: Array(test.inputs.shape.dimensions.dropFirst()))
    draft.task = found.rootMeanSquaredError == nil ? "classification" : "regression"
    try writeWhole(Array(draft.card.markdown.utf8), to: readableCardPath)
    try place.keep(modelPath, as: "\(recipe.name).onnx")
    try place.keep(cardPath, as: "\(recipe.name).card.json")
    try place.keep(readableCardPath, as: "\(recipe.name).card.md")
    if let prior = try trainer.priorGraph() { try writeWhole(prior.onnx(), to: "\(place.path)/prior.onnx") }
    try page(place, card)
    var record = RunRecord(place, recipe)
    record.finished = Date().formatted(.iso8601)
    try record.write(to: place)
    try? FileManager.default.removeItem(atPath: checkpointPath)
    return .finished(card, model: modelPath)
  }

  private func page(_ place: RunFolder, _ card: Card? = nil) throws {
    let page = RunPage(recipe, RunLog.records(place.log), RunRecord(place, recipe), card)
    try writeWhole(Array(page.html().utf8), to: place.path + "/run.html")
  }
}
