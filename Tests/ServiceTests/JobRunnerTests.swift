import DitherBasics
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import Logging
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
  func run(shard: Int, within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool) throws -> [UInt8] {
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
  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8]) { (results.flatMap { $0 }, [1]) }
}

@Suite struct JobRunnerTests {
  private static let squares = (0..<12).map { UInt8($0 * $0) }

  private func runner(_ store: Store, _ work: Squares, threads: Int = 2) -> JobRunner {
    JobRunner(
      kind: "test", jobs: store.jobs, threads: threads, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      isBusy: { false }, prepare: { _ in work })
  }
  private func job(_ id: String) -> Job { Job(id: id, kind: "test", subject: "", spec: [], createdBy: "") }

  private func lastReport(_ events: AsyncStream<JobEvent>) async -> [UInt8]? {
    var found: [UInt8]?
    for await event in events { if case .report(let json, _) = event { found = json } }
    return found
  }

  @Test func watchersHearProgressAndTheEnd() async throws {
    let scratch = try Scratch(), store = try Store(directory: scratch.path)
    let runner = runner(store, Squares(pause: .milliseconds(2)))
    try store.jobs.create(job("a"))
    let early = try runner.watch("a")
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
    #expect(await lastReport(try runner.watch("a")) == Self.squares)
    #expect(throws: (any Error).self) { try runner.watch("b") }
  }

  @Test func aJobGoesOnAfterItsProcess() async throws {
    let scratch = try Scratch()
    do {
      let store = try Store(directory: scratch.path)
      try store.jobs.create(job("a"))
      try store.jobs.setState(.running, of: "a")
      for shard in [0, 1, 5] { try store.jobs.append(shard: shard, [UInt8(shard * shard)], to: "a") }
    }
    let store = try Store(directory: scratch.path), work = Squares()
    let runner = runner(store, work)
    let events = try runner.watch("a")
    try runner.resume()
    #expect(await lastReport(events) == Self.squares)
    #expect(work.done.withLock { $0.keys.sorted() } == [2, 3, 4, 6, 7, 8, 9, 10, 11])
    #expect(work.done.withLock { $0.values.allSatisfy { $0 == 1 } })
  }

  @Test("a budget goes on where the last process left it")
  func budgetAcrossProcesses() async throws {
    let scratch = try Scratch(), store = try Store(directory: scratch.path)
    try store.jobs.create(job("a"))
    for shard in [0, 1, 5] {
      try store.jobs.append(shard: shard, [UInt8(shard * shard)], to: "a")
    }
    for spent in [1000, 3_600_000, 2000] { try store.jobs.setSpent(milliseconds: Int64(spent), of: "a") }
    let work = Squares(budget: 3600)
    let runner = runner(store, work)
    try runner.resume()
    #expect(try await lastReport(runner.watch("a")) == [0, 1, 25])
    #expect(work.done.withLock { $0.isEmpty })

    try store.jobs.create(job("b"))
    runner.enqueue("b")
    #expect(try await lastReport(runner.watch("b")) == Self.squares)
    #expect((0..<60_000).contains(try store.jobs.job("b").spentMilliseconds))
    try store.jobs.restart("a", spec: [])
    #expect(try store.jobs.job("a").spentMilliseconds == 0)
  }

  @Test("the time of a shard that is not done counts")
  func timeOfAHeldShard() async throws {
    let scratch = try Scratch(), store = try Store(directory: scratch.path)
    let runner = runner(store, Squares(holdsAt: 0, budget: 3600), threads: 1)
    try store.jobs.create(job("a"))
    runner.enqueue("a")
    while try store.jobs.job("a").spentMilliseconds < 1000 { try await Task.sleep(for: .milliseconds(20)) }
    #expect(try store.jobs.shards(of: "a").isEmpty)
    runner.stop()
  }

  @Test func cancelledAndStopped() async throws {
    let scratch = try Scratch(), store = try Store(directory: scratch.path)
    // Only the first is held: it may be cancelled before it gets that far.
    let held = Squares(holdsAt: 5), free = Squares()
    let runner = JobRunner(
      kind: "test", jobs: store.jobs, threads: 1, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      isBusy: { false }, prepare: { $0.id == "a" ? held : free })
    for id in ["a", "b", "c"] {
      try store.jobs.create(job(id))
      runner.enqueue(id)
    }
    let events = try runner.watch("a")
    #expect(try runner.cancel("b", by: "me").state == .cancelled)
    for await event in events {
      if case .progress = event { _ = try runner.cancel("a", by: "me") }
    }
    #expect(try store.jobs.job("a").state == .cancelled && store.jobs.job("b").message == "cancelled by me")
    #expect(try await lastReport(runner.watch("c")) == Self.squares)
    #expect(try runner.cancel("c", by: "me").state == .done)
  }

  @Test func aShardThatStopsEarlyIsDoneAtTheNextStart() async throws {
    let scratch = try Scratch(), store = try Store(directory: scratch.path)
    let work = Squares(holdsAt: 5), first = runner(store, work, threads: 1)
    try store.jobs.create(job("a"))
    first.enqueue("a")
    while !work.held.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
    first.stop()
    let second = runner(store, work)
    try second.resume()
    #expect(try await lastReport(second.watch("a")) == Self.squares)
    #expect(try store.jobs.job("a").state == .done)
  }

  @Test(
    "a disk that fills while a job runs ends it, for its watchers too", .enabled(if: TinyDisk.isPossible, "needs root"),
    .timeLimit(.minutes(1)))
  func fullDisk() async throws {
    let disk = try TinyDisk(bytes: 32 << 20), store = try Store(directory: disk.path + "/state")
    let runner = runner(store, Squares(pause: .milliseconds(1), answer: 200_000))
    try store.jobs.create(job("a"))
    try disk.fill(leaving: 600_000)
    let events = try runner.watch("a")
    runner.enqueue("a")
    var last: Job?
    for await event in events { if case .state(let job) = event { last = job } }
    #expect(last?.state == .failed && last?.message.contains("full disk") == true)
    disk.clear()
    while try !store.jobs.job("a").state.isFinal { try await Task.sleep(for: .milliseconds(50)) }
    #expect(try store.jobs.job("a").state == .failed)
    try store.jobs.create(job("b"))
    runner.enqueue("b")
    #expect(try await lastReport(runner.watch("b"))?.count == 12 * 200_000)
  }

  @Test func aFailureIsToldAndTheNextJobRuns() async throws {
    let scratch = try Scratch(), store = try Store(directory: scratch.path)
    let works = ["a": Squares(failsAt: 3), "b": Squares()]
    let runner = JobRunner(
      kind: "test", jobs: store.jobs, threads: 2, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      patience: .milliseconds(5), isBusy: { true }, prepare: { try #require(works[$0.id]) })
    for id in ["a", "b"] {
      try store.jobs.create(job(id))
      runner.enqueue(id)
    }
    #expect(await lastReport(try runner.watch("b")) == Self.squares)
    let failed = try store.jobs.job("a")
    #expect(failed.state == .failed && failed.message == "shard is broken")
  }
}
