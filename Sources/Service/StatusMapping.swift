import DitherBasics
import DitherProto

extension FaultCategory {
  /// gRPC's code, which the framed protocol shares.
  package var status: StatusCode {
    switch self {
    case .cancelled: .cancelled
    case .invalidArgument: .invalidArgument
    case .deadlineExceeded: .deadlineExceeded
    case .notFound: .notFound
    case .alreadyExists: .alreadyExists
    case .permissionDenied: .permissionDenied
    case .resourceExhausted: .resourceExhausted
    case .failedPrecondition: .failedPrecondition
    case .aborted: .aborted
    case .outOfRange: .outOfRange
    case .unimplemented: .unimplemented
    case .internalError: .internalError
    case .unavailable: .unavailable
    case .dataLoss: .dataLoss
    case .unauthenticated: .unauthenticated
    }
  }

  /// HTTP's, as google.rpc.Code pairs them.
  package var httpStatus: Int {
    switch self {
    case .cancelled: 499
    case .invalidArgument, .failedPrecondition, .outOfRange: 400
    case .deadlineExceeded: 504
    case .notFound: 404
    case .alreadyExists, .aborted: 409
    case .permissionDenied: 403
    case .resourceExhausted: 429
    case .unimplemented: 501
    case .internalError, .dataLoss: 500
    case .unavailable: 503
    case .unauthenticated: 401
    }
  }
}

extension CallError {
  /// What a caller is told of an error. A fault of ours is told whole, its field, resource or waiting time in the details;
  /// of anything else no more than that it happened: it may speak of what is not the caller's.
  package init(of error: any Error) {
    switch error {
    case let known as CallError: self = known
    case let fault as any AnyFault: self.init(fault.category.status, fault.description, details: Self.details(fault))
    case is CancellationError: self.init(.cancelled, "the call was cancelled")
    default: self.init(.internalError, "an error inside the server; its log has the details")
    }
  }

  private static func details(_ fault: any AnyFault) -> [Detail] {
    var details: [Detail] = []
    switch fault.category {
    case .invalidArgument, .outOfRange:
      details.append(
        .fieldViolation(field: fault.place, description: "expected \(fault.expected), got \(fault.got)"))
    case .notFound:
      let type = fault.place.split(separator: " ").first.map(String.init) ?? fault.place
      details.append(
        .resource(
          type: type, name: fault.got.trimmingQuotes, description: fault.advice ?? "expected \(fault.expected)"))
    default: break
    }
    if let wait = fault.retryAfterMilliseconds { details.append(.retry(afterMilliseconds: wait)) }
    return details
  }
}

extension String {
  fileprivate var trimmingQuotes: String {
    count > 1 && hasPrefix("'") && hasSuffix("'") ? String(dropFirst().dropLast()) : self
  }
}
