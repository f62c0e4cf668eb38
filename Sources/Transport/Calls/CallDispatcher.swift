import DitherBasics
import DitherProto
import Logging
import NIOCore
import Synchronization
import Tracing

/// A call that is over, for metrics and logs.
public struct CallRecord: Sendable {
  /// The call's context.
  public let context: CallContext
  /// How it ended.
  public let code: StatusCode
  /// From its beginning to its end.
  public let duration: TimeAmount
  /// Bytes of all messages in.
  public let requestBytes: Int
  /// Bytes of all messages out.
  public let responseBytes: Int
  /// Whether it may take as long as it takes, as one that follows an audit does.
  public let isOpenEnded: Bool
}

/// The part that all doors share: the table of calls, who may call, and how much at once.
public final class CallDispatcher: Sendable {
  /// A dispatcher's limits.
  public struct Limits: Sendable {
    /// Calls in flight over all connections and doors; past it the answer is RESOURCE_EXHAUSTED at once.
    public var callsInFlight = 4096
    /// One caller's share of them. A call that has ended counts until its handler has come back.
    public var callsPerCaller = 1024
    /// Bytes of one message.
    public var messageBytes = 16 << 20
    /// The most that a client may ask for, for calls that have a default deadline.
    public var longestTimeout = Duration.seconds(3600)
    /// To the whole request of a call that takes one.
    public var requestPatience = Duration.seconds(30)
    /// To a connection's first call of a caller that is known: who only connects keeps no place.
    public var strangerPatience = Duration.seconds(60)
    /// Between the calls of a connection afterwards.
    public var idlePatience = Duration.seconds(2 * 3600)
    /// At the framed door to the first Hello, and to the rest of a frame that has begun.
    public var framePatience = Duration.seconds(20)
    /// Bytes of messages that have come in part, over all connections and doors.
    public var halfReadBytes = 256 << 20
    /// The part of them that callers may hold whom nobody knows yet.
    public var strangerHalfReadBytes = 32 << 20
    /// Failed tries of unknown callers that one network has at once. Past them they are told to wait, and their
    /// connections are ended.
    public var strangerTries = 64
    /// Tries that come back in a second.
    public var strangerTriesPerSecond = 16.0
    /// Between two looks at whether the caller of a call that goes on is still known.
    public var recognition = Duration.milliseconds(500)
    public init() {}
  }

  let table: CallTable
  let authenticator: any Authenticator
  let limits: Limits
  let logger: Logger
  let observe: @Sendable (CallRecord) -> Void
  /// Begins the span of a call that is let in, by its method and metadata; nil: its trace is not recorded.
  let trace: @Sendable (String, [String: String]) -> (any Tracing.Span)?
  private let nextID = Atomic<UInt64>(1)
  private let inFlight = Atomic<Int>(0)
  private let draining = Atomic<Bool>(false)
  private let handlers = Atomic<Int>(0)
  /// By caller: calls in flight, and handlers of calls that are over.
  private let shares = Mutex<[String: Int]>([:])
  /// Bytes that connections have read of messages that are not whole.
  package let halfRead: ByteBudget
  /// The part of them that is strangers'.
  let strangersHalfRead: ByteBudget
  private let strangers: Mutex<Strangers>
  /// The pace of callers that are bounded.
  public let rates: CallerRates

  /// - Parameters:
  ///   - rates: of the callers of all doors.
  ///   - observe: told of each call that is over.
  public init(
    table: CallTable, authenticator: any Authenticator, limits: Limits = Limits(), rates: CallerRates = CallerRates(),
    logger: Logger,
    observe: @escaping @Sendable (CallRecord) -> Void = { _ in },
    trace: @escaping @Sendable (_ method: String, _ metadata: [String: String]) -> (any Tracing.Span)? = { _, _ in nil }
  ) {
    self.table = table
    self.authenticator = authenticator
    self.limits = limits
    self.rates = rates
    let halfRead = ByteBudget(limit: limits.halfReadBytes)
    self.halfRead = halfRead
    strangersHalfRead = ByteBudget(limit: limits.strangerHalfReadBytes, within: halfRead)
    strangers = Mutex(Strangers(burst: limits.strangerTries, perSecond: limits.strangerTriesPerSecond))
    self.logger = logger
    self.observe = observe
    self.trace = trace
  }

  /// The calls of all doors that are in flight now.
  public var callsInFlight: Int { inFlight.load(ordering: .relaxed) }
  /// From now on no call begins; those in flight go on.
  public func drain() { draining.store(true, ordering: .relaxed) }
  /// Whether new calls are refused.
  public var isDraining: Bool { draining.load(ordering: .relaxed) }

  /// Handlers that have not come back, those of calls that are over included: they still speak to an event loop.
  public var runningHandlers: Int { handlers.load(ordering: .acquiring) }
  func handlerStarts() { handlers.wrappingAdd(1, ordering: .relaxed) }
  func handlerEnds(_ pass: Pass) {
    if pass.isCounted { release(pass.caller) }
    handlers.wrappingSubtract(1, ordering: .releasing)
  }

  func newID() -> UInt64 { nextID.wrappingAdd(1, ordering: .relaxed).oldValue }

