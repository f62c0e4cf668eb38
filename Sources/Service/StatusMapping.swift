import DitherBasics
import DitherProto

extension CallError {
  /// The status that tells a caller of an error. A fault of ours is told whole, its field, resource or waiting time in
  /// the details; of anything else no more than that it happened: it may speak of what is not the caller's.
  package init(of error: any Error) {
    switch error {
    case let known as CallError: self = known
    case let fault as any AnyFault:
      self.init(StatusCode(fault.category), fault.description, details: Self.details(fault))
    case is CancellationError: self.init(.cancelled, "the call was cancelled")
    default: self.init(.internalError, "an error inside the server; its log has the details")
    }
  }

  private static func details(_ fault: any AnyFault) -> [Detail] {
    var details: [Detail] = []
    switch fault.category {
    case .invalidArgument, .outOfRange:
      details.append(.fieldViolation(field: fault.place, description: "expected \(fault.expected), got \(fault.got)"))
    case .notFound:
      let type = fault.place.split(separator: " ").first.map(String.init) ?? fault.place
      details.append(
        .resource(type: type, name: fault.got.trimmingQuotes, description: fault.advice ?? "expected \(fault.expected)")
      )
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
