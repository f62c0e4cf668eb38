import DitherBasics
import DitherJobs
import DitherStore
import DitherTestSupport
import Foundation
import Synchronization
import Testing

/// Shards that say which they are, and count how often they were done.
private final class Squares: ShardedWork {
  let budget: Double?
  let shardCount = 12
  let pause: Duration
  /// Bytes of a shard's result.
  let answer: Int
  let failsAt: Int?
  /// A shard that, the first time, goes on until it is stopped, and then throws.
  let holdsAt: Int?
  let held = Mutex(false)
  let done = Mutex<[Int: Int]>([:])
  struct Broken: Error, CustomStringConvertible { var description: String { "shard is broken" } }

  struct Stopped: Error {}

  init(pause: Duration = .zero, failsAt: Int? = nil, holdsAt: Int? = nil, budget: Double? = nil, answer: Int = 1) {
    self.answer = answer
    self.budget = budget
    self.pause = pause
    self.failsAt = failsAt
    self.holdsAt = holdsAt
  }
  func title(of shard: Int) -> String { shard < 6 ? "low" : "high" }
  func run(
    shard: Int, after earlier: [Int: [UInt8]], within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool
  ) throws -> [UInt8] {
    if shard == failsAt { throw Broken() }
    if shard == holdsAt,
      !held.withLock({ held in
        defer { held = true }
        return held
      })
    {
      while !isStopped() { usleep(500) }
      throw Stopped()
    }
    usleep(UInt32(pause / .microseconds(1)))
    done.withLock { $0[shard, default: 0] += 1 }
    return [UInt8](repeating: UInt8(shard * shard), count: answer)
  }
  func lost(shard: Int, after earlier: [Int: [UInt8]], workers: Int) throws -> [UInt8] { [UInt8(100 + workers)] }
  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8]) { (results.flatMap { $0 }, [1]) }
}

@Suite struct JobRunnerTests {
  private static let squares = (0..<12).map { UInt8($0 * $0) }

  private func runner(_ store: any Store, _ work: Squares, threads: Int = 2) -> JobRunner {
    JobRunner([WorkKind("test") { _ in work }], jobs: store.jobs, threads: threads)
  }
  private func job(_ id: String) -> Job { Job(id: id, kind: "test", subject: "", spec: [], createdBy: "") }

  private func lastReport(_ events: AsyncStream<JobEvent>) async -> [UInt8]? {
    var found: [UInt8]?
    for await event in events { if case .report(let json, _) = event { found = json } }
    return found
  }