  /// A call's place among those in flight.
  struct Pass {
    let caller: String
    /// It is among the calls in flight, and in its caller's share.
    var isCounted = true
    /// Its handler has been started, and gives the caller's share back.
    var hasHandler = false
  }

  /// - Parameter identity: nil: nobody has to be known.
  /// - Throws: when too much is in flight, the caller goes beyond its rate or the server drains.
  func enter(_ identity: Identity?, _ policy: CallPolicy) throws(CallError) -> Pass {
    let caller = identity?.name ?? ""
    if policy.isVital { return Pass(caller: caller, isCounted: false) }
    guard !isDraining else {
      throw CallError(.unavailable, "the server is draining", details: [.retry(afterMilliseconds: 1000)])
    }
    if let identity { try rates.take(1, .calls, by: caller, identity.rates) }
    guard inFlight.wrappingAdd(1, ordering: .relaxed).newValue <= limits.callsInFlight else {
      inFlight.wrappingSubtract(1, ordering: .relaxed)
      throw CallError(
        .resourceExhausted, "at most \(limits.callsInFlight) calls in flight", details: [.retry(afterMilliseconds: 50)])
    }
    let hasShare = shares.withLock { shares in
      guard shares[caller, default: 0] < limits.callsPerCaller else { return false }
      shares[caller, default: 0] += 1
      return true
    }
    guard hasShare else {
      inFlight.wrappingSubtract(1, ordering: .relaxed)
      throw CallError(
        .resourceExhausted, "at most \(limits.callsPerCaller) calls in flight of '\(caller.clipped())'",
        details: [.retry(afterMilliseconds: 50)])
    }
    return Pass(caller: caller)
  }
  func leave(_ pass: Pass) {
    guard pass.isCounted else { return }
    inFlight.wrappingSubtract(1, ordering: .relaxed)
    if !pass.hasHandler { release(pass.caller) }
  }
  private func release(_ caller: String) {
    shares.withLock { shares in
      let left = shares[caller, default: 1] - 1
      // Names of callers that have gone do not pile up.
      shares[caller] = left > 0 || shares.count <= 256 ? left : nil
    }
  }

  /// How long a call may take.
  /// - Parameter asked: by the client.
  func timeout(asked: TimeAmount?, _ policy: CallPolicy) -> TimeAmount? {
    guard let standard = policy.defaultDeadline else { return asked }
    guard let asked else { return TimeAmount(standard) }
    return min(asked, TimeAmount(max(standard, limits.longestTimeout)))
  }

  /// - Throws: UNAUTHENTICATED, saying what is missing.
  func identify(_ metadata: [String: String], certificate: ClientCertificate?, for policy: CallPolicy)
    throws(CallError) -> Identity?
  {
    var identity: Identity?
    if let header = metadata["authorization"] {
      // A browser goes on to send a session that has ended, or whose token has, also for what is open to all: to the
      // page where it may begin another.
      let isForgiven = policy.isOpen && header.dropFirst(7).hasPrefix(HttpDoor.sessionPrefix)
      do throws(CallError) {
        if header.prefix(7).lowercased() == "bearer " {
          identity = try authenticator.identify(bearer: String(header.dropFirst(7)))
        }
        guard identity != nil else {
          throw CallError(.unauthenticated, "the token is not known: expected 'authorization: Bearer TOKEN'")
        }
      } catch {
        guard isForgiven, error.code == .unauthenticated else { throw error }
      }
    } else if let certificate {
      identity = try authenticator.identify(certificate: certificate)
    }
    guard !policy.isOpen else { return identity }
    guard let identity else {
      let words = "send 'authorization: Bearer TOKEN'"
      throw CallError(
        .unauthenticated,
        certificate == nil
          ? "no caller: \(words) or a client certificate"
          : "the client certificate is nobody's here: \(words), or have its name entered among the server's clients")
    }
    return identity
  }

  /// - Parameter identity: as `identify` has found it.
  /// - Throws: PERMISSION_DENIED where the caller lacks the role.
  func authorize(_ identity: Identity?, for policy: CallPolicy) throws(CallError) {
    guard !policy.isOpen, let identity, let role = policy.role, !identity.may(role) else { return }
    throw CallError(.permissionDenied, "'\(identity.name)' lacks the role \(role.rawValue)")
  }

  /// For a route that is shown a token in another way than calls are.
  /// - Returns: nil where it is not known.
  /// - Throws: RESOURCE_EXHAUSTED where it is not, and too many from the same network were not.
  public func identify(bearer token: String, of call: CallContext) throws(CallError) -> Identity? {
    do throws(CallError) {
      if let identity = try authenticator.identify(bearer: token) { return identity }
    } catch {
      // One whose time is over is told so, at a stranger's pace.
      guard error.code == .unauthenticated else { throw error }
      throw strangerRefusal(call.network) ?? error
    }
    if let refusal = strangerRefusal(call.network) { throw refusal }
    return nil
  }

  /// Counts a caller that is not known.
  /// - Returns: nil where its network has tries left.
  func strangerRefusal(_ network: String) -> CallError? {
    guard let wait = strangers.withLock({ $0.fail(from: network, at: .now()) }) else { return nil }
    return CallError(
      .resourceExhausted, "too many calls of unknown callers from your address",
      details: [.retry(afterMilliseconds: wait)])
  }
}
