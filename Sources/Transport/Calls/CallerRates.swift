import DitherBasics
import DitherProto
import NIOCore
import Synchronization

/// Bounds on what one caller asks for in each second. nil: none.
public struct RateBounds: Sendable, Equatable {
  /// Things that are counted.
  public enum Kind: String, Sendable, CaseIterable {
    case calls
    /// Draws of rows; a row without draws is one.
    case samples
  }
  /// In each second.
  public var calls: Int?
  /// In each second.
  public var samples: Int?
  /// - Parameters:
  ///   - calls: in each second.
  ///   - samples: in each second.
  public init(calls: Int? = nil, samples: Int? = nil) {
    self.calls = calls
    self.samples = samples
  }
  subscript(_ kind: Kind) -> Int? {
    switch kind {
    case .calls: calls
    case .samples: samples
    }
  }
}

/// The pace of callers that are bounded, over all doors: a bucket that holds a second's worth for each of them.
public final class CallerRates: Sendable {
  private struct Key: Hashable {
    var caller: String
    var kind: RateBounds.Kind
  }
  private struct State {
    var buckets: [Key: TokenBucket] = [:]
    var refused: [Key: UInt64] = [:]
  }
  /// Beyond so many, buckets that are full again are forgotten.
  private static let mostBuckets = 1024
  /// Callers that refusals are counted by; those beyond are counted as one without a name.
  private static let mostCounted = 256
  private let state = Mutex(State())
  private let now: @Sendable () -> NIODeadline

  /// - Parameter now: the clock.
  public init(now: @escaping @Sendable () -> NIODeadline = { .now() }) { self.now = now }

  /// - Parameter caller: callers of one name share a bucket.
  /// - Throws: RESOURCE_EXHAUSTED with the time to wait, where the bounds leave no room for so much.
  public func take(
    _ cost: Int, _ kind: RateBounds.Kind, by caller: String, _ bounds: RateBounds
  ) throws(CallError) {
    guard let bound = bounds[kind], bound > 0 else { return }
    let now = now(), key = Key(caller: caller, kind: kind), pace = Double(bound)
    let wait = state.withLock { state -> Int? in
      if state.buckets[key] == nil, state.buckets.count >= Self.mostBuckets {
        state.buckets = state.buckets.filter { !$0.value.isFull(at: now) }
      }
      var bucket = state.buckets[key] ?? TokenBucket(burst: pace, perSecond: pace, at: now)
      // They may have been changed in the meantime.
      (bucket.burst, bucket.perSecond) = (pace, pace)
      let wait = bucket.take(Double(cost), at: now)
      state.buckets[key] = bucket
      if wait != nil {
        let isKnown = state.refused[key] != nil || state.refused.count < Self.mostCounted
        state.refused[isKnown ? key : Key(caller: "", kind: kind), default: 0] += 1
      }
      return wait
    }
    guard let wait else { return }
    throw CallError(
      .resourceExhausted,
      "at most \(bound) \(kind.rawValue) in each second of '\(caller.clipped())'; wait, or ask for"
        + " a token that has more",
      details: [.retry(afterMilliseconds: wait)])
  }

  /// A part of what was taken was not used.
  public func giveBack(_ cost: Int, _ kind: RateBounds.Kind, of caller: String) {
    guard cost > 0 else { return }
    state.withLock { $0.buckets[Key(caller: caller, kind: kind)]?.giveBack(Double(cost)) }
  }

  /// How often each caller was refused, by what was bounded; without a name: all callers beyond the first 256.
  public var refused: [(caller: String, kind: RateBounds.Kind, count: UInt64)] {
    state.withLock { $0.refused }.map { ($0.key.caller, $0.key.kind, $0.value) }
      .sorted { ($0.caller, $0.kind.rawValue) < ($1.caller, $1.kind.rawValue) }
  }
}
