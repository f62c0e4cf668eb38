import Synchronization

/// Spans on their way to the exporter: bounded, so that a collector that is away costs memory for so many, and no more.
package final class SpanQueue: Sendable {
  private struct State {
    var waiting: [FinishedSpan] = []
    var dropped: UInt64 = 0
    var sent: UInt64 = 0
  }
  private let most: Int
  private let state = Mutex(State())

  /// - Parameter most: that wait; those that come beyond are dropped, and counted.
  package init(most: Int) { self.most = most }

  package func add(_ span: FinishedSpan) {
    state.withLock { state in
      guard state.waiting.count < most else { return state.dropped += 1 }
      state.waiting.append(span)
    }
  }

  /// The oldest, at most `count`. They are in no figure until their exporter says what became of them.
  package func take(_ count: Int) -> [FinishedSpan] {
    state.withLock { state in
      defer { state.waiting.removeFirst(min(count, state.waiting.count)) }
      return Array(state.waiting.prefix(count))
    }
  }

  package func count(sent: Int, dropped: Int) {
    state.withLock { state in
      state.sent += UInt64(sent)
      state.dropped += UInt64(dropped)
    }
  }

  package var waiting: Int { state.withLock { $0.waiting.count } }
  package var sent: UInt64 { state.withLock { $0.sent } }
  package var dropped: UInt64 { state.withLock { $0.dropped } }
}
