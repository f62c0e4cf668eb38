import ArgumentParser
import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherRobustness
import Foundation

/// How noise is chosen on data: the options that `tune` and `upload --noise auto` share.
struct TuneOptions: ParsableArguments {
  @Option(
    name: .customLong("data"),
    help: ArgumentHelp(
      "For noise that is chosen: \(DataHelp.reference). None that the model was trained on.", valueName: "data"))
  var data: String?
  @Option(
    name: .customLong("candidate"),
    help: ArgumentHelp(
      """
      NAME or NAME:KEY=VALUE,…, as laplace:layers=last,prior=evidence; repeat. Names: \
      \(Catalog<any NoiseCandidate.Type>.candidates.names.joined(separator: ", ")). (default: \
      \(NamedCandidate.usual.joined(separator: ", ")))
      """, valueName: "candidate"))
  var candidates: [String] = []
  @Option(help: ArgumentHelp("Parts of the cross-validation, 2 to 20. (default: 5)", valueName: "n"))
  var folds: Int?

  /// Whether anything of it was said.
  var isSaid: Bool { data != nil || !candidates.isEmpty || folds != nil }
}

/// A model's file whose noise was chosen on data.
struct TunedFile {
  let bytes: [UInt8]
  let record: TuningRecord

  /// - Parameters:
  ///   - file: the ONNX file.
  ///   - samples: draws of each answer; nil: the usual number.
  init(_ file: [UInt8], _ asked: TuneOptions, samples: Int?, seed: UInt64) throws {
    guard let reference = asked.data else {
      throw CommandError(
        .missingOption, at: "--data", expected: "\(DataHelp.reference)", got: "nothing",
        advice: "name examples that the model was not trained on")
    }
    var options = try NoiseTuning.Options(asked.candidates)
    options.folds = asked.folds ?? options.folds
    options.samples = samples ?? options.samples
    options.seed = seed
    options.threads = ProcessInfo.processInfo.activeProcessorCount
    let given = try Graph(onnx: file), first = try ModelSignature(given)
    let isRegression = first.task.isRegression
    let data = try Dataset.load(
      reference, access: .paths, targets: isRegression ? .regression : .classification)
    let graph = try given.sized(for: first.rowShapes(of: data.inputs, as: data.layout))
    let signature = try ModelSignature(graph)
    let inputs = try signature.arranged(data.inputs, as: data.layout), interrupt = Interrupt()
    var line = ProgressLine()
    let tuning = try NoiseTuning(
      graph, inputs: inputs, targets: data.targets, options,
      told: { name, share in line.show("\(name)  \(Int(100 * share)) %") },
      proceed: {
        if interrupt.isAsked { throw CommandFailure(status: .interrupted, message: "stopped, nothing written") }
      })
    line.close()
    record = TuningRecord(tuning, options, data: reference, inputs: inputs, targets: data.targets)
    // Chosen on examples of one size, for all that the file takes.
    var tuned = tuning.graph.freed(like: given)
    tuned.metadata[TuningRecord.key] = try record.json()
    bytes = try tuned.onnx()
  }

  /// The card of the file that it was made of, with how its noise was chosen.
  /// - Parameter card: nil or other JSON than an object: a new one.
  func card(from card: String?) throws -> String {
    var members: [String: JsonValue] = [:]
    if let card, case .object(let own)? = JsonValue(text: card) { members = own }
    members["tuning"] = JsonValue(text: try record.json())
    members["digest"] = .string(Sha256.hash(bytes).description)
    return try Json.text(JsonValue.object(members))
  }

  /// The candidates side by side, and which was chosen.
  func show() {
    let isRegression = record.scores.first?.rootMeanSquaredError != nil
    func cell(_ value: Double?, _ interval: Interval?, _ digits: Int = 4) -> String {
      guard let value else { return "–" }
      return value.digits(digits) + (interval.map { " [\($0.low.digits(digits)), \($0.high.digits(digits))]" } ?? "")
    }
    let head =
      ["candidate", "NLL", "less the plain model's"]
      + (isRegression ? ["RMSE"] : ["Brier", "ECE", "AUROC of errors", "accuracy"]) + ["noise"]
    let rows = record.scores.map { score in
      [
        (score.name == record.chosen ? "* " : "  ") + score.name, cell(score.nll, score.nllInterval),
        cell(score.nllDifference, score.nllDifferenceInterval),
      ]
        + (isRegression
          ? [cell(score.rootMeanSquaredError, score.rootMeanSquaredErrorInterval)]
          : [
            cell(score.brier, score.brierInterval), cell(score.ece15, score.ece15Interval),
            cell(score.errorAuroc, score.errorAurocInterval, 3), cell(score.accuracy, nil),
          ]) + [score.noise]
    }
    print(table([head] + rows))
    print(
      "\(record.examples) examples of \(record.data), \(record.folds) folds, \(record.samples) draws, seed \(record.seed)"
        + "; digest \(record.dataDigest)")
    if record.chosen == TuningRecord.plain { print("none is likelier than the model without noise, which is kept") }
  }
}
