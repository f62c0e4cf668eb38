import DitherBasics
import DitherJobs
import DitherStore
import DitherStorePostgres
import DitherTestSupport
import Foundation
import Synchronization
import Testing

/// Shards that take a moment, and say which they are.
private final class Steps: ShardedWork {
  let budget: Double? = nil
  let shardCount: Int
  let pause: Duration
  let done = Mutex<[Int]>([])

  init(_ shardCount: Int = 24, pause: Duration = .milliseconds(30)) {
    self.shardCount = shardCount
    self.pause = pause
  }
  func title(of shard: Int) -> String { "steps" }
  func run(
    shard: Int, after earlier: [Int: [UInt8]], within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool
  ) throws -> [UInt8] {
    let end = ContinuousClock.now + pause
    while ContinuousClock.now < end {
      if isStopped() { throw CancellationError() }
      usleep(2000)
    }
    done.withLock { $0.append(shard) }
    return [UInt8(shard), 7]
  }
  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8]) { (results.flatMap { $0 }, [1]) }
  var expected: [UInt8] { (0..<shardCount).flatMap { [UInt8($0), 7] } }
}

/// A server's part in the work of several: a store of its own connections, a runner, and an ear for what others do.
private final class Hand: Sendable {
  let store: PostgresStore
  let work: Steps
  let runner: JobRunner
  private let ear: Task<Void, Never>

  init(
    _ server: PostgresServer, _ name: String, _ work: Steps = Steps(), maker: String = "",
    silence: Duration = .seconds(600), lease: Duration = .seconds(30), lacksData: Bool = false
  ) async throws {
    let scratch = try Scratch()
    try server.makeDatabase(name)
    var options = PostgresStore.Options()
    options.patience = .seconds(2)
    let store = try await PostgresStore.open(
      PostgresAddress(server.address(name)), directory: scratch.path, options: options)
    let kind = WorkKind("test", maker: maker) { _ in
      guard lacksData else { return work }
      throw StoreError(.notFound, at: "data set", expected: "a file", got: "none")
    }
    let runner = JobRunner([kind], jobs: store.jobs, threads: 2, lease: lease, silence: silence)
    (self.store, self.work, self.runner) = (store, work, runner)
    ear = Task {
      while !Task.isCancelled {
        await store.news(since: .max)
        try? await runner.follow(nil)
        try? await runner.tellProgress()
      }
    }
  }

  deinit { ear.cancel() }

  /// As an earlier process, gone without a word.
  func vanish() async {
    ear.cancel()
    await runner.stop()
  }
}

@Suite(
  "Jobs that several do", .serialized, .enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"),
  .timeLimit(.minutes(5)))
struct SharedWorkTests {
  private func job(_ id: String) -> Job { Job(id: id, kind: "test", subject: "", spec: [], createdBy: "") }

  private func report(_ events: AsyncStream<JobEvent>) async -> [UInt8]? {
    var found: [UInt8]?
    for await event in events { if case .report(let json, _) = event { found = json } }
    return found
  }

