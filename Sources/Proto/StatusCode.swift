import DitherBasics

/// How a call ended. The numbers are gRPC's.
public enum StatusCode: UInt32, Sendable, CaseIterable, CustomStringConvertible {
  case ok = 0, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied
  case resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented, internalError, unavailable, dataLoss
  case unauthenticated

  /// As gRPC writes it: `NOT_FOUND`.
  public var description: String {
    switch self {
    case .ok: "OK"
    case .cancelled: "CANCELLED"
    case .unknown: "UNKNOWN"
    case .invalidArgument: "INVALID_ARGUMENT"
    case .deadlineExceeded: "DEADLINE_EXCEEDED"
    case .notFound: "NOT_FOUND"
    case .alreadyExists: "ALREADY_EXISTS"
    case .permissionDenied: "PERMISSION_DENIED"
    case .resourceExhausted: "RESOURCE_EXHAUSTED"
    case .failedPrecondition: "FAILED_PRECONDITION"
    case .aborted: "ABORTED"
    case .outOfRange: "OUT_OF_RANGE"
    case .unimplemented: "UNIMPLEMENTED"
    case .internalError: "INTERNAL"
    case .unavailable: "UNAVAILABLE"
    case .dataLoss: "DATA_LOSS"
    case .unauthenticated: "UNAUTHENTICATED"
    }
  }
}

extension StatusCode {
  /// The kind of fault that it tells of; nil for `ok`. A code that nobody has explained is a defect.
  public var category: FaultCategory? {
    switch self {
    case .ok: nil
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
    case .internalError, .unknown: .internalError
    case .unavailable: .unavailable
    case .dataLoss: .dataLoss
    case .unauthenticated: .unauthenticated
    }
  }

  /// - Parameter category: of a fault on this side.
  public init(_ category: FaultCategory) {
    self = Self.allCases.first { $0.category == category && $0 != .unknown } ?? .internalError
  }

  /// HTTP's status, as google.rpc.Code pairs them.
  public var httpStatus: Int {
    switch self {
    case .ok: 200
    case .cancelled: 499
    case .invalidArgument, .failedPrecondition, .outOfRange: 400
    case .deadlineExceeded: 504
    case .notFound: 404
    case .alreadyExists, .aborted: 409
    case .permissionDenied: 403
    case .resourceExhausted: 429
    case .unimplemented: 501
    case .internalError, .dataLoss, .unknown: 500
    case .unavailable: 503
    case .unauthenticated: 401
    }
  }
}

/// A call that did not succeed, on either side of the wire.
public struct CallError: Error, Equatable, Sendable, CustomStringConvertible {
  /// gRPC's.
  public var code: StatusCode
  /// For people: what was expected, what came, what to do.
  public var message: String
  /// For programs.
  public var details: [Detail]

  /// As google.rpc's messages of the same names.
  public enum Detail: Equatable, Sendable {
    case fieldViolation(field: String, description: String)
    case retry(afterMilliseconds: Int)
    case resource(type: String, name: String, description: String)
  }

  public init(_ code: StatusCode, _ message: String, details: [Detail] = []) {
    self.code = code
    self.message = message
    self.details = details
  }

  public var description: String { "\(code): \(message)" }
  /// How long the other side asks to wait before trying again.
  public var retryAfterMilliseconds: Int? {
    for case .retry(let milliseconds) in details { return milliseconds }
    return nil
  }

  public init(_ status: Dither_V1_Status) {
    code = StatusCode(rawValue: status.code) ?? .unknown
    message = status.message
    details = status.details.compactMap { detail in
      switch detail.kind {
      case .fieldViolation(let v): .fieldViolation(field: v.field, description: v.description_p)
      case .retryInfo(let r): .retry(afterMilliseconds: Int(clamping: r.retryAfterMs))
      case .resourceInfo(let r): .resource(type: r.type, name: r.name, description: r.description_p)
      case nil: nil
      }
    }
  }

  /// Its form on the wire.
  public var status: Dither_V1_Status {
    var status = Dither_V1_Status()
    status.code = code.rawValue
    status.message = message
    status.details = details.map { detail in
      var out = Dither_V1_Detail()
      switch detail {
      case .fieldViolation(let field, let description):
        out.fieldViolation.field = field
        out.fieldViolation.description_p = description
      case .retry(let milliseconds): out.retryInfo.retryAfterMs = UInt64(clamping: milliseconds)
      case .resource(let type, let name, let description):
        out.resourceInfo.type = type
        out.resourceInfo.name = name
        out.resourceInfo.description_p = description
      }
      return out
    }
    return status
  }
}
