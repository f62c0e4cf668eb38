import DitherBasics
import DitherInference

/// How good answers to a set are.
public enum TrainQuality: Sendable, Equatable {
  /// The share of right classes.
  case accuracy(Double)
  /// The root of the mean squared error, in the unit of the targets.
  case rootMeanSquaredError(Double)

  /// Whether it is of classes; nil of a regression.
  public var accuracy: Double? { if case .accuracy(let value) = self { value } else { nil } }
  /// Whether it is of values; nil of classes.
  public var rootMeanSquaredError: Double? { if case .rootMeanSquaredError(let value) = self { value } else { nil } }

  /// The number alone.
  var value: Double {
    switch self {
    case .accuracy(let value), .rootMeanSquaredError(let value): value
    }
  }

  init(_ value: Double, of task: ModelTask) {
    self = task.isRegression ? .rootMeanSquaredError(value) : .accuracy(value)
  }
}
