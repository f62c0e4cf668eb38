import ArgumentParser
import DitherClient
import DitherProto
import Foundation

/// `dither models drift`: whether what a version is asked, and answers, is still what it was calibrated on.
struct ModelDrift: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drift",
    abstract: "Compare a version's last answers with those of its calibration.",
    discussion: """
      The server keeps the last answers of every calibrated version and tests, by each of a few statistics of inputs and \
      uncertainty, whether they are distributed as the calibration's examples were (two-sample Kolmogorov-Smirnov). It ends \
      with 1 where they have drifted.

      Example: dither models drift mnist-mlp-noise
      """)

  @Argument(help: "name, name@version or name:alias.")
  var model: String
  @Flag(help: "Print one JSON object.")
  var json = false
  @OptionGroup var server: ServerOptions

  func run() async throws {
    let found = DriftDescription(try await server.withClient { try await $0.drift(model) })
    if json { try Json.print(found) } else { found.show() }
    if found.drifted == true {
      throw CommandFailure(status: .checkFailed, message: "\(found.model)@\(found.version) has drifted")
    }
  }
}

/// The state of a version's drift, as `--json` prints it.
struct DriftDescription: Encodable {
  struct Statistic: Encodable {
    var name: String
    /// Recent values.
    var filled: UInt32
    var distance: Double
    var pValue: Double
    var referenceMedian: Double
    var recentMedian: Double
    var drifted: Bool
  }
  var model: String
  var version: UInt64
  var calibration: UInt64
  var samples: UInt32
  var window: UInt32
  var filled: UInt32
  var falseAlarmRate: Double
  var answers: UInt64
  var otherAnswers: UInt64
  var windows: UInt64
  var alarms: UInt64
  /// nil: too few answers.
  var drifted: Bool?
  var statistics: [Statistic]

  init(_ found: Dither_V1_DriftResponse) {
    model = found.model
    version = found.version
    calibration = found.calibration
    samples = found.samples
    window = found.window
    filled = found.filled
    falseAlarmRate = found.falseAlarmRate
    answers = found.answers
    otherAnswers = found.otherAnswers
    windows = found.windows
    alarms = found.alarms
    statistics = found.statistics.map {
      Statistic(
        name: $0.name, filled: $0.filled, distance: $0.distance, pValue: $0.pValue, referenceMedian: $0.referenceMedian,
        recentMedian: $0.recentMedian, drifted: $0.drifted)
    }
    drifted = statistics.isEmpty ? nil : statistics.contains { $0.drifted }
  }

  /// Entropies and p-values are of any size.
  private func shown(_ value: Double) -> String { String(format: "%.3g", value) }

  func show() {
    let verdict = drifted.map { $0 ? "drifted" : "no drift seen" } ?? "too few answers to say"
    print("\(model)@\(version)  calibration \(calibration)  \(verdict)")
    print(
      "the last \(filled) inputs of \(answers) answers of \(samples) draws"
        + (otherAnswers > 0 ? "; \(otherAnswers) others were made otherwise and are not compared" : ""))
    if !statistics.isEmpty {
      print(
        table(
          [["statistic", "values", "median, calibrated", "median, recent", "distance", "p", ""]]
            + statistics.map {
              [
                $0.name, "\($0.filled)", shown($0.referenceMedian), shown($0.recentMedian), $0.distance.digits(3),
                shown($0.pValue),
                $0.drifted ? "drifted" : "",
              ]
            }))
    }
    print(
      "\(alarms) of \(windows) windows of \(window) values had drifted; without drift at most \(falseAlarmRate) would")
  }
}
