import DitherJobs
import Synchronization

/// Figures that are counted behind the answers that they are of: a note is laid down in some nanoseconds, and worked
/// off by a thread of its own, many at a time, or by who reads the figures.
///
/// A reader finds all that was noted before it looked. What waits is bounded: past the bounds a thread is woken, and
/// far past them who comes with a note works all off.
package final class Bookkeeping: Sendable {
  private struct State {
    var notes: [@Sendable () -> Void] = []
    /// Memory that they hold.
    var bytes = 0
    /// The pool has been told of them.
    var isDue = false
  }

  /// So many at a time, that waking a thread for them costs little of each.
  private static let manyNotes = 256, manyBytes = 1 << 20
  /// Times of that.
  private static let most = 16

  private let pool: ComputePool
  private let state = Mutex(State())
  /// Held while notes are taken and worked off, so that a reader does not pass by those in another's hands.
  private let working = Mutex(())

  /// - Parameter pool: with a thread for it.
  package init(pool: ComputePool) { self.pool = pool }

  /// - Parameters:
  ///   - bytes: what `work` holds in memory.
  ///   - work: adds to figures, and neither waits nor notes.
  package func note(bytes: Int, _ work: @escaping @Sendable () -> Void) {
    let (wakes, isFull) = state.withLock { state -> (Bool, Bool) in
      state.notes.append(work)
      state.bytes += bytes
      func holds(_ times: Int) -> Bool {
        state.notes.count >= Self.manyNotes * times || state.bytes >= Self.manyBytes * times
      }
      guard holds(1) else { return (false, false) }
      defer { state.isDue = true }
      return (!state.isDue, holds(Self.most))
    }
    if isFull { return settle() }
    if wakes { pool.submit { [weak self] in self?.settle() } }
  }

  /// Works off all that was noted, before it comes back.
  package func settle() {
    working.withLock { _ in
      let notes = state.withLock { state -> [@Sendable () -> Void] in
        defer { state = State() }
        return state.notes
      }
      for note in notes { note() }
    }
  }
}
