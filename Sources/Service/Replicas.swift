import DitherBasics
import DitherJobs
import DitherStore
import Foundation
import Synchronization

/// The processes that share this one's store: it says that it is there and what it has seen.
final class Replicas: Sendable {
  private struct State {
    var own: Replica
    /// When it was last said, and when that was heard.
    var told: ContinuousClock.Instant?
    var heard = ContinuousClock.now
    /// Whether it is said soon.
    var isOwed = false
    var hasLeft = false
  }

  private let store: any Store
  private let state: Mutex<State>
  /// Between two words where there is news. Nobody waits for a worker.
  private let newsPause: Duration

  /// How long one that is not heard of counts as live: some words that a store may be slow to take.
  private static let lease = Duration.seconds(30)
  /// Between two words where there is no news. A look that comes a moment early shall not be left out.
  private static let pause = Duration.seconds(9)
  /// How long those who move an alias everywhere wait at most for those who are slow or gone.
  private static let patience = Duration.seconds(15)

  init(_ store: any Store, kind: Replica.Kind, code: String, computeClass: String) {
    self.store = store
    newsPause = kind == .server ? .milliseconds(100) : Self.pause
    let id = "\(JobRunner.owner) \(String(UInt16.random(in: 4096 ... .max), radix: 16))".replacing(" ", with: "-")
    state = Mutex(State(own: Replica(id: id, kind: kind, code: code, computeClass: computeClass)))
  }

  /// This one's.
  var id: String { state.withLock { $0.own.id } }

  /// Live ones: itself alone where the store is its own.
  func live() async throws(StoreError) -> [Replica] {
    if store.isShared { return try await store.replicas.live() }
    return [state.withLock { $0.own }]
  }

  /// Says what this one has seen, if it is time to.
  /// - Parameter number: the change that was followed last.
  func tell(seen number: Int64) async throws(StoreError) {
    let (due, isLater) = state.withLock { state -> (Replica?, Bool) in
      let isNews = state.own.seen != number
      state.own.seen = number
      let since = state.told.map { ContinuousClock.now - $0 } ?? Self.lease
      guard since > (isNews ? newsPause : Self.pause) else {
        // Callers who wait for it shall not wait for the next look.
        let isLater = isNews && newsPause < Self.pause && !state.isOwed
        state.isOwed = state.isOwed || isLater
        return (nil, isLater)
      }
      state.told = .now
      return (state.own, false)
    }
    if let due { try await say(due) }
    guard isLater else { return }
    Task { [weak self, newsPause] in
      try? await Task.sleep(for: newsPause)
      try? await self?.settle()
    }
  }

  /// Says what there was no time for.
  private func settle() async throws(StoreError) {
    let due = state.withLock { state in
      state.isOwed = false
      state.told = .now
      return state.own
    }
    try await say(due)
  }

  private func say(_ own: Replica) async throws(StoreError) {
    guard store.isShared, !state.withLock({ $0.hasLeft }) else { return }
    do throws(StoreError) {
      try await store.replicas.beat(own, for: Self.lease)
      let hasLeft = state.withLock { state in
        state.heard = .now
        return state.hasLeft
      }
      // It has left meanwhile: nobody shall wait for it.
      if hasLeft { try await store.replicas.leave(own.id) }
    } catch {
      // It was not said.
      state.withLock { $0.told = nil }
      throw error
    }
  }

  /// Says that this one ends.
  func leave() async {
    state.withLock { $0.hasLeft = true }
    if store.isShared { try? await store.replicas.leave(id) }
  }

  /// Waits until every other server that is live has seen a change.
  /// - Parameters:
  ///   - words: what was changed, for those who are told that it is not known everywhere.
  ///   - deadline: of the caller.
  /// - Throws: `.notEverywhere` with the names of those that have not.
  func wait(for number: Int64, of words: String, until deadline: ContinuousClock.Instant?) async throws {
    guard store.isShared else { return }
    // An answer needs time to arrive.
    let last = ContinuousClock.now + Self.patience
    let end = deadline.map { min(last, $0 - .milliseconds(200)) } ?? last
    var pause = Duration.milliseconds(5), behind: [Replica]?
    while true {
      // A store that does not answer may do so before it is too late.
      if let live = try? await store.replicas.live() {
        let own = id
        behind = live.filter { $0.kind == .server && $0.id != own && $0.seen < number }
        if behind?.isEmpty == true { return }
      }
      guard ContinuousClock.now < end else { break }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(200))
    }
    let names = behind.map { $0.map { "\($0.id), silent for \($0.silentMilliseconds) ms" }.joined(separator: "; ") }
    throw ServiceError(
      .notEverywhere, at: words, expected: "every live server to have it",
      got: "it is done, and not yet seen by \(names ?? "anybody, as the database does not answer")".clipped(to: 1000),
      advice: "they have it once they reach the database: look at dither top")
  }

  /// For the metrics: each process has its own. The largest `seen` of all, less one's, is its lag.
  var families: [Metrics.Family] {
    let own = state.withLock { $0.own }
    let labels = [
      (name: "replica", value: own.id), (name: "kind", value: own.kind.rawValue), (name: "code", value: own.code),
      (name: "compute_class", value: own.computeClass),
    ].map { (name: $0.name, value: $0.value.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }) }
    return [
      Metrics.Family(name: "dither_replica_info", help: "This process, among those of its store.", type: "gauge") {
        [Metrics.Family.Value(labels: labels, number: 1)]
      },
      .gauge("dither_replica_seen_change", "The change of the store that was followed last.") { [self] in
        Double(state.withLock { $0.own.seen })
      },
      .gauge("dither_replica_silent_seconds", "Since the shared store has last heard of this process.") { [self] in
        store.isShared ? state.withLock { (ContinuousClock.now - $0.heard).seconds } : 0
      },
    ]
  }
}
