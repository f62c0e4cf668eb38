import DitherBasics
import DitherJobs
import DitherStore
import DitherTestSupport
import Foundation
import Synchronization
import Testing

/// What work waits for.
private final class Gate: Sendable {
  let isOpen = Atomic(false)
  /// Whether the first shard waits.
  let isReached = Atomic(false)
}

/// Three stages: numbers, sums of neighbors, and the sum of all. Each result ends with a byte that was measured.
private final class Sums: ShardedWork {
  let budget: Double? = nil
  let stages = [0..<8, 8..<12, 12..<13]
  let shardCount = 13
  private let measured: UInt8
  private let isMeasured: Bool
  private let pause: Duration
  private let gate: Gate?
  /// Shards that were done here.
  let done = Mutex<[Int]>([])

  /// - Parameter isMeasured: whether results are said to be the same but for the measured byte.
  init(_ measured: UInt8 = 0, isMeasured: Bool = true, pause: Duration = .milliseconds(2), gate: Gate? = nil) {
    (self.measured, self.isMeasured, self.pause, self.gate) = (measured, isMeasured, pause, gate)
  }

  struct Early: Error {}
  struct Stopped: Error {}

  func title(of shard: Int) -> String { "sums" }
  func run(
    shard: Int, after earlier: [Int: [UInt8]], within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool
  ) throws -> [UInt8] {
    let end = ContinuousClock.now + pause
    if shard == 0 { gate?.isReached.store(true, ordering: .relaxed) }
    while ContinuousClock.now < end || gate?.isOpen.load(ordering: .relaxed) == false {
      if isStopped() { throw Stopped() }
      usleep(500)
    }
    guard let stage = stages.first(where: { $0.contains(shard) }), Set(earlier.keys) == Set(0..<stage.lowerBound)
    else { throw Early() }
    func number(_ shard: Int) -> UInt8 { earlier[shard]?.first ?? 0 }
    done.withLock { $0.append(shard) }
    switch shard {
    case 0..<8: return [UInt8(shard), measured]
    case 8..<12: return [number((shard - 8) * 2) + number((shard - 8) * 2 + 1), measured]
    default: return [(8..<12).reduce(0) { $0 + number($1) }, measured]
    }
  }
  func lost(shard: Int, after earlier: [Int: [UInt8]], workers: Int) throws -> [UInt8] { [200 + UInt8(workers), 0] }
  func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool { isMeasured ? one.first == other.first : one == other }
  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8]) { (results.compactMap(\.first), [1]) }

  static let report: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7, 1, 5, 9, 13, 28]
}

@Suite("Work in stages, and who takes part in it")
struct StagedWorkTests {
  private func job(_ id: String, kind: String = "sums") -> Job {
    Job(id: id, kind: kind, subject: "", spec: [], createdBy: "")
  }
  private func runner(
    _ store: any Store, _ work: Sums, lease: Duration = .seconds(30),
    note: @escaping @Sendable (JobRunner.Note) -> Void = { _ in }
  ) -> JobRunner {
    JobRunner([WorkKind("sums") { _ in work }], jobs: store.jobs, threads: 2, lease: lease, note: note)
  }

  @Test("a stage begins when the one before is done, by whomever, and sees its results", arguments: StoreKind.engines)
  func stages(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path), works = [Sums(1), Sums(2)]
    let hands = works.map { JobHand("a", of: store.jobs, runner: runner(store, $0), pause: .milliseconds(10)) }
    try await store.jobs.create(job("a"))
    try await withThrowingTaskGroup(of: Job.State?.self) { group in
      for hand in hands { group.addTask { try await hand.finish()?.state } }
      for try await state in group { #expect(state == .done) }
    }
    #expect(try await store.jobs.report("a")?.json == Sums.report)
    let done = works.map { $0.done.withLock { $0 } }
    #expect((done[0] + done[1]).sorted() == Array(0..<13))
  }

