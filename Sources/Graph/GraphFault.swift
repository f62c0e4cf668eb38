import DitherBasics

/// The ways in which something can be wrong with a graph, a model file or a request to plan one.
public enum GraphFault: FaultCode {
  case malformed, unsupportedOp, unsupportedType, shape, attribute, missing, duplicate, notFinite, tooLarge, noise
  case kernel
  /// A fault of the file or request, but for `tooLarge` and `kernel`.
  public var category: FaultCategory {
    switch self {
    case .tooLarge: .resourceExhausted
    case .kernel: .internalError
    default: .invalidArgument
    }
  }
}

/// An error of this module.
public typealias GraphError = Fault<GraphFault>
