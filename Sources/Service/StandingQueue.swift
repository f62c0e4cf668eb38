/// How long a queue of short work may be: a burst is taken whole, but where the queue has not been empty for long, more
/// work comes than can be done, and a long queue only makes every answer late (controlled delay: Nichols and Jacobson,
/// "Controlling queue delay", ACM Queue 2012; the two bounds are those of Maurer, "Fail at scale", ACM Queue 2015).
package struct StandingQueue {
  /// The longest wait in a queue that stands, in seconds.
  package static let most = 0.2
  /// A queue that has not been empty for longer stands.
  private static let interval = Duration.milliseconds(300)

  private var lastEmpty: ContinuousClock.Instant

  package init(at now: ContinuousClock.Instant = .now) { lastEmpty = now }

  package mutating func wasEmpty(at now: ContinuousClock.Instant) { lastEmpty = now }

  /// - Parameter wait: of who would come now, in seconds.
  package func takes(_ wait: Double, at now: ContinuousClock.Instant) -> Bool {
    now - lastEmpty <= Self.interval || wait <= Self.most
  }
}
