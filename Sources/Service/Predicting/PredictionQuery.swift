import DitherBasics
import DitherGraph
import DitherInference
import Foundation

/// A question to a model, whatever wire it came by. A nil field was not said.
struct PredictionQuery: Sendable {
  /// "name", "name@version" or "name:alias".
  var model: String
  /// Each by its name, or one without.
  var inputs: [InputArray]
  var samples: Int?
  var tolerance: Double?
  /// The bound with `tolerance`.
  var maxSamples: Int?
  var seed: UInt64?
  var path = NoisePath.fresh
  var antithetic = false
  var quantiles: [Double] = []
  /// Names; none: the standard ones.
  var measures: [String] = []
  /// Each prediction comes with a set that holds the true class as often as this, or of a regression with an interval
  /// that holds the true value.
  var coverage: Double?
  var setRule: Conformal.Score?
  /// nil: normalized where the calibration knows how, else absolute.
  var intervalRule: ConformalIntervals.Rule?
  /// The likeliest class is in every set.
  var neverEmpty = false
  /// The version's temperature is left out.
  var uncalibrated = false
  /// In place of the version's own: terms as the command line writes them.
  var noise: [String] = []

  /// - Throws: for what is too much, and what means nothing without what it belongs to: it would be left out silently.
  func check() throws {
    try NoiseModel.check(options: noise, at: "noise")
    guard noise.isEmpty || coverage == nil else {
      throw ServiceError(
        .badField, at: "noise", expected: "none beside a coverage: the calibration is of the version's own noise",
        got: "'\(noise[0].clipped())'", advice: "upload the file with this noise, and calibrate that version")
    }
    func require(_ other: String, _ isSaid: Bool, with field: String, _ got: String?) throws(ServiceError) {
      guard let got, !isSaid else { return }
      throw ServiceError(
        .badField, at: field, expected: "nothing without \(other)", got: got,
        advice: "say \(other) too, or leave it out")
    }
    try require("a coverage", coverage != nil, with: "never_empty", neverEmpty ? "true" : nil)
    try require("a coverage", coverage != nil, with: "set_rule", setRule.map { "'\($0)'" })
    try require("a coverage", coverage != nil, with: "interval_rule", intervalRule.map { "'\($0)'" })
    try require("a tolerance", tolerance != nil, with: "max_samples", maxSamples.map { "\($0)" })
  }
}

/// Examples as they came: row-major, little-endian, without padding.
struct InputArray: Sendable {
  enum Element: String, Sendable, CaseIterable {
    case float32 = "FLOAT32", uint8 = "UINT8", int64 = "INT64"
    /// In bytes.
    var width: Int {
      switch self {
      case .float32: 4
      case .uint8: 1
      case .int64: 8
      }
    }
  }
  /// nil: of no type that is known.
  var element: Element?
  /// The first is the batch.
  var shape: [Int64]
  var data: Data
  /// As the model calls it, where the wire has names.
  var name: String?
}
