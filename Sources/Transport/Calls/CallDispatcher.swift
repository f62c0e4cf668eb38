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

  public init(
    table: CallTable, authenticator: any Authenticator, limits: Limits = Limits(), logger: Logger,
    observe: @escaping @Sendable (CallRecord) -> Void = { _ in },
    trace: @escaping @Sendable (_ method: String, _ metadata: [String: String]) -> (any Tracing.Span)? = { _, _ in nil }
  ) {
    self.table = table
    self.authenticator = authenticator
    self.limits = limits
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

  /// - Throws: when too much is in flight or the server drains.
  func enter(_ caller: String, _ policy: CallPolicy) throws(CallError) -> Pass {
    if policy.isVital { return Pass(caller: caller, isCounted: false) }
    guard !isDraining else {
      throw CallError(.unavailable, "the server is draining", details: [.retry(afterMilliseconds: 1000)])
    }
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

  /// - Throws: UNAUTHENTICATED or PERMISSION_DENIED, saying what is missing.
  func identify(_ metadata: [String: String], certificate: String?, for policy: CallPolicy) throws(CallError)
    -> Identity?
  {
    var identity: Identity?
    if let header = metadata["authorization"] {
      guard header.prefix(7).lowercased() == "bearer ",
        let known = try authenticator.identify(bearer: String(header.dropFirst(7)))
      else { throw CallError(.unauthenticated, "the token is not known: expected 'authorization: Bearer TOKEN'") }
      identity = known
    } else if let certificate {
      identity = try authenticator.identify(commonName: certificate)
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

  /// For a route that is shown a token in another way than calls are.
  /// - Returns: nil where it is not known.
  /// - Throws: RESOURCE_EXHAUSTED where it is not, and too many from the same network were not.
  public func identify(bearer token: String, of call: CallContext) throws(CallError) -> Identity? {
    if let identity = try authenticator.identify(bearer: token) { return identity }
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

/// Bytes that all connections together may hold of what has not all come.
package final class ByteBudget: Sendable {
  let limit: Int
  private let taken = Atomic<Int>(0)
  /// The budget that this is a part of.
  private let whole: ByteBudget?
  init(limit: Int, within whole: ByteBudget? = nil) { (self.limit, self.whole) = (limit, whole) }

  package var used: Int { taken.load(ordering: .relaxed) }

  /// - Returns: false, with nothing taken, when there is no room for so many more.
  func take(_ bytes: Int) -> Bool {
    let isWithin = taken.wrappingAdd(bytes, ordering: .relaxed).newValue <= limit
    if isWithin, whole?.take(bytes) ?? true { return true }
    taken.wrappingSubtract(bytes, ordering: .relaxed)
    return false
  }
  func giveBack(_ bytes: Int) {
    taken.wrappingSubtract(bytes, ordering: .relaxed)
    whole?.giveBack(bytes)
  }
}

/// One reader's part of a `ByteBudget`. Confined to its event loop.
struct ByteShare {
  /// Below this a reader's bytes are not counted: every small call would pay for it.
  static let uncounted = 16 << 10
  private var budget: ByteBudget
  private var counted = 0
  init(_ budget: ByteBudget) { self.budget = budget }

  /// - Throws: RESOURCE_EXHAUSTED when all readers together hold too much.
  mutating func hold(_ bytes: Int) throws(CallError) {
    let wanted = bytes > Self.uncounted ? bytes : 0
    if wanted <= counted {
      if counted > 0 { budget.giveBack(counted - wanted) }
    } else if !budget.take(wanted - counted) {
      throw CallError(
        .resourceExhausted, "more than \(budget.limit) bytes of messages that have not all come",
        details: [.retry(afterMilliseconds: 1000)])
    }
    counted = wanted
  }
  /// All that is held is of another budget from the next `hold` on.
  mutating func move(to other: ByteBudget) {
    guard other !== budget else { return }
    end()
    budget = other
  }
  /// The reader is gone.
  mutating func end() {
    budget.giveBack(counted)
    counted = 0
  }
}
