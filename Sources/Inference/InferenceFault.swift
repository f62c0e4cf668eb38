import DitherBasics

/// Faults of a model, of what is asked of it, and of its answers.
public enum InferenceFault: FaultCode {
  /// A graph that is no model: an input without a batch axis, or no output of the form of a task.
  case notAModel
  /// A model of another task than what is asked of it needs.
  case notAClassifier
  case inputShape, notFinite, notWhole, labels, samples, calibration
  /// A version is not calibrated as asked; else the caller is mistaken.
  public var category: FaultCategory { self == .calibration ? .failedPrecondition : .invalidArgument }
}
/// An error of a model or of what is asked of it.
public typealias InferenceError = Fault<InferenceFault>