  @Test("each shard is done once, the report by one, and who watches at another hears it")
  func together() async throws {
    let server = try PostgresServer.shared.get()
    let hands = [try await Hand(server, "together"), try await Hand(server, "together")]
    try await hands[0].store.jobs.create(job("a"))
    let events = try await [hands[0].runner.watch("a"), hands[1].runner.watch("a")]
    hands[0].runner.enqueue("a")
    for stream in events { #expect(await report(stream) == hands[0].work.expected) }
    let done = hands.map { $0.work.done.withLock { $0 } }
    #expect((done[0] + done[1]).sorted() == Array(0..<24))
    // The other has heard of the job by itself.
    #expect(!done[1].isEmpty)
    #expect(try await hands[1].store.jobs.job("a").message.isEmpty)
  }

  @Test("who lacks what a job needs leaves it to those who have it")
  func lacking() async throws {
    let server = try PostgresServer.shared.get()
    let poor = try await Hand(server, "lacking", lacksData: true)
    try await poor.store.jobs.create(job("a"))
    poor.runner.enqueue("a")
    while !poor.runner.isIdle { try await Task.sleep(for: .milliseconds(20)) }
    #expect(try await !poor.store.jobs.job("a").state.isFinal)
    let rich = try await Hand(server, "lacking"), events = try await rich.runner.watch("a")
    try await rich.runner.resume()
    #expect(await report(events) == rich.work.expected && poor.work.done.withLock { $0.isEmpty })
  }

  @Test("a job that is canceled at one is left by the other")
  func cancelled() async throws {
    let server = try PostgresServer.shared.get()
    let busy = try await Hand(server, "cancelled_elsewhere", Steps(4, pause: .seconds(60)), maker: "one")
    let other = try await Hand(server, "cancelled_elsewhere", maker: "another")
    try await busy.store.jobs.create(job("a"))
    busy.runner.enqueue("a")
    while try await other.store.jobs.shardCount(of: "a") == nil { try await Task.sleep(for: .milliseconds(20)) }
    let events = try await other.runner.watch("a")
    _ = try await other.runner.cancel("a", by: "me")
    #expect(await report(events) == nil)
    let start = ContinuousClock.now
    while !busy.runner.isIdle { try await Task.sleep(for: .milliseconds(20)) }
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(try await busy.store.jobs.job("a").state == .cancelled)
    #expect(other.work.done.withLock { $0.isEmpty })
  }

  @Test("workers of another kind leave a job alone, and begin it anew when its own are gone")
  func makers() async throws {
    let server = try PostgresServer.shared.get()
    let old = try await Hand(server, "makers", Steps(4, pause: .seconds(60)), maker: "old")
    try await old.store.jobs.create(job("a"))
    old.runner.enqueue("a")
    while try await old.store.jobs.job("a").state != .running { try await Task.sleep(for: .milliseconds(20)) }
    let waiting = try await Hand(server, "makers", Steps(5), maker: "new")
    try await waiting.runner.resume()
    try await Task.sleep(for: .milliseconds(300))
    #expect(waiting.work.done.withLock { $0.isEmpty })
    await old.vanish()
    let next = try await Hand(server, "makers", Steps(5), maker: "new", silence: .milliseconds(100))
    try await Task.sleep(for: .milliseconds(200))
    try await next.runner.resume()
    #expect(try await report(next.runner.watch("a")) == next.work.expected)
  }

  @Test("a worker that is gone without a word is replaced when its lease ends; one that stops, at once")
  func takenOver() async throws {
    let server = try PostgresServer.shared.get()
    let gone = try await Hand(server, "taken_over", Steps(4, pause: .seconds(60)), lease: .seconds(600))
    try await gone.store.jobs.create(job("a"))
    // Claimed by one who dies.
    try await gone.store.jobs.lay(4, of: "a")
    let lost = try #require(try await gone.store.jobs.claim(0...3, of: "a", by: "dead", for: .seconds(1)))
    gone.runner.enqueue("a")
    while try await gone.store.jobs.job("a").state != .running { try await Task.sleep(for: .milliseconds(20)) }
    try await Task.sleep(for: .milliseconds(300))
    let next = try await Hand(server, "taken_over", Steps(4))
    await gone.vanish()
    let start = ContinuousClock.now
    try await next.runner.resume()
    #expect(try await report(next.runner.watch("a")) == next.work.expected)
    #expect(ContinuousClock.now - start < .seconds(20))
    // The dead one's result, brought by his ghost, is the same.
    #expect(try await next.store.jobs.put([UInt8(lost.shard), 7], for: lost.shard, of: "a") == .known(isSame: true))
  }

  @Test("a database that crashes, or says nothing for longer than a lease, changes nothing of the report")
  func faults() async throws {
    let server = try PostgresServer()
    let hands = [
      try await Hand(server, "faults", lease: .seconds(1)), try await Hand(server, "faults", lease: .seconds(1)),
    ]
    for round in 0..<3 {
      let id = "job\(round)"
      try await hands[0].store.jobs.create(job(id))
      let events = try await hands[1].runner.watch(id)
      hands[0].runner.enqueue(id)
      try await Task.sleep(for: .milliseconds(150))
      if round == 0 {
        try server.end(.immediately)
        try await Task.sleep(for: .milliseconds(500))
        try server.start()
      } else {
        server.freeze()
        try await Task.sleep(for: .milliseconds(round == 1 ? 1500 : 4000))
        server.thaw()
      }
      #expect(await report(events) == hands[0].work.expected, "round \(round)")
      #expect(try await hands[0].store.jobs.job(id).message.isEmpty)
    }
  }

  @Test("claims of many at once: each shard one, and fast enough")
  func claims() async throws {
    let server = try PostgresServer.shared.get(), count = 400
    let stores = [try await Hand(server, "claims").store, try await Hand(server, "claims").store]
    try await stores[0].jobs.create(Job(id: "a", kind: "none", subject: "", spec: [], createdBy: ""))
    try await stores[0].jobs.lay(count, of: "a")
    let start = ContinuousClock.now
    let had = try await withThrowingTaskGroup(of: [Int].self) { group in
      for worker in 0..<8 {
        group.addTask {
          var mine: [Int] = []
          let jobs = stores[worker % 2].jobs
          while let claim = try await jobs.claim(0...count - 1, of: "a", by: "\(worker)", for: .seconds(600)) {
            mine.append(claim.shard)
            try await jobs.put([1], for: claim.shard, of: "a")
          }
          return mine
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(had.sorted() == Array(0..<count))
    // Bar: 500 a second in a release build on a machine that does nothing else.
    #expect(ContinuousClock.now - start < .seconds(60))
  }
}
