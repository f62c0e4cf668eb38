import DitherBasics

public enum TrainFault: FaultCode {
  case recipe, data, checkpoint, diverged, output
  public var category: FaultCategory {
    switch self {
    case .recipe, .data: .invalidArgument
    case .checkpoint: .failedPrecondition
    case .diverged: .aborted
    case .output: .unavailable
    }
  }
}
public typealias TrainError = Fault<TrainFault>
