import ArgumentParser
import DitherBasics
import DitherDatasets
import DitherTrain
import Foundation

/// `dither train`: from a recipe to a model.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model with or without noise, as a recipe says.",
    discussion: """
      Writes NAME.onnx, evaluates it on the test part, and writes NAME.card.json and, for people, NAME.card.md.
      runs/NAME-seedN keeps the record: recipe, machine, log, TensorBoard events and a page of curves. Ctrl-C leaves
      NAME.checkpoint, and --resume goes on from it, bit for bit.

      Example: dither train recipes/mnist-mlp-noise.yml --seed 1 --out trained
      """)

  @Argument(help: "The recipe, a YAML file.")
  var recipe: String
  @Option(
    name: .customLong("set"),
    help: "A key of the recipe with another value: optimizer.rate=0.05, noise.0.sigma=0.1. Repeatable.")
  var settings: [String] = []
  @Option(help: "Everything random follows from it. (default: the recipe's)")
  var seed: UInt64?
  @Option(help: "How often the data are gone through. (default: the recipe's)")
  var epochs: Int?
  @Option(help: "What to call the model. (default: the recipe's)")
  var name: String?
  @Option(name: .customLong("out"), help: "The folder for the model, its card and its checkpoint.")
  var folder = "trained"
  @Flag(help: "Go on from the checkpoint in --out.")
  var resume = false
  @Flag(help: "Say what the training would be, its memory and its time by some steps, and write nothing.")
  var dryRun = false
  @Flag(help: "Train anew where a model or a checkpoint of this name is. Its record stays.")
  var force = false
  @Option(help: "Threads. (default: one for each core)")
  var threads = ProcessInfo.processInfo.activeProcessorCount
  @Flag(help: "Print one JSON object at the end.")
  var json = false

  func validate() throws {
    guard (1...256).contains(threads) else { throw ValidationError("--threads: expected 1 to 256") }
    guard !dryRun || !resume && !force else {
      throw ValidationError("--dry-run is of a training from its beginning, and writes nothing: say it alone")
    }
    guard !resume || !force else { throw ValidationError("--resume goes on with a run, --force begins anew: say one") }
  }

  func run() throws {
    let recipe = try resolved()
    if dryRun { return try show(TrainRun(recipe, folder: folder, threads: threads).forecast()) }
    let interrupt = Interrupt { Console.write("\nstopping; a second Ctrl-C stops at once\n") }
    if !recipe.shownWith.isEmpty {
      Console.note(
        "figures of the training are with \(recipe.shownWith.joined(separator: ", ")), validation is without")
    }
    var line = ProgressLine(), evaluation: ContinuousClock.Instant?
    let run = TrainRun(
      recipe, folder: folder, resumes: resume, replaces: force, threads: threads, software: Dither.code)
    let outcome = try run.run(
      shouldStop: { interrupt.isAsked }, progress: { line.show(Self.text($0), isMilestone: $0.endsEpoch) },
      evaluated: { share in
        let start = evaluation ?? .now
        line.show(Self.text(share, since: start), isMilestone: evaluation == nil || share == 1)
        evaluation = start
      })
    line.close()
    switch outcome {
    case .finished(let card, let model): try show(card, model: model)
    case .stopped(let checkpoint):
      throw CommandFailure(
        status: .interrupted,
        message: "stopped; \(checkpoint) holds what was reached: run the same command with --resume to go on")
    case .notEvaluated(let model):
      throw CommandFailure(
        status: .interrupted,
        message: "stopped; \(model) is whole, but has no card: run the same command with --resume to evaluate it")
    }
  }

  /// The recipe, with what the command says in the place of its words.
  private func resolved() throws -> Recipe {
    var all = try settings.map { try RecipeSetting(parsing: $0) }
    if let name { all.append(RecipeSetting("name", name, isText: true, option: "--name")) }
    if let epochs { all.append(RecipeSetting("epochs", "\(epochs)", option: "--epochs")) }
    if let seed { all.append(RecipeSetting("seed", "\(seed)", option: "--seed")) }
    return try Recipe(yaml: String(decoding: FileArray.read(recipe), as: UTF8.self), at: recipe, settings: all)
  }

  private static func text(_ share: Double, since start: ContinuousClock.Instant) -> String {
    let seconds = start.duration(to: .now) / .seconds(1), whole = share > 0 ? seconds / share : 0
    let left = share > 0 ? "  \(clockTime(whole - seconds)) left" : ""
    return "evaluating on the test part  \((100 * share).digits(0)) %\(left)"
  }

  private static func text(_ progress: TrainProgress) -> String {
    var parts = [
      "epoch \(progress.epoch) of \(progress.epochs)", "\(Int(progress.examplesPerSecond)) examples/s",
      "loss \(progress.loss.digits(4))", words(progress.quality),
    ]
    if let found = progress.validation { parts.append("validation \(words(found))") }
    return (parts + ["\(clockTime(progress.secondsLeft)) left"]).joined(separator: "  ")
  }

  private static func words(_ quality: TrainQuality) -> String {
    switch quality {
    case .accuracy(let share): "accuracy \((100 * share).digits(2)) %"
    case .rootMeanSquaredError(let error): "RMSE \(error.digits(4))"
    }
  }

  private func show(_ forecast: TrainForecast) throws {
    if json { return try Json.print(forecast) }
    let rows = forecast.rows, memory = forecast.memory
    var facts = [
      ["data", forecast.data],
      ["rows", "\(rows.training) to train on, \(rows.validation) for validation, \(rows.test) to test"],
      ["steps", "\(forecast.epochs) epochs of \(forecast.stepsPerEpoch), \(forecast.batch) examples each"],
      ["parameters", "\(forecast.count)"],
    ]
    facts += forecast.parameters.map { ["  \($0.name)", $0.shape.map(String.init).joined(separator: " × ")] }
    for noise in forecast.noise {
      facts.append(["noise", noise.term])
      facts.append(["  on", noise.places.isEmpty ? "nothing" : noise.places.joined(separator: ", ")])
    }
    if !forecast.strategies.isEmpty { facts.append(["strategies", forecast.strategies.joined(separator: ", ")]) }
    facts.append(["memory", byteText(memory.total)])
    for (name, bytes) in [
      ("data", memory.data), ("weights", memory.weights), ("gradients", memory.gradients),
      ("optimizer", memory.optimizer), ("activations", memory.activations),
    ] { facts.append(["  \(name)", byteText(bytes)]) }
    if let peak = memory.peak { facts.append(["  of this process", "\(byteText(peak)) at most until now"]) }
    facts += [
      ["a step", "\((1000 * forecast.stepSeconds).digits(2)) ms on \(forecast.threads) threads"],
      ["time", "\(clockTime(forecast.seconds)) at most, then the evaluation on the test part"],
    ]
    print(table(facts))
  }

  private func show(_ card: TrainRun.Card, model: String) throws {
    if json { return try Json.print(Answer(model: model, card: card)) }
    var rows = [
      ["model", model], ["digest", card.digest], ["record", "\(folder)/\(card.record)"],
    ]
    let test = card.test, noise = test.samples.map { "with its noise (\($0) samples)" } ?? ""
    func add(_ name: String, _ value: Double?, isShare: Bool = false) {
      guard let value else { return }
      rows.append([name, isShare ? "\((100 * value).digits(2)) %" : value.digits(4)])
    }
    add("test accuracy", test.accuracy, isShare: true)
    add("test RMSE", test.rootMeanSquaredError)
    add("test NLL", test.negativeLogLikelihood)
    add("in the 95 % interval", test.intervalCoverage, isShare: true)
    add("accuracy \(noise)", test.noisyAccuracy, isShare: true)
    add("RMSE \(noise)", test.noisyRootMeanSquaredError)
    add("NLL \(noise)", test.noisyNegativeLogLikelihood)
    add("in the interval \(noise)", test.noisyIntervalCoverage, isShare: true)
    if let views = card.views, let single = card.testWithoutViews {
      rows.append(["views", "\(views), whose mean the above is of"])
      add("accuracy by one look", single.accuracy, isShare: true)
      add("RMSE by one look", single.rootMeanSquaredError)
      add("NLL by one look", single.negativeLogLikelihood)
    }
    if let kept = card.keptEpoch {
      let found =
        card.validationAccuracy.map { "accuracy \((100 * $0).digits(2)) %" }
        ?? card.validationError.map { "RMSE \($0.digits(4))" } ?? ""
      rows.append(["kept", "epoch \(kept) of the \(card.epochs) that were trained, validation \(found)"])
    }
    print(table(rows))
  }

  private struct Answer: Encodable {
    var model: String
    var card: TrainRun.Card
  }
}
