import DitherBasics
import DitherJobs
import DitherStore
import Foundation
import Synchronization

/// The processes that share this one's store: it says that it is there and what it has seen, and knows of the others.
final class Replicas: Sendable {
  private struct State {
    var own: Replica
    /// As they were read last, this one among them.
    var known: [Replica]
    /// When it was last said.
    var told: ContinuousClock.Instant?
    /// Whether it is said soon.
    var isOwed = false
    var hasLeft = false
  }

  private let store: any Store
  private let state: Mutex<State>

  /// How long one that is not heard of counts as live: some looks at a store that may be slow to answer.
  private static let lease = Duration.seconds(10)
  /// Between two words, where there is news and where there is none.
  private static let pauses = (news: Duration.milliseconds(100), none: Duration.seconds(2))
  /// How long those who move an alias everywhere wait at most for those who are slow or gone.
  private static let patience = Duration.seconds(15)

  init(_ store: any Store, kind: Replica.Kind, code: String, computeClass: String) {
    self.store = store
    let id = "\(JobRunner.owner) \(String(UInt16.random(in: 4096 ... .max), radix: 16))".replacing(" ", with: "-")
    let own = Replica(id: id, kind: kind, code: code, computeClass: computeClass)
    state = Mutex(State(own: own, known: [own]))
  }

  /// This one's.
  var id: String { state.withLock { $0.own.id } }
  /// Those that are live, as this one knows: itself alone where the store is its own.
  var known: [Replica] { state.withLock { $0.known } }

  /// Says what this one has seen, if it is time to, and reads what the others have.
  /// - Parameter number: the change that was followed last.
  func tell(seen number: Int64) async throws(StoreError) {
    let (due, isLater) = state.withLock { state -> (Replica?, Bool) in
      let isNews = state.own.seen != number
      state.own.seen = number
      let since = state.told.map { ContinuousClock.now - $0 } ?? Self.lease
      // A look that comes a moment early is the last for two seconds.
      guard since > (isNews ? Self.pauses.news : Self.pauses.none * 0.9) else {
        defer { state.isOwed = state.isOwed || isNews }
        return (nil, isNews && !state.isOwed)
      }
      state.told = .now
      return (state.own, false)
    }
    if let due { try await say(due) }
    guard isLater else { return }
    // Those who wait for it shall not wait for the next look.
    Task { [weak self] in
      try? await Task.sleep(for: Self.pauses.news)
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
      let live = try await store.replicas.live()
      state.withLock { $0.known = live }
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

  /// For the metrics.
  var families: [Metrics.Family] {
    func family(_ name: String, _ help: String, _ figure: @escaping @Sendable (Replica) -> Int64) -> Metrics.Family {
      Metrics.Family(name: name, help: help, type: "gauge") { [self] in
        known.map { replica in
          let labels = [
            (name: "replica", value: replica.id), (name: "kind", value: replica.kind.rawValue),
            (name: "code", value: replica.code), (name: "compute_class", value: replica.computeClass),
          ].map { (name: $0.name, value: $0.value.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }) }
          return Metrics.Family.Value(labels: labels, number: Double(figure(replica)))
        }
      }
    }
    return [
      family(
        "dither_replica_changes_behind", "Changes of the store that a live replica has not said to know.", \.behind),
      family("dither_replica_silent_milliseconds", "Since a live replica was last heard of.", \.silentMilliseconds),
    ]
  }
}
