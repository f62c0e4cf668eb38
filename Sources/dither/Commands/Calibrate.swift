import ArgumentParser
import DitherBasics
import DitherClient
import DitherDatasets
import DitherInference
import DitherProto
import DitherRobustness
import Foundation

/// `dither calibrate`: probabilities that mean what they say, and prediction sets and intervals that hold.
struct CalibrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Fit a served model's temperature and the thresholds of its prediction sets, or its intervals.",
    discussion: """
      The examples must be none that the model was trained on, and of the kind that it will be asked about. One half, drawn by \
      the seed, makes the temperature, the other the thresholds. Predictions use the newest calibration of a version from then on. \
      Where the model is right on all of the one half, or more often wrong than chance, no temperature is the likeliest: that is \
      refused, and more examples help.

      Of a regression all examples make the distances of its intervals, for each value that it answers with: absolute (the mean, \
      less and more by as much), normalized (by so many of the answer's own standard deviations) and quantiles (the answer's own \
      quantiles, moved out by so much).

      Files of one's own are parted as for training: every fifth row calibrates, all rows where the targets are given by \
      --labels.

      Example: dither calibrate fashion-mlp-noise --data fashion-mnist:5000-10000
      Example: dither calibrate fashion-mlp-noise --data fashion-mnist:5000-10000 --class-conditional
      Example: dither predict fashion-mlp-noise --data fashion-mnist:5 --coverage 0.9
      Example: dither calibrate strength --data 'concrete?split=3'
      Example: dither calibrate strength --data x.npy --labels y.npy
      """)

  @Argument(help: "name, name@version or name:alias.")
  var model: String
  @Option(help: "\(DataHelp.reference), or with --labels a file of inputs.")
  var data: String
  @Option(help: "Class numbers as .npy, with --data FILE; of a regression its values.")
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
    let isOwn = labels != nil || AuditExamples.isPath(data)
    if !isOwn { request.dataSet = data }
    let found = try await server.withClient(patience: nil) { [request] client in
      let served = try await client.model(model)
      if let samples, samples > 0 {
        try NoiseOptions.check(samples: samples, of: model, hasNoise: !served.noiseJson.isEmpty)
      }
      var request = request
      if isOwn {
        // Whole numbers may be classes or values: the model says which. A regression has no classes.
        let kind: TargetKind? = served.signature.classes == 0 ? .regression : nil
        let examples = try AuditExamples(data, labels: labels, targets: kind)
        try examples.check(least: ModelCalibration.leastExamples)
        request.examples = try examples.message()
      }
      let found = try await client.calibrate(request, timeout: .milliseconds(Int64(timeout * 1000)))
      return CalibrationDescription(found, names: served.signature.labelNames)
    }
    if json { try Json.print(found) } else { found.show() }
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
  /// One value of a regression.
  struct Value: Encodable {
    struct Interval: Encodable {
      var coverage: Double
      var absolute: Double
      /// nil, as those below: the answers had no deviation of their own.
      var normalized: Double?
      var quantiles: Double?
      var ownCoverage: Double?

      init(_ interval: Dither_V1_Calibration.Interval) {
        coverage = interval.coverage
        absolute = interval.absolute
        guard interval.hasDeviation_p else { return }
        normalized = interval.normalized
        quantiles = interval.quantiles
        ownCoverage = interval.ownCoverage
      }
    }
    var name: String?
    var rmse: Double
    var intervals: [Interval]
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
  /// nil: of a classifier.
  var values: [Value]?
  /// nil of a regression, as `after`.
  var before: Quality?
  var after: Quality?

  /// - Parameter names: of the values of a regression, or empty.
  init(_ found: Dither_V1_Calibration, names: [String] = []) {
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
    guard found.values.isEmpty else {
      values = found.values.enumerated().map { value, own in
        Value(
          name: names.indices.contains(value) ? names[value] : nil, rmse: own.rmse,
          intervals: own.intervals.map(Value.Interval.init))
      }
      return
    }
    before = Quality(found.before)
    after = Quality(found.after)
  }

  func show() {
    let stored = number > 0 ? "calibration \(number)" : "a trial, not stored"
    if let values {
      print("\(model)@\(version)  \(stored)  \(samples) samples  seed \(seed)  \(data)")
      for (number, value) in values.enumerated() { show(value, number) }
      return
    }
    print(
      "\(model)@\(version)  \(stored)  temperature \(temperature.digits(4))  \(samples) samples  seed \(seed)  \(data)")
    print(
      table(
        [["\(conformalExamples) examples that did not make it", "NLL", "Brier", "ECE"]]
          + [("temperature 1", before), ("temperature \(temperature.digits(4))", after)].map { title, quality in
            [
              title, Self.cell(quality?.negativeLogLikelihood), Self.cell(quality?.brier),
              Self.cell(quality?.expectedCalibrationError),
            ]
          }))
    if let classes { return show(classes) }
    print(
      table(
        [["coverage", "LAC", "APS"]]
          + thresholds.map { ["\($0.coverage)", $0.lac.digits(4), $0.aps.digits(4)] }))
  }

  private static func cell(_ value: Double?) -> String { value?.digits(4) ?? "–" }

  /// Four digits, wherever the point is: values have any unit.
  private static func number(_ value: Double?) -> String { value.map(Written.number) ?? "–" }

  private func show(_ value: Value, _ number: Int) {
    let title = value.name ?? (values?.count == 1 ? "value" : "value \(number)")
    print("\(title): RMSE \(Written.number(value.rmse)) on \(conformalExamples) examples")
    print(
      table(
        [["coverage", "own coverage", "absolute ±", "normalized ×", "quantiles ±"]]
          + value.intervals.map {
            [
              "\($0.coverage)", Self.cell($0.ownCoverage), Written.number($0.absolute), Self.number($0.normalized),
              Self.number($0.quantiles),
            ]
          }))
  }

  private func show(_ classes: [Class]) {
    let coverage = 0.9
    print(
      table(
        [["class", "examples", "LAC at \(coverage)", "APS at \(coverage)", "most coverage"]]
          + classes.map {
            [
              $0.title, "\($0.examples)", Self.cell($0.threshold(coverage)?.lac),
              Self.cell($0.threshold(coverage)?.aps),
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
