import DitherBasics
import DitherProto
import NIOCore
import Synchronization
import Tracing

/// A permission of a caller.
public enum Role: String, Sendable, Codable, CaseIterable {
  case predict, audit, publish, admin
}

/// An identified caller and its roles.
public struct Identity: Sendable, Equatable {
  public var name: String
  /// Rights of the caller.
  public var roles: Set<Role>
  /// Models that it may use and see.
  public var scope: NameScope
  /// Bounds on what it asks for.
  public var rates: RateBounds
  /// A caller by name.
  public init(name: String, roles: Set<Role>, scope: NameScope = .all, rates: RateBounds = RateBounds()) {
    self.name = name
    self.roles = roles
    self.scope = scope
    self.rates = rates
  }
  /// `admin` may do everything.
  public func may(_ role: Role) -> Bool { roles.contains(role) || roles.contains(.admin) }
}

/// Finds callers by what they show. Called on event loops: it must answer at once, from memory.
public protocol Authenticator: Sendable {
  /// - Throws: UNAVAILABLE where it cannot be known now who that is, UNAUTHENTICATED with the reason for who is known
  ///   no longer.
  func identify(bearer token: String) throws(CallError) -> Identity?
  /// - Parameter certificate: one that the client CA has signed.
  func identify(certificate: ClientCertificate) throws(CallError) -> Identity?
}

/// Tells a handler that its answer is no longer wanted.
public final class Cancellation: Sendable {
  private struct State {
    var reason: CallError?
    var handlers: [@Sendable (CallError) -> Void] = []
  }
  private let state = Mutex(State())
  public init() {}

  /// Whether nobody waits for the answer any more.
  public var isCancelled: Bool { state.withLock { $0.reason != nil } }
  /// Why it was canceled; nil: it was not.
  public var reason: CallError? { state.withLock { $0.reason } }

  /// Called once, at once if it is cancelled already.
  public func onCancel(_ handler: @escaping @Sendable (CallError) -> Void) {
    let reason = state.withLock { state -> CallError? in
      if state.reason == nil { state.handlers.append(handler) }
      return state.reason
    }
    if let reason { handler(reason) }
  }

  func cancel(_ reason: CallError) {
    let handlers = state.withLock { state -> [@Sendable (CallError) -> Void] in
      guard state.reason == nil else { return [] }
      state.reason = reason
      defer { state.handlers = [] }
      return state.handlers
    }
    for handler in handlers { handler(reason) }
  }

  /// The call is over: nobody is told any more.
  func forget() { state.withLock { $0.handlers = [] } }
}

/// A call as its handler sees it.
public struct CallContext: Sendable {
  /// The call's number in this process, for logs.
  public let id: UInt64
  /// "dither.v1.Inference/Predict"
  public let method: String
  /// As the client sent it, keys in lower case.
  public let metadata: [String: String]
  /// nil: the call is open to everybody.
  public let identity: Identity?
  /// nil: none.
  public let deadline: NIODeadline?
  /// When the call began.
  public let received: NIODeadline
  /// The client's address.
  public let peer: String
  /// The part of it by which strangers are counted.
  let network: String
  /// `framed`, `grpc` or `http`.
  public let door: String
  /// Shared by all that works for this call.
  public let cancellation: Cancellation
  /// Reads what the client sends. nil where it has no time for more.
  public let thread: ReadingThread?

  /// nil: its trace is not recorded. Who observes the call's end ends it.
  public let span: (any Tracing.Span)?

  /// nil without a deadline; never negative.
  public var timeLeft: TimeAmount? { deadline.map { max($0 - .now(), .nanoseconds(0)) } }
  /// Whether the deadline has passed.
  public var isLate: Bool { deadline.map { $0 <= .now() } ?? false }
}
