import ArgumentParser
import DitherBasics
import DitherClient
import DitherInference
import DitherProto
import Foundation

/// `dither calibrate`: probabilities that mean what they say, and prediction sets that hold.
struct CalibrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Fit a served model's temperature and the thresholds of its prediction sets.",
    discussion: """
      The examples must be none that the model was trained on, and of the kind that it will be asked about. One half, drawn by \
      the seed, makes the temperature, the other the thresholds. Predictions use the newest calibration of a version from then on. \
      Where the model is right on all of the one half, or more often wrong than chance, no temperature is the likeliest: that is \
      refused, and more examples help.

      Example: dither calibrate fashion-mlp-noise --data fashion-mnist:5000-10000
      Example: dither calibrate fashion-mlp-noise --data fashion-mnist:5000-10000 --class-conditional
      Example: dither predict fashion-mlp-noise --data fashion-mnist:5 --coverage 0.9
      """)

  @Argument(help: "name, name@version or name:alias.")
  var model: String
  @Option(help: "\(DataHelp.reference), or with --labels a file of inputs.")
  var data: String
  @Option(help: "Class numbers as .npy, with --data FILE.")
  var labels: String?
  @Option(help: "Draws of each answer. (default: the model's)")
  var samples: UInt32?
  @Option(help: "Of the draws, and of the two halves.")
  var seed: UInt64 = 1
  @Flag(
    help: "A threshold for each class, from its own examples: sets then hold the true class as often in every class.")
  var classConditional = false
  @Flag(help: "Store nothing.")
  var tryOnly = false
  @Option(help: "Seconds until it is given up.")
  var timeout: Double = 600
  @Flag(help: "Print one JSON object.")
  var json = false
  @OptionGroup var server: ServerOptions

  func validate() throws {
    try AuditExamples.checkOptions(data, labels: labels)
    guard timeout > 0, timeout < 1e6 else { throw ValidationError("--timeout: expected seconds above 0, below 1e6") }
  }

  func run() async throws {
    var request = Dither_V1_CalibrateRequest()
    request.model = model
    request.samples = samples ?? 0
    request.seed = seed
    request.tryOnly = tryOnly
    request.classConditional = classConditional
    if labels != nil || AuditExamples.isPath(data) {
      request.examples = try AuditExamples(data, labels: labels).message()
    } else {
      request.dataSet = data
    }
    let found = try await server.withClient { [request] client in
      if let samples, samples > 0 {
        let served = try await client.model(model)
        try NoiseOptions.check(samples: samples, of: model, hasNoise: !served.noiseJson.isEmpty)
      }
      return try await client.calibrate(request, timeout: .milliseconds(Int64(timeout * 1000)))
    }
    if json { try Json.print(CalibrationDescription(found)) } else { CalibrationDescription(found).show() }
  }
}

/// A calibration, as `--json` prints it.
struct CalibrationDescription: Encodable {
  struct Threshold: Encodable {
    var coverage: Double
    var lac: Double
    var aps: Double

    init(_ threshold: Dither_V1_Calibration.Threshold) {
      coverage = threshold.coverage
      lac = threshold.lac
      aps = threshold.aps
    }
  }
  struct Class: Encodable {
    var label: UInt32
    var name: String?
    var examples: UInt32
    var mostCoverage: Double
    var thresholds: [Threshold]

    /// As a person calls it.
    var title: String { name.map { "\(label) (\($0))" } ?? "\(label)" }
    func threshold(_ coverage: Double) -> Threshold? { thresholds.first { $0.coverage == coverage } }
  }
  struct Quality: Encodable {
    var negativeLogLikelihood: Double
    var brier: Double
    var expectedCalibrationError: Double

    init(_ quality: Dither_V1_Calibration.Quality) {
      negativeLogLikelihood = quality.negativeLogLikelihood
      brier = quality.brier
      expectedCalibrationError = quality.expectedCalibrationError
    }
  }
  var number: UInt64
  var model: String
  var version: UInt64
  var temperature: Double
  var samples: UInt32
  var seed: UInt64
  var data: String
  var dataDigest: String
  var temperatureExamples: UInt32
  var conformalExamples: UInt32
  var mostCoverage: Double
  /// Empty where they are by class.
  var thresholds: [Threshold]
  /// nil: one threshold for all classes.
  var classes: [Class]?
  var before: Quality
  var after: Quality

  init(_ found: Dither_V1_Calibration) {
    number = found.number
    model = found.model
    version = found.version
    temperature = found.temperature
    samples = found.samples
    seed = found.seed
    data = found.data
    dataDigest = found.dataDigest
    temperatureExamples = found.temperatureExamples
    conformalExamples = found.conformalExamples
    mostCoverage = found.mostCoverage
    thresholds = found.thresholds.map(Threshold.init)
    classes =
      found.classes.isEmpty
      ? nil
      : found.classes.map {
        Class(
          label: $0.label, name: $0.name.isEmpty ? nil : $0.name, examples: $0.examples, mostCoverage: $0.mostCoverage,
          thresholds: $0.thresholds.map(Threshold.init))
      }
    before = Quality(found.before)
    after = Quality(found.after)
  }

  func show() {
    let stored = number > 0 ? "calibration \(number)" : "a trial, not stored"
    print(
      "\(model)@\(version)  \(stored)  temperature \(temperature.digits(4))  \(samples) samples  seed \(seed)  \(data)")
    print(
      table([
        ["\(conformalExamples) examples that did not make it", "NLL", "Brier", "ECE"],
        [
          "temperature 1", before.negativeLogLikelihood.digits(4), before.brier.digits(4),
          before.expectedCalibrationError.digits(4),
        ],
        [
          "temperature \(temperature.digits(4))", after.negativeLogLikelihood.digits(4), after.brier.digits(4),
          after.expectedCalibrationError.digits(4),
        ],
      ]))
    if let classes { return show(classes) }
    print(
      table(
        [["coverage", "LAC", "APS"]]
          + thresholds.map { ["\($0.coverage)", $0.lac.digits(4), $0.aps.digits(4)] }))
  }

  private func show(_ classes: [Class]) {
    let coverage = 0.9
    func cell(_ value: Double?) -> String { value?.digits(4) ?? "–" }
    print(
      table(
        [["class", "examples", "LAC at \(coverage)", "APS at \(coverage)", "most coverage"]]
          + classes.map {
            [
              $0.title, "\($0.examples)", cell($0.threshold(coverage)?.lac), cell($0.threshold(coverage)?.aps),
              $0.mostCoverage.digits(3),
            ]
          }))
    for few in classes where few.mostCoverage < coverage {
      print(
        """
        too few examples of class \(few.title): \(few.examples); above a coverage of \(few.mostCoverage.digits(3)) it is in \
        every set (\(coverage) takes \(Conformal.leastExamples(alpha: 1 - coverage)))
        """)
    }
  }
}
