import DitherBasics

/// Faults of a request to the service.
public enum ServiceFault: FaultCode {
  /// A field of a request that does not hold what it must.
  case badField
  case configuration
  case overloaded, draining, cancelled, deadlinePassed
  /// The file is no model that can be served.
  case badModel
  case notReady
  /// A model that was told to leave.
  case unloaded
  /// The model gives NaN or infinity to a row.
  case noAnswer

  /// The fault's category, for callers of any door.
  public var category: FaultCategory {
    switch self {
    case .badField, .configuration, .badModel: .invalidArgument
    case .overloaded: .resourceExhausted
    case .draining, .unloaded: .unavailable
    case .cancelled: .cancelled
    case .deadlinePassed: .deadlineExceeded
    case .notReady, .noAnswer: .failedPrecondition
    }
  }
}
/// An error of the service.
public typealias ServiceError = Fault<ServiceFault>
