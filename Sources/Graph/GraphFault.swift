import DitherBasics

/// What can be wrong with a graph, a model file or a request to plan one.
public enum GraphFault: FaultCode {
  case malformed, unsupportedOp, unsupportedType, shape, attribute, missing, duplicate, notFinite, tooLarge, noise
  case kernel
  public var category: FaultCategory {
    switch self {
    case .tooLarge: .resourceExhausted
    case .kernel: .internalError
    default: .invalidArgument
    }
  }
}

public typealias GraphError = Fault<GraphFault>