  @Test("a stage whose shard ends its workers goes on with what is said of it", arguments: StoreKind.engines)
  func poisoned(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path)
    try await store.jobs.create(job("a"))
    try await store.jobs.lay(13, of: "a")
    for _ in 0..<3 { _ = try await store.jobs.claim(0...0, of: "a", by: "dead", for: .zero) }
    let hand = JobHand("a", of: store.jobs, runner: runner(store, Sums()), pause: .milliseconds(10))
    #expect(try await hand.finish()?.state == .done)
    #expect(try await store.jobs.report("a")?.json == [203, 1, 2, 3, 4, 5, 6, 7, 204, 5, 9, 13, 231])
  }

  private final class Counts: Sendable { let all = Mutex<[Int]>([]) }

  @Test("whoever only waits sees how far it is and the end; whoever is stopped leaves it to the next")
  func hands() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path), jobs = store.jobs
    try await jobs.create(job("a"))
    let stops = Atomic(0), slow = Sums(pause: .seconds(60))
    let stopped = try await JobHand("a", of: jobs, runner: runner(store, slow), pause: .milliseconds(10)).finish(
      isStopped: { stops.add(1, ordering: .relaxed).newValue > 20 })
    #expect(stopped == nil && slow.done.withLock { $0.isEmpty })
    #expect(try await jobs.job("a").state == .running)
    let seen = Counts()
    let waiting = JobHand("a", of: jobs, runner: nil, pause: .milliseconds(1))
    async let waited = waiting.finish(progress: { done, all in
      seen.all.withLock { $0.append(done) }
      if all != 13 { Issue.record("\(all) shards") }
    })
    // What was given back is there at once.
    let start = ContinuousClock.now
    let hand = JobHand("a", of: jobs, runner: runner(store, Sums()), pause: .milliseconds(10))
    let ended = [try await hand.finish()?.state, try await waited?.state]
    #expect(ended == [.done, .done])
    #expect(ContinuousClock.now - start < .seconds(20).asBuilt)
    let counts = seen.all.withLock { $0 }
    #expect(counts == counts.sorted() && (counts.last ?? 0) <= 13)
    #expect(try await jobs.report("a")?.json == Sums.report)
  }

  @Test("a second result that differs in what was measured is the same; in anything else it is not")
  func measured() async throws {
    for isMeasured in [true, false] {
      let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
      let diverged = Atomic(0), gate = Gate(), work = Sums(9, isMeasured: isMeasured, gate: gate)
      let runner = runner(store, work) { note in
        if case .diverged = note { diverged.add(1, ordering: .relaxed) }
      }
      try await store.jobs.create(job("a"))
      runner.enqueue("a")
      while !gate.isReached.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(5)) }
      // Another has brought the first one meanwhile.
      try await store.jobs.put([0, 1], for: 0, of: "a")
      gate.isOpen.store(true, ordering: .relaxed)
      let end = try await JobHand("a", of: store.jobs, runner: nil, pause: .milliseconds(10)).finish()
      #expect(end?.state == .done && diverged.load(ordering: .relaxed) == (isMeasured ? 0 : 1))
      #expect(end?.message.isEmpty == isMeasured)
    }
  }

  @Test("a runner does the kinds that it was given, in their order, and is idle when there is nothing of any")
  func kinds() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path), order = Mutex<[String]>([])
    let kinds = ["one", "two"].map { name in
      WorkKind(name) { job in
        order.withLock { $0.append(job.id) }
        return Sums()
      }
    }
    for (id, kind) in [("a", "two"), ("b", "three"), ("c", "one")] {
      try await store.jobs.create(job(id, kind: kind))
      try await Task.sleep(for: .milliseconds(3))
    }
    let runner = JobRunner(kinds, jobs: store.jobs, threads: 1, places: 1)
    try await runner.resume()
    runner.enqueue("b")
    while !runner.isIdle { try await Task.sleep(for: .milliseconds(5)) }
    // Jobs take turns, and are made ready anew for each.
    let prepared = order.withLock { $0 }
    #expect(prepared.prefix(2) == ["a", "c"] && Set(prepared) == ["a", "c"])
    let states = [try await store.jobs.job("a").state, try await store.jobs.job("b").state]
    #expect(states == [.done, .queued])
  }
}
