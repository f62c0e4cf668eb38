import DitherBasics

/// Faults of a training.
public enum TrainFault: FaultCode {
  case recipe, data, checkpoint, diverged, output
  /// A recipe or data are the caller's; a checkpoint is of another state; a divergence ends the run.
  public var category: FaultCategory {
    switch self {
    case .recipe, .data: .invalidArgument
    case .checkpoint: .failedPrecondition
    case .diverged: .aborted
    case .output: .unavailable
    }
  }
}
/// An error of a training.
public typealias TrainError = Fault<TrainFault>
