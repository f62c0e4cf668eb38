import DitherProto
import Logging
import NIOCore
import Synchronization

/// A call that is over, for metrics and logs.
public struct CallRecord: Sendable {
  public let context: CallContext
  public let code: StatusCode
  public let duration: TimeAmount
  public let requestBytes: Int
  public let responseBytes: Int
}

/// What all doors share: the table of calls, who may call, and how much at once.
public final class CallDispatcher: Sendable {
  public struct Limits: Sendable {
    /// Calls in flight over all connections and doors; past it the answer is RESOURCE_EXHAUSTED at once.
    public var callsInFlight = 4096
    public var messageBytes = 16 << 20
    public init() {}
  }

  let table: CallTable
  let authenticator: any Authenticator
  let limits: Limits
  let logger: Logger
  let observe: @Sendable (CallRecord) -> Void
  private let nextID = Atomic<UInt64>(1)
  private let inFlight = Atomic<Int>(0)
  private let draining = Atomic<Bool>(false)
  private let handlers = Atomic<Int>(0)

  public init(
    table: CallTable, authenticator: any Authenticator, limits: Limits = Limits(), logger: Logger,
    observe: @escaping @Sendable (CallRecord) -> Void = { _ in }
  ) {
    self.table = table
    self.authenticator = authenticator
    self.limits = limits
    self.logger = logger
    self.observe = observe
  }

  public var callsInFlight: Int { inFlight.load(ordering: .relaxed) }
  /// From now on no call begins; those in flight go on.
  public func drain() { draining.store(true, ordering: .relaxed) }
  public var isDraining: Bool { draining.load(ordering: .relaxed) }

  /// Handlers that have not come back, those of calls that are over included: they still speak to an event loop.
  public var runningHandlers: Int { handlers.load(ordering: .acquiring) }
  func handlerStarts() { handlers.wrappingAdd(1, ordering: .relaxed) }
  func handlerEnds() { handlers.wrappingSubtract(1, ordering: .releasing) }

  func newID() -> UInt64 { nextID.wrappingAdd(1, ordering: .relaxed).oldValue }

  /// - Throws: when too much is in flight or the server drains.
  func enter() throws(CallError) {
    guard !isDraining else {
      throw CallError(.unavailable, "the server is draining", details: [.retry(afterMilliseconds: 1000)])
    }
    guard inFlight.wrappingAdd(1, ordering: .relaxed).newValue <= limits.callsInFlight else {
      leave()
      throw CallError(
        .resourceExhausted, "at most \(limits.callsInFlight) calls in flight", details: [.retry(afterMilliseconds: 50)])
    }
  }
  func leave() { inFlight.wrappingSubtract(1, ordering: .relaxed) }

  /// - Throws: UNAUTHENTICATED or PERMISSION_DENIED, saying what is missing.
  func identify(_ metadata: [String: String], certificate: String?, for policy: CallPolicy) throws(CallError)
    -> Identity?
  {
    var identity: Identity?
    if let header = metadata["authorization"] {
      guard header.prefix(7).lowercased() == "bearer ",
        let known = authenticator.identify(bearer: String(header.dropFirst(7)))
      else { throw CallError(.unauthenticated, "the token is not known: expected 'authorization: Bearer TOKEN'") }
      identity = known
    } else if let certificate {
      identity = authenticator.identify(commonName: certificate)
    }
    guard !policy.isOpen else { return identity }
    guard let identity else {
      throw CallError(.unauthenticated, "no caller: send 'authorization: Bearer TOKEN' or a client certificate")
    }
    if let role = policy.role, !identity.may(role) {
      throw CallError(.permissionDenied, "'\(identity.name)' lacks the role \(role.rawValue)")
    }
    return identity
  }
}
