import DitherBasics
import DitherTransport
import Tracing

/// The caller and the deadline of a call: as much as its work needs to know.
package struct Caller: Sendable {
  /// The name of the token or certificate.
  package var name: String
  /// Models that it may use and see.
  package var scope: NameScope
  /// Bounds on what it asks for.
  package var rates: RateBounds
  package var deadline: ContinuousClock.Instant?
  package var isCancelled: @Sendable () -> Bool
  /// The thread that read the request and now hands it over, of a call that is answered without a task. nil: the
  /// answer is awaited elsewhere.
  package var thread: ReadingThread?
  /// The call's number in the log; 0: it has none.
  package var call: UInt64
  /// The place of its span; nil: its trace is not recorded.
  package var trace: ServiceContext?

  package init(
    name: String, scope: NameScope = .all, rates: RateBounds = RateBounds(),
    deadline: ContinuousClock.Instant? = nil, isCancelled: @escaping @Sendable () -> Bool = { false },
    thread: ReadingThread? = nil, call: UInt64 = 0, trace: ServiceContext? = nil
  ) {
    (self.call, self.trace) = (call, trace)
    self.name = name
    self.scope = scope
    self.rates = rates
    self.deadline = deadline
    self.isCancelled = isCancelled
    self.thread = thread
  }

  /// - Throws: when nobody waits for the answer any more.
  package func proceed() throws(ServiceError) {
    if let reason = Self.reasonToStop(deadline: deadline, isCancelled: isCancelled, at: .now) { throw reason }
  }

  static func reasonToStop(
    deadline: ContinuousClock.Instant?, isCancelled: () -> Bool, at now: ContinuousClock.Instant
  ) -> ServiceError? {
    if isCancelled() {
      return ServiceError(.cancelled, at: "call", expected: "an answer that is still wanted", got: "a cancellation")
    }
    if let deadline, deadline <= now {
      return ServiceError(
        .deadlinePassed, at: "deadline", expected: "time left for computing", got: "none",
        advice: "give it more time or fewer samples")
    }
    return nil
  }
}
