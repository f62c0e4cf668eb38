import ArgumentParser
import DitherBasics
import DitherClient
import DitherDatasets
import DitherInference
import DitherProto
import DitherTensor
import Foundation

/// `dither predict`: labels, probabilities, and how sure the model is.
struct PredictCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Ask a served model for predictions with their uncertainty.",
    discussion: """
      Inputs are .png, .jpg, .npy, .csv (a row an example) and .pb (ONNX TensorProto) files, any number of them, each one \
      example or a batch; bytes 0-255 are scaled by the model's own normalization. For a model of several inputs each is \
      NAME=FILE, or all are in an archive FILE.npz by their names.

      Example: dither predict fashion-mlp-noise --input shoe.png --samples 64 --seed 7
      Example: dither predict fashion-mlp-baseline --input shoe.png --noise weights:gaussian,sigma=0.03 --samples 64
      Example: dither predict trec-noise --text "Who wrote Hamlet ?" --words trained/trec-noise.onnx
      Example: dither predict reviews --input input_ids=ids.npy --input attention_mask=mask.npy
      Example: dither predict mnist-cnn-noise@1 --data mnist:5 --tolerance 0.01 --json
      Example: dither predict strength --data concrete:5 --coverage 0.9
      """)

  @Argument(help: "name, name@version or name:alias.")
  var model: String
  @Option(
    name: .customLong("input"), parsing: .upToNextOption, help: "Files to predict from, or NAME=FILE for each input.")
  var inputs: [String] = []
  @Flag(help: "Bring pictures to the model's size, as size= of a data reference does.")
  var resize = false
  @Option(
    help: ArgumentHelp(
      """
      With --resize, the share of a picture's middle that is kept, from above 0 to 1: 0.875 for models of 224 pixels that \
      were trained on the middle of 256. (default: 1)
      """, valueName: "share"))
  var crop: Double?
  @Option(help: "\(DataHelp.reference).")
  var data: String?
  @Option(name: .customLong("text"), parsing: .upToNextOption, help: "Texts to predict from, with --words.")
  var texts: [String] = []
  @Option(help: "The served model's ONNX file, whose words turn --text into what it takes.")
  var words: String?
  @Option(help: "Monte-Carlo draws; 0 is the deterministic pass. (default: the model's)")
  var samples: UInt32?
  @OptionGroup var noise: NoiseOptions
  @Flag(help: "One draw of the weights for all inputs of a request, to compare inputs under it.")
  var sharedDraws = false
  @Flag(help: "Draws in pairs of a draw and its negative: means converge faster.")
  var antithetic = false
  @Option(help: "Sample until the largest standard error of a probability is below this.")
  var tolerance: Double?
  @Option(help: "The most samples that --tolerance may take. (default: the server's)")
  var maxSamples: UInt32?
  @Option(help: "The same seed gives the same answer. (default: drawn, and printed)")
  var seed: UInt64?
  @Option(
    name: .customLong("quantile"), help: "A quantile of each class probability over the draws, in [0, 1]; repeat.")
  var quantiles: [Double] = []
  @Option(
    help: ArgumentHelp(
      """
      With each prediction a set that holds the true class so often, from 0 to 1, or of a regression an interval that holds \
      the true value; the model must be calibrated.
      """))
  var coverage: Double?
  @Option(
    help: "How sets are made: lac (small on average) or aps (large where the model is unsure). (default: lac)")
  var setRule: SetRule?
  @Option(
    help: ArgumentHelp(
      """
      How intervals of a regression are made: absolute (of one width), normalized (wide where the model is unsure) or \
      quantiles (the answer's own, moved). (default: normalized where the calibration can, else absolute)
      """))
  var intervalRule: IntervalRule?
  @Flag(help: "The likeliest class is in every set, which --coverage alone does not promise.")
  var neverEmpty = false
  @Option(
    name: .customLong("measure"),
    help: "A measure that each answer shall have, as std or margin; repeat. (default: the standard ones)")
  var measures: [String] = []
  @Flag(help: "Leave the temperature of the model's calibration out.")
  var uncalibrated = false
  @Option(help: "Seconds until the prediction is given up.")
  var timeout: Double = 60
  @Flag(help: "Print one JSON object.")
  var json = false
  @OptionGroup var server: ServerOptions

  enum SetRule: String, CaseIterable, ExpressibleByArgument { case lac, aps }
  enum IntervalRule: String, CaseIterable, ExpressibleByArgument {
    case absolute, normalized, quantiles

    var message: Dither_V1_PredictRequest.IntervalRule {
      switch self {
      case .absolute: .intervalAbsolute
      case .normalized: .intervalNormalized
      case .quantiles: .intervalQuantiles
      }
    }
  }

  func validate() throws {
    _ = try Catalog<any Measure.Type>.measures.named(measures)
    if let coverage, !(coverage > 0 && coverage < 1) {
      throw ValidationError("--coverage: expected a number between 0 and 1")
    }
    let rules = [
      ("--never-empty", neverEmpty), ("--set-rule", setRule != nil), ("--interval-rule", intervalRule != nil),
    ]
    if coverage == nil, let said = rules.first(where: { $0.1 }) {
      throw ValidationError("\(said.0): say --coverage too, or leave it out")
    }
    if maxSamples != nil, tolerance == nil {
      throw ValidationError("--max-samples: say --tolerance too, or leave it out")
    }
    guard [!inputs.isEmpty, data != nil, !texts.isEmpty].count(where: { $0 }) == 1 else {
      throw ValidationError("give either --input FILE…, --data NAME[:N] or --text TEXT…")
    }
    if resize, inputs.isEmpty { throw ValidationError("--resize: it is of --input FILE…") }
    if let crop, !(crop > 0 && crop <= 1 && resize) {
      throw ValidationError("--crop: expected a share from above 0 to 1, beside --resize")
    }
    guard texts.isEmpty == (words == nil) else {
      throw ValidationError("--text goes with --words FILE.onnx, the served model's file")
    }
    if coverage != nil, !noise.specs.isEmpty {
      throw ValidationError("--noise: the calibration that --coverage needs is of the version's own noise")
    }
    if samples != nil, tolerance != nil { throw ValidationError("give either --samples or --tolerance") }
    if let tolerance, !(tolerance > 0 && tolerance.isFinite) {
      throw ValidationError("--tolerance: expected a number above 0")
    }
    if maxSamples == 0 { throw ValidationError("--max-samples: expected a number above 0") }
    guard timeout > 0, timeout < 1e6 else { throw ValidationError("--timeout: expected seconds above 0, below 1e6") }
    guard quantiles.allSatisfy((0...1).contains) else {
      throw ValidationError("--quantile: expected numbers in [0, 1]")
    }
  }

  func run() async throws {
    let patience = Duration.milliseconds(Int64(timeout * 1000))
    let (answer, names) = try await server.withClient(patience: patience) { client in
      let served = try await client.model(model), signature = served.signature
      try NoiseOptions.check(
        samples: samples, of: model, hasNoise: !served.noiseJson.isEmpty || !noise.specs.isEmpty)
      var answer = PredictionTable()
      let batches = try batches(for: ServedInput.all(of: signature), digest: served.digest)
      Self.tellLosses(batches)
      for batch in batches { try await predict(batch, with: client, into: &answer) }
      return (answer, signature.labelNames)
    }
    if json { try Json.print(answer) } else { answer.show(measures, classNames: names, noise: !noise.specs.isEmpty) }
  }

  /// Once for each kind, however many pictures it is true of.
  private static func tellLosses(_ batches: [ExampleBatch]) {
    let lossy = batches.filter { $0.loss != nil }
    for (loss, group) in Dictionary(grouping: lossy, by: { $0.loss ?? "" }).sorted(by: { $0.key < $1.key }) {
      let others = group.count > 1 ? " and \(group.count - 1) more" : ""
      Console.note("\(group[0].names.first ?? "")\(others): \(loss), as this model takes it")
    }
  }

  /// - Parameter digest: the served model's.
  private func batches(for taken: [ServedInput], digest: String) throws -> [ExampleBatch] {
    if let data { return [try ExampleBatch(Dataset.load(data, access: .paths), for: taken)] }
    let names = taken.map(\.name)
    guard texts.isEmpty, taken.count > 1 || inputs.contains(where: { NamedArrays.isNamed($0, among: names) }) else {
      let input = taken[0]
      guard let words else {
        let share = resize ? crop ?? 1 : nil
        return try inputs.map { try ExampleBatch(path: $0, for: input, resizing: share) }
      }
      guard taken.count == 1 else {
        throw CommandError(
          .badOption, at: "--text", expected: "a model of one input, its words",
          got: "one that takes \(names.joined(separator: ", "))".clipped())
      }
      return [try ExampleBatch(texts, by: ModelWords(of: words, digest: digest).vocabulary, for: input)]
    }
    return [try ExampleBatch(NamedArrays.read(inputs, for: names), for: taken)]
  }

  private func predict(_ batch: ExampleBatch, with client: DitherClient, into answer: inout PredictionTable)
    async throws
  {
    var names = batch.names[...]
    var asked = Dither_V1_PredictRequest()
    asked.model = model
    for var request in batch.requests(from: asked) {
      if let samples { request.samples = samples }
      request.draws = sharedDraws ? .shared : .fresh
      request.antithetic = antithetic
      request.tolerance = tolerance ?? 0
      request.maxSamples = maxSamples ?? 0
      // Later parts of one command share the seed of the first.
      if let seed = seed ?? answer.seedToKeep { request.seed = seed }
      request.quantiles = quantiles
      request.coverage = coverage ?? 0
      request.setRule = setRule == .aps ? .aps : .lac
      request.intervalRule = intervalRule?.message ?? .intervalAuto
      request.neverEmpty = neverEmpty
      request.measures = measures
      request.uncalibrated = uncalibrated
      request.noise = noise.specs
      let response = try await client.predict(request)
      answer.add(response, names: names.prefix(response.predictions.count), coverage: coverage)
      names = names.dropFirst(response.predictions.count)
    }
  }
}
