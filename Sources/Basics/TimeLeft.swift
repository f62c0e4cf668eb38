/// A budget of time, measured by when it ends.
public struct TimeLeft: Sendable {
  /// When it is over; nil: never.
  private let end: ContinuousClock.Instant?
  private let threads: Int

  /// It is never over.
  public static let unbounded = TimeLeft(until: nil, threads: 1)

  /// - Parameters:
  ///   - seconds: from now on; infinity: without a bound.
  ///   - threads: that work in it, side by side.
  public init(seconds: Double, threads: Int = 1) {
    // A clock that counts past a century is as good as none.
    self.init(until: seconds < 4e9 ? .now + .seconds(max(seconds, 0)) : nil, threads: threads)
  }

  /// - Parameters:
  /// - end: nil: never.
  /// - threads: how many share the work that is left.
  public init(until end: ContinuousClock.Instant?, threads: Int = 1) {
    self.end = end
    self.threads = max(threads, 1)
  }

  /// Whether the end has passed.
  public var isOver: Bool { end.map { ContinuousClock.now >= $0 } ?? false }

  /// When one of several equal pieces of work that are left, each on one thread, has had its share; the last ends with
  /// the time.
  public func share(among pieces: Int) -> ContinuousClock.Instant? {
    guard let end else { return nil }
    let now = ContinuousClock.now
    guard now < end else { return now }
    return now + (end - now) * min(threads, max(pieces, 1)) / max(pieces, 1)
  }
}
