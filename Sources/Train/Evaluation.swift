import DitherBasics
import DitherDatasets
import DitherInference
import DitherTensor

/// How good a trained model is on a data set, as its card says it. Of classes and of values each has its own numbers;
/// the others are absent.
public struct Evaluation: Codable, Sendable, Equatable {
  /// The share of right classes in the deterministic pass.
  public var accuracy: Double?
  /// −ln of the probability of the true classes, or of the density of the true values, in nats; absent of a regression
  /// without a variance.
  public var negativeLogLikelihood: Double?
  /// With fifteen bins.
  public var expectedCalibrationError: Double?
  /// The error of a regression, in the unit of the targets.
  public var rootMeanSquaredError: Double?
  /// The share of true values in the interval of 95 %.
  public var intervalCoverage: Double?
  /// With the noise that the model carries, by the mean of `samples` draws; nil without noise.
  public var noisyAccuracy: Double?
  /// The same of the other numbers.
  public var noisyNegativeLogLikelihood: Double?
  /// The same of the other numbers.
  public var noisyRootMeanSquaredError: Double?
  /// The same of the other numbers.
  public var noisyIntervalCoverage: Double?
  /// Draws of a noisy answer.
  public var samples: Int?

  /// - Parameters:
  ///   - proceed: called before each run of a plan; what it throws ends the evaluation.
  ///   - progress: the share that is done, 0 to 1.
  /// - Throws: when the data are not what the model takes and answers.
  public init(
    _ model: Model, _ data: Dataset, samples: Int = 16, threads: Int = 2, proceed: @Sendable () throws -> Void = {},
    progress: (Double) -> Void = { _ in }
  ) throws {
    let predictor = MonteCarloPredictor(model)
    let passes = (model.noise == nil ? 0 : samples) + 1
    var done = 0
    func answers(_ samples: Int) throws -> [Prediction] {
      // Few at a time, as one part may have many draws and somebody looks at the progress.
      try Self.parts(data, of: 100).flatMap { rows in
        progress(Double(done) / Double(max(data.count * passes, 1)))
        done += rows.count * max(samples, 1)
        return try predictor.predict(
          data.inputs.rows(rows), Sampling(.samples(samples), seed: 1), threads: threads, proceed: proceed
        ).predictions
      }
    }
    let plain = try answers(0), noisy = try model.noise == nil ? nil : answers(samples)
    progress(1)
    self.samples = noisy == nil ? nil : samples
    if model.signature.task.isRegression {
      guard case .values(let values) = data.targets, values.rowLength == model.signature.width else {
        throw TrainError(
          .data, at: "data set '\(data.name)'", expected: "\(model.signature.width) values for each example",
          got: "others")
      }
      let found = RegressionMetrics(plain, values)
      (rootMeanSquaredError, negativeLogLikelihood, intervalCoverage) = (
        found.rootMeanSquaredError, found.negativeLogLikelihood, found.intervalCoverage
      )
      guard let noisy = noisy.map({ RegressionMetrics($0, values) }) else { return }
      (noisyRootMeanSquaredError, noisyNegativeLogLikelihood, noisyIntervalCoverage) = (
        noisy.rootMeanSquaredError, noisy.negativeLogLikelihood, noisy.intervalCoverage
      )
      return
    }
    let labels = try data.labels, means = plain.map(\.mean)
    try model.signature.check(labels: labels, rows: data.count)
    accuracy = Metrics.accuracy(means, labels)
    negativeLogLikelihood = Metrics.negativeLogLikelihood(means, labels)
    expectedCalibrationError = Metrics.expectedCalibrationError(means, labels)
    guard let noisy = noisy?.map(\.mean) else { return }
    noisyAccuracy = Metrics.accuracy(noisy, labels)
    noisyNegativeLogLikelihood = Metrics.negativeLogLikelihood(noisy, labels)
  }

  /// Few enough examples that their answers do not fill the memory.
  private static func parts(_ data: Dataset, of size: Int = 1000) -> [Range<Int>] {
    stride(from: 0, to: data.count, by: size).map { $0..<min($0 + size, data.count) }
  }

  /// The one number that a training is judged by, of the deterministic pass alone.
  static func quality(_ model: Model, _ data: Dataset, threads: Int) throws -> TrainQuality {
    var sum = 0.0
    for rows in parts(data) {
      let outputs = try model.outputs(data.inputs.rows(rows), threads: threads)
      guard case .values(let values) = data.targets else {
        sum += Double(zip(outputs.labels(), rows).count { $0 == data.targets[$1].label })
        continue
      }
      for (at, row) in rows.enumerated() {
        let errors = zip(outputs.row(at), values.row(row)).map { Double($0 - $1) }
        sum += errors.reduce(0) { $0 + $1 * $1 } / Double(max(errors.count, 1))
      }
    }
    let mean = sum / Double(max(data.count, 1))
    return TrainQuality(model.signature.task.isRegression ? mean.squareRoot() : mean, of: model.signature.task)
  }
}
