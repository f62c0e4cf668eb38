import DitherBasics

public enum InferenceFault: FaultCode {
  case notAClassifier, inputShape, notFinite, labels, samples, calibration
  public var category: FaultCategory { self == .calibration ? .failedPrecondition : .invalidArgument }
}
public typealias InferenceError = Fault<InferenceFault>
