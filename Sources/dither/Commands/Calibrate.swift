import ArgumentParser
import DitherBasics
import DitherClient
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
      Example: dither predict fashion-mlp-noise --data fashion-mnist:5 --coverage 0.9
      """)

  @Argument(help: "name, name@version or name:alias.")
  var model: String
  @Option(help: "A data set as NAME, NAME:N or NAME:FIRST-END (of its test examples), or an .npy file of inputs.")
  var data: String
  @Option(help: "Class numbers as .npy, with --data FILE.")
  var labels: String?
  @Option(help: "Draws of each answer. (default: the model's)")
  var samples: UInt32?
  @Option(help: "Of the draws, and of the two halves.")
  var seed: UInt64 = 1
  @Flag(help: "Store nothing.")
  var tryOnly = false
  @Option(help: "Seconds until it is given up.")
  var timeout: Double = 600
  @Flag(help: "Print one JSON object.")
  var json = false
  @OptionGroup var server: ServerOptions

  func validate() throws {
    if (labels != nil) != AuditExamples.isFile(data) {
      throw ValidationError("--labels goes with --data FILE; a data set brings its own")
    }
    guard timeout > 0, timeout < 1e6 else { throw ValidationError("--timeout: expected seconds above 0") }
  }

  func run() async throws {
    var request = Dither_V1_CalibrateRequest()
    request.model = model
    request.samples = samples ?? 0
    request.seed = seed
    request.tryOnly = tryOnly
    if AuditExamples.isFile(data) {
      request.examples = try AuditExamples(data, labels: labels).message()
    } else {
      request.dataSet = data
    }
    let found = try await server.withClient { [request] in
      try await $0.calibrate(request, timeout: .milliseconds(Int64(timeout * 1000)))
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
  var thresholds: [Threshold]
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
    thresholds = found.thresholds.map { Threshold(coverage: $0.coverage, lac: $0.lac, aps: $0.aps) }
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
    print(
      table(
        [["coverage", "LAC", "APS"]]
          + thresholds.map { ["\($0.coverage)", $0.lac.digits(4), $0.aps.digits(4)] }))
  }
}