  @Test func watchersHearProgressAndTheEnd() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let runner = runner(store, Squares(pause: .milliseconds(2)))
    try await store.jobs.create(job("a"))
    let early = try await runner.watch("a")
    runner.enqueue("a")
    var states: [Job.State] = [], progress: [Int] = [], report: [UInt8]?
    for await event in early {
      switch event {
      case .state(let job): states.append(job.state)
      case .progress(let news): progress.append(news.done)
      case .report(let json, _): report = json
      }
    }
    #expect(states == [.queued, .running, .done] && report == Self.squares)
    #expect(progress.count == 12 && progress.max() == 12)
    #expect(await lastReport(try await runner.watch("a")) == Self.squares)
    await #expect(throws: (any Error).self) { _ = try await runner.watch("b") }
  }

  @Test func aJobGoesOnAfterItsProcess() async throws {
    let scratch = try Scratch()
    do {
      let store = try SqliteStore(directory: scratch.path)
      try await store.jobs.create(job("a"))
      try await store.jobs.setState(.running, of: "a")
      for shard in [0, 1, 5] { try await store.jobs.put([UInt8(shard * shard)], for: shard, of: "a") }
    }
    let store = try SqliteStore(directory: scratch.path), work = Squares()
    let runner = runner(store, work)
    let events = try await runner.watch("a")
    try await runner.resume()
    #expect(await lastReport(events) == Self.squares)
    #expect(work.done.withLock { $0.keys.sorted() } == [2, 3, 4, 6, 7, 8, 9, 10, 11])
    #expect(work.done.withLock { $0.values.allSatisfy { $0 == 1 } })
  }

  @Test("a budget goes on where the last process left it")
  func budgetAcrossProcesses() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    try await store.jobs.create(job("a"))
    for shard in [0, 1, 5] {
      try await store.jobs.put([UInt8(shard * shard)], for: shard, of: "a")
    }
    for spent in [1000, 3_600_000, 2000] { try await store.jobs.setSpent(milliseconds: Int64(spent), of: "a") }
    let work = Squares(budget: 3600)
    let runner = runner(store, work)
    try await runner.resume()
    #expect(try await lastReport(runner.watch("a")) == [0, 1, 25])
    #expect(work.done.withLock { $0.isEmpty })

    try await store.jobs.create(job("b"))
    runner.enqueue("b")
    #expect(try await lastReport(runner.watch("b")) == Self.squares)
    #expect((0..<60_000).contains(try await store.jobs.job("b").spentMilliseconds))
    try await store.jobs.restart("a", from: [], to: [])
    #expect(try await store.jobs.job("a").spentMilliseconds == 0)
  }

  @Test("the time of a shard that is not done counts")
  func timeOfAHeldShard() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let runner = runner(store, Squares(holdsAt: 0, budget: 3600), threads: 1)
    try await store.jobs.create(job("a"))
    runner.enqueue("a")
    while try await store.jobs.job("a").spentMilliseconds < 1000 { try await Task.sleep(for: .milliseconds(20)) }
    #expect(try await store.jobs.shards(of: "a").isEmpty)
    await runner.stop()
  }

  @Test func cancelledAndStopped() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    // Only the first is held: it may be cancelled before it gets that far.
    let held = Squares(holdsAt: 5), free = Squares()
    let runner = JobRunner(
      [WorkKind("test") { $0.id == "a" ? held : free }], jobs: store.jobs, threads: 1, places: 1)
    for id in ["a", "b", "c"] {
      try await store.jobs.create(job(id))
      runner.enqueue(id)
    }
    let events = try await runner.watch("a")
    #expect(try await runner.cancel("b", by: "me").state == .cancelled)
    for await event in events {
      if case .progress = event { _ = try await runner.cancel("a", by: "me") }
    }
    #expect(try await store.jobs.job("a").state == .cancelled)
    #expect(try await store.jobs.job("b").message == "cancelled by me")
    #expect(try await lastReport(runner.watch("c")) == Self.squares)
    #expect(try await runner.cancel("c", by: "me").state == .done)
  }

  @Test func aShardThatStopsEarlyIsDoneAtTheNextStart() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let work = Squares(holdsAt: 5), first = runner(store, work, threads: 1)
    try await store.jobs.create(job("a"))
    first.enqueue("a")
    while !work.held.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
    await first.stop()
    let second = runner(store, work)
    try await second.resume()
    #expect(try await lastReport(second.watch("a")) == Self.squares)
    #expect(try await store.jobs.job("a").state == .done)
  }

  @Test("who stops in an orderly way is lost on no shard")
  func orderly() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    try await store.jobs.create(job("a"))
    for _ in 0..<4 {
      let work = Squares(holdsAt: 0), runner = runner(store, work, threads: 1)
      runner.enqueue("a")
      while !work.held.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
      await runner.stop()
    }
    let claim = try #require(try await store.jobs.claim(shard: 0, of: "a", by: "me", for: .seconds(1)))
    #expect(claim.attempt == 5 && claim.lost == 0)
  }

  @Test(
    "a disk that fills while a job runs ends it, for its watchers too", .enabled(if: TinyDisk.isPossible, "needs root"),
    .timeLimit(.minutes(10)))
  func fullDisk() async throws {
    let disk = try TinyDisk(bytes: 32 << 20), store = try SqliteStore(directory: disk.path + "/state")
    let runner = runner(store, Squares(pause: .milliseconds(1), answer: 200_000))
    try await store.jobs.create(job("a"))
    try disk.fill(leaving: 600_000)
    let events = try await runner.watch("a")
    runner.enqueue("a")
    var last: Job?
    for await event in events { if case .state(let job) = event { last = job } }
    #expect(last?.state == .failed && last?.message.contains("full disk") == true)
    disk.clear()
    while try await !store.jobs.job("a").state.isFinal { try await Task.sleep(for: .milliseconds(50)) }
    #expect(try await store.jobs.job("a").state == .failed)
    try await store.jobs.create(job("b"))
    runner.enqueue("b")
    #expect(try await lastReport(runner.watch("b"))?.count == 12 * 200_000)
  }

  @Test func aFailureIsToldAndTheNextJobRuns() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let works = ["a": Squares(failsAt: 3), "b": Squares()]
    let runner = JobRunner(
      [WorkKind("test") { try #require(works[$0.id]) }], jobs: store.jobs, threads: 2, patience: .milliseconds(5),
      isBusy: { true })
    for id in ["a", "b"] {
      try await store.jobs.create(job(id))
      runner.enqueue(id)
    }
    #expect(await lastReport(try await runner.watch("b")) == Self.squares)
    let failed = try await store.jobs.job("a")
    #expect(failed.state == .failed && failed.message == "shard is broken")
  }

  @Test("two who share a store do each shard once, and both tell the end")
  func sharedByTwo() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let works = (0..<2).map { _ in Squares(pause: .milliseconds(20)) }
    let runners = works.map { runner(store, $0) }
    try await store.jobs.create(job("a"))
    let events = try await [runners[0].watch("a"), runners[1].watch("a")]
    for runner in runners { runner.enqueue("a") }
    for stream in events { #expect(await lastReport(stream) == Self.squares) }
    let counts = works.map { $0.done.withLock { $0 } }
    #expect(counts[0].merging(counts[1], uniquingKeysWith: +).values.allSatisfy { $0 == 1 })
    #expect(counts.allSatisfy { !$0.isEmpty })
  }

  @Test("a worker that is silent past its lease loses the shard, and the result stays one")
  func silentWorker() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    try await store.jobs.create(job("a"))
    // Claimed by one who never comes back.
    let gone = try #require(try await store.jobs.claim(shard: 3, of: "a", by: "gone", for: .milliseconds(300)))
    let work = Squares(), runner = runner(store, work)
    runner.enqueue("a")
    #expect(try await lastReport(runner.watch("a")) == Self.squares)
    #expect(try await store.jobs.put([9], for: gone.shard, of: "a") == .known(isSame: true))
  }

  @Test("a shard that three workers were lost on is done by none")
  func poison() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    try await store.jobs.create(job("a"))
    for _ in 0..<3 {
      #expect(try await store.jobs.claim(shard: 3, of: "a", by: "gone", for: .milliseconds(1)) != nil)
      try await Task.sleep(for: .milliseconds(5))
    }
    let work = Squares(), runner = runner(store, work)
    runner.enqueue("a")
    var expected = Self.squares
    expected[3] = 103
    #expect(try await lastReport(runner.watch("a")) == expected)
    #expect(work.done.withLock { $0[3] } == nil)
  }

  @Test("a long shard keeps its lease")
  func renewal() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let works = (0..<2).map { _ in Squares(pause: Duration.seconds(3).asBuilt) }
    let runners = works.map { work in
      JobRunner(
        [WorkKind("test") { _ in work }], jobs: store.jobs, threads: 2, lease: Duration.seconds(2).asBuilt)
    }
    try await store.jobs.create(job("a"))
    for runner in runners { runner.enqueue("a") }
    for runner in runners { #expect(try await lastReport(runner.watch("a")) == Self.squares) }
    #expect(works.map { $0.done.withLock { $0.values.reduce(0, +) } }.reduce(0, +) == 12)
  }

  @Test("work that was made ready is not made ready again")
  func prepared() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let count = Mutex(0)
    let kind = WorkKind("test") { _ in
      count.withLock { $0 += 1 }
      return Squares()
    }
    let runner = JobRunner([kind], jobs: store.jobs, threads: 1)
    for id in ["a", "b"] {
      try await store.jobs.create(job(id))
      runner.enqueue(id, id == "a" ? Squares() : nil)
    }
    #expect(try await lastReport(runner.watch("b")) == Self.squares)
    #expect(count.withLock { $0 } == 1)
  }

  @Test("a small job does not wait for a long one's shard")
  func fairThreads() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let long = Squares(holdsAt: 0), small = Squares()
    let runner = JobRunner([WorkKind("test") { $0.id == "a" ? long : small }], jobs: store.jobs, threads: 1)
    for id in ["a", "b"] { try await store.jobs.create(job(id)) }
    runner.enqueue("a", by: "ann")
    while !long.held.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
    runner.enqueue("b", by: "ann")
    #expect(try await lastReport(runner.watch("b")) == Self.squares)
    #expect(try await store.jobs.job("a").state == .running && long.done.withLock { $0.isEmpty })
    await runner.stop()
  }

  @Test("a job that has had its time makes room for those that wait, and ends as it would have")
  func fairPlaces() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let long = Squares(pause: .milliseconds(5)), doneBefore = Mutex<[String: Int]>([:])
    let kind = WorkKind("test") { job in
      let done = long.done.withLock { $0.count }
      doneBefore.withLock { $0[job.id] = $0[job.id] ?? done }
      return job.id == "a" ? long : Squares()
    }
    let runner = JobRunner([kind], jobs: store.jobs, threads: 1, places: 1, slice: .zero)
    for id in ["a", "b", "c"] {
      try await store.jobs.create(job(id))
      runner.enqueue(id)
    }
    for id in ["a", "b", "c"] { #expect(try await lastReport(runner.watch(id)) == Self.squares) }
    #expect(doneBefore.withLock { $0["a"] == 0 && $0["b"] == 1 && $0["c"] == 1 }, "each had one shard's time")
    #expect(long.done.withLock { $0.values.allSatisfy { $0 == 1 } })
  }

  @Test("a job that is cancelled between its places ends, and is gone on with by nobody")
  func cancelledBetweenPlaces() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let works = ["a": Squares(pause: .milliseconds(5)), "b": Squares(holdsAt: 3)]
    let kind = WorkKind("test") { try #require(works[$0.id]) }
    let runner = JobRunner([kind], jobs: store.jobs, threads: 1, places: 1, slice: .zero)
    for id in ["a", "b"] {
      try await store.jobs.create(job(id))
      runner.enqueue(id)
    }
    while try #require(works["b"]).held.withLock({ !$0 }) { try await Task.sleep(for: .milliseconds(1)) }
    #expect(try await runner.cancel("a", by: "me").state == .cancelled)
    #expect(try await runner.cancel("b", by: "me").state == .cancelled)
    while runner.queued > 0 { try await Task.sleep(for: .milliseconds(1)) }
    #expect(try await store.jobs.shards(of: "a").count < 12)
  }

  @Test("the owner with the fewest jobs in memory is next")
  func fairOwners() async throws {
    let scratch = try Scratch(), store = try SqliteStore(directory: scratch.path)
    let order = Mutex<[String]>([]), gate = Squares(holdsAt: 0)
    let kind = WorkKind("test") { job in
      order.withLock { $0.append(job.id) }
      return job.id == "a0" ? gate : Squares(pause: .milliseconds(2))
    }
    let runner = JobRunner([kind], jobs: store.jobs, threads: 2, places: 2)
    for id in ["a0", "a1", "a2", "a3", "b"] {
      try await store.jobs.create(job(id))
      runner.enqueue(id, by: String(id.prefix(1)))
    }
    #expect(try await lastReport(runner.watch("b")) == Self.squares)
    #expect(order.withLock { Set($0.prefix(3)) } == ["a0", "a1", "b"])
    await runner.stop()
  }
}
