import DitherBasics

/// Faults of a training.
public enum TrainFault: FaultCode {
  case recipe, data, checkpoint, diverged, output, exists
  /// A recipe or data are the caller's; a checkpoint is of another state; a run that diverges has a recipe that does.
  public var category: FaultCategory {
    switch self {
    case .recipe, .data: .invalidArgument
    case .checkpoint, .diverged: .failedPrecondition
    case .output: .unavailable
    case .exists: .alreadyExists
    }
  }
}
/// An error of a training.
public typealias TrainError = Fault<TrainFault>
