import DitherInference

/// A model's answer, whatever wire it goes by.
struct PredictionAnswer: Sendable {
  /// Prediction sets, and what they promise.
  struct Sets: Sendable {
    /// By prediction: classes, rising.
    var classes: [[Int]]
    /// Whether they hold the true class as often as asked in every class, not only on average.
    var isClassConditional: Bool
    /// Classes that are in every set, rising: too few examples of theirs calibrated the version.
    var always: [Int]
  }

  var model: String
  var version: Int64
  /// "sha256:…" of the ONNX file.
  var digest: String
  /// As the file calls it.
  var outputName: String
  var task: ModelTask
  /// Draws that were used; 0 of the deterministic pass.
  var samples: Int
  var seed: UInt64
  /// The terms of the noise that was drawn; none of the deterministic pass.
  var noise: [String]
  var stopReason: MonteCarloPredictor.StopReason
  /// One for each class, or empty.
  var labelNames: [String]
  var predictions: [Prediction]
  /// Levels of the predictions' quantiles.
  var quantiles: [Double]
  /// Where a coverage was asked for.
  var sets: Sets?
  /// That every draw's logits were divided by.
  var temperature: Double
  /// Which of the version's calibrations was used; nil: none.
  var calibration: Int?
  var queued: Duration
  var computed: Duration

  func labelName(of prediction: Prediction) -> String? {
    prediction.label.flatMap { labelNames.indices.contains($0) ? labelNames[$0] : nil }
  }
}
