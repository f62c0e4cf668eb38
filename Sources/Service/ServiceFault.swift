import DitherBasics
import DitherInference

/// Faults of a request to the service.
public enum ServiceFault: FaultCode {
  /// A field of a request that does not hold what it must.
  case badField
  case configuration
  case overloaded, draining, cancelled, deadlinePassed
  /// A change that some of the servers that share a store have not seen in time.
  case notEverywhere
  /// The file is no model that can be served.
  case badModel
  case notReady
  /// A file for which nobody stands whom the server trusts.
  case unsigned
  /// A version that has not passed what an alias asks of it.
  case gates
  /// A model that was told to leave.
  case unloaded
  /// The caller may not see it.
  case notAllowed
  /// The model gives NaN or infinity to a row.
  case noAnswer

  /// The fault's category, for callers of any door.
  public var category: FaultCategory {
    switch self {
    case .badField, .configuration, .badModel: .invalidArgument
    case .overloaded: .resourceExhausted
    case .notAllowed: .permissionDenied
    case .draining, .unloaded: .unavailable
    case .cancelled: .cancelled
    case .deadlinePassed, .notEverywhere: .deadlineExceeded
    case .notReady, .noAnswer, .unsigned, .gates: .failedPrecondition
    }
  }
}
/// An error of the service.
public typealias ServiceError = Fault<ServiceFault>

extension ServiceError {
  /// Draws that are asked of a model that has nothing to draw from.
  static func nothingToDraw(_ samples: Int, from model: String) -> ServiceError {
    ServiceError(
      .badField, at: "samples", expected: "a model with noise",
      got: "\(samples) draws of '\(model.clipped())', which has none", advice: Sampling.noiseAdvice)
  }
}
