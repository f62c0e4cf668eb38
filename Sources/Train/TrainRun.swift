import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// A training from recipe to files: NAME.onnx with NAME.card.json and a log of its epochs beside it, and a checkpoint
/// while it runs.
public struct TrainRun: Sendable {
  /// How the model is trained.
  public var recipe: Recipe
  /// Where data sets lie.
  public var root: DataRoot
  /// Where files go; made if it is absent.
  public var folder: String
  /// Whether the folder's checkpoint is gone on from.
  public var resumes: Bool
  /// Threads of the computation.
  public var threads: Int

  /// A trained model for its readers: data, recipe, seed, metrics.
  public struct Card: Codable, Sendable {
    public var name: String
    public var summary: String
    /// The set's name.
    public var data: String
    /// The recipe's text.
    public var recipe: String
    /// The seed of all that was random.
    public var seed: UInt64
    /// The threads that computed the training: another number may give other bytes.
    public var threads: Int
    /// Epochs that were gone through.
    public var epochs: Int
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
    /// SHA-256 of the ONNX file.
    public var digest: String
    /// The program.
    public var software: String
  }

  /// How a run ended.
  public enum Outcome: Sendable {
    case finished(Card, model: String)
    /// Stopped before its end; the checkpoint goes on from there.
    case stopped(checkpoint: String)
    /// Trained, but stopped before the card was made, which going on from the checkpoint makes.
    case notEvaluated(model: String)
  }

  public init(_ recipe: Recipe, root: DataRoot = .standard, folder: String, resumes: Bool = false, threads: Int = 2) {
    self.recipe = recipe
    self.root = root
    self.folder = folder
    self.resumes = resumes
    self.threads = threads
  }

  /// NAME.checkpoint in the folder.
  public var checkpointPath: String { "\(folder)/\(recipe.name).checkpoint" }

  /// Trains, writes the model, and then makes its card.
  /// - Parameters:
  ///   - shouldStop: asked between two steps, and while the model is evaluated by the threads that do so.
  ///   - evaluated: told the share of the evaluation that is done, 0 to 1.
  public func run(
    shouldStop: @Sendable () -> Bool = { false }, progress: (TrainProgress) -> Void = { _ in },
    evaluated: (Double) -> Void = { _ in }
  ) throws -> Outcome {
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw TrainError(.output, at: folder, expected: "a folder to write to", got: error.localizedDescription)
    }
    let data = try Dataset.load(recipe.data, .train, from: root)
    // Before the training: a set that cannot be evaluated on is no reason to lose one.
    let test = try Dataset.load(Dataset.setName(recipe.data), .test, from: root)
    let checkpoint = resumes ? try Checkpoint(file: checkpointPath) : nil
    let trainer = try Trainer(recipe, data: data, checkpoint: checkpoint, threads: threads)
    var log = try RunLog("\(folder)/\(recipe.name).log", upTo: trainer.position.epoch)
    try trainer.run(
      shouldStop: shouldStop, keep: { try $0.checkpoint().write(to: checkpointPath) }, record: { try log.append($0) },
      progress: progress)
    guard trainer.isDone else {
      try trainer.checkpoint().write(to: checkpointPath)
      return .stopped(checkpoint: checkpointPath)
    }
    let graph = try trainer.snapshot(), file = try graph.onnx(), path = "\(folder)/\(recipe.name).onnx"
    let cardPath = "\(folder)/\(recipe.name).card.json"
    // A card is of the model beside it.
    try? FileManager.default.removeItem(atPath: cardPath)
    try writeWhole(file, to: path)
    struct Stopped: Error {}
    let found: Evaluation
    do {
      found = try Evaluation(
        Model(graph), test, threads: threads, proceed: { if shouldStop() { throw Stopped() } }, progress: evaluated)
    } catch is Stopped { return .notEvaluated(model: path) }
    let card = Card(
      name: recipe.name, summary: recipe.summary, data: recipe.data, recipe: recipe.text, seed: recipe.seed,
      threads: threads, epochs: trainer.position.epoch,
      parameters: graph.literals.values.reduce(0) { $0 + $1.type.shape.count },
      trainingExamples: trainer.examples,
      validationAccuracy: trainer.validated?.accuracy, validationError: trainer.validated?.rootMeanSquaredError,
      test: found, digest: Sha256.hash(file).description, software: "dither")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    try writeWhole(Array(encoder.encode(card)) + [UInt8(ascii: "\n")], to: cardPath)
    try? FileManager.default.removeItem(atPath: checkpointPath)
    return .finished(card, model: path)
  }
}
