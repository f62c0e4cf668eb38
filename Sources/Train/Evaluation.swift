import DitherDatasets
import DitherInference
import DitherTensor

/// What a trained model is worth on a data set, as its card says it.
public struct Evaluation: Codable, Sendable, Equatable {
  /// Of the deterministic pass.
  public var accuracy: Double
  public var negativeLogLikelihood: Double
  public var expectedCalibrationError: Double
  /// With the noise that the model carries, by the mean of `samples` draws; nil without noise.
  public var noisyAccuracy: Double?
  public var noisyNegativeLogLikelihood: Double?
  public var samples: Int?

  public init(_ model: Model, _ data: Dataset, samples: Int = 16, threads: Int = 2) throws {
    let predictor = MonteCarloPredictor(model)
    func probabilities(_ samples: Int) throws -> [[Double]] {
      try stride(from: 0, to: data.count, by: 1000).flatMap { start in
        try predictor.predict(
          data.inputs.rows(start..<min(start + 1000, data.count)), Sampling(.samples(samples), seed: 1),
          threads: threads
        ).predictions.map(\.mean)
      }
    }
    let plain = try probabilities(0)
    accuracy = Metrics.accuracy(plain, data.labels)
    negativeLogLikelihood = Metrics.negativeLogLikelihood(plain, data.labels)
    expectedCalibrationError = Metrics.expectedCalibrationError(plain, data.labels)
    guard model.noise != nil else { return }
    let noisy = try probabilities(samples)
    noisyAccuracy = Metrics.accuracy(noisy, data.labels)
    noisyNegativeLogLikelihood = Metrics.negativeLogLikelihood(noisy, data.labels)
    self.samples = samples
  }

  /// Of the deterministic pass alone.
  static func accuracy(_ model: Model, _ data: Dataset, threads: Int) throws -> Double {
    var right = 0
    for start in stride(from: 0, to: data.count, by: 1000) {
      let rows = start..<min(start + 1000, data.count)
      let found = try model.outputs(data.inputs.rows(rows), threads: threads).labels()
      right += zip(found, data.labels[rows]).count(where: { $0 == $1 })
    }
    return Double(right) / Double(max(data.count, 1))
  }
}
