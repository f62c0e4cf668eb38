import DitherBasics
import DitherStore
import Foundation
import Synchronization

/// Does jobs, one at a time, its shards on several threads of low priority which give way to predictions.
///
/// Every result is in the store before it is spoken of, so that a job that was interrupted goes on at the next start
/// and ends with the report that it would have had.
public final class JobRunner: Sendable {
  /// Makes a job's work from its record, opening what it needs.
  public typealias Prepare = @Sendable (Job) async throws -> any ShardedWork

  /// An event that its owner may want to log.
  public enum Note: Sendable {
    case goingOn(Job), done(Job)
    case failed(id: String, reason: String)
    /// A job has failed, and that could not be stored: it is tried again.
    case notStored(id: String, reason: String)
  }

  private struct State {
    var queue: [String] = []
    var running: Task<Void, Never>?
    var isStopped = false
    var cancelled: Set<String> = []
    /// The work of the next job, where it was made ready already.
    var prepared: (id: String, work: any ShardedWork)?
  }

  private let kind: String
  private let jobs: any JobRecords
  private let watchers = JobWatchers()
  private let threads: Int
  private let lease: Duration
  private let prepare: Prepare
  private let giveWay: @Sendable () -> Void
  private let note: @Sendable (Note) -> Void
  private let state = Mutex(State())
  private let held = Mutexed<Set<ShardClaim>>([])
  private let pool: ComputePool

  private static let niceness: Int32 = 10

  /// - Parameters:
  ///   - lease: how long a shard is another's after its owner was last heard of.
  ///   - patience: how long a shard waits at most for predictions to end.
  ///   - isBusy: whether predictions wait or run.
  ///   - prepare: makes a job's work from its spec.
  public init(
    kind: String, jobs: any JobRecords, threads: Int, lease: Duration = .seconds(30),
    patience: Duration = .milliseconds(500), isBusy: @escaping @Sendable () -> Bool,
    note: @escaping @Sendable (Note) -> Void = { _ in }, prepare: @escaping Prepare
  ) {
    self.kind = kind
    self.jobs = jobs
    self.threads = threads
    self.lease = lease
    self.prepare = prepare
    self.note = note
    giveWay = {
      let start = ContinuousClock.now
      while isBusy(), ContinuousClock.now - start < patience { usleep(1000) }
    }
    pool = ComputePool(kind, threads: threads, niceness: Self.niceness)
  }

  /// Where its shards are claimed, and its jobs are watched.
  public var board: any JobBoard { LocalBoard(jobs: jobs, watchers: watchers) }

  /// Goes on with what an earlier process left.
  public func resume() async throws(StoreError) {
    for job in try await jobs.unfinished(kind: kind) {
      note(.goingOn(job))
      enqueue(job.id)
    }
  }

  /// Takes a job that is in the store.
  /// - Parameter work: of the job, where it was made ready already: kept where the job's turn comes at once.
  public func enqueue(_ id: String, _ work: (any ShardedWork)? = nil) {
    state.withLock { state in
      if let work, state.running == nil, state.queue.isEmpty { state.prepared = (id, work) }
      state.queue.append(id)
      guard state.running == nil, !state.isStopped else { return }
      state.running = Task { await self.runAll() }
    }
  }

  /// Jobs that wait to be run.
  public var queued: Int { state.withLock { $0.queue.count } }

  /// Ends what runs as soon as it listens; jobs stay as they are, for the next start. What is held is given back at
  /// once, so that nobody is thought lost.
  public func stop() async {
    state.withLock { $0.isStopped = true }
    watchers.close()
    for claim in held.withLock({ $0 }) { try? await jobs.release(claim) }
  }

  /// - Returns: the job as it then is: a job that had ended stays as it ended.
  public func cancel(_ id: String, by author: String) async throws(StoreError) -> Job {
    let message = author.isEmpty ? "cancelled" : "cancelled by \(author)"
    let changed = try await jobs.setState(.cancelled, of: id, message: message)
    let job = try await jobs.job(id)
    if changed {
      state.withLock { state in
        if let place = state.queue.firstIndex(of: id) {
          state.queue.remove(at: place)
        } else {
          state.cancelled.insert(id)
        }
      }
      watchers.end(job)
    }
    return job
  }

  /// The job from where it stands.
  public func watch(_ id: String) async throws(StoreError) -> AsyncStream<JobEvent> {
    try await board.events(of: id)
  }

  // MARK: one job after the other

  private func runAll() async {
    while let (id, prepared) = next() {
      do {
        try await run(id, prepared)
      } catch is Interrupted {
        continue
      } catch {
        await fail(id, "\(error)".clipped(to: 1000))
      }
    }
  }

  private func next() -> (String, (any ShardedWork)?)? {
    state.withLock { state in
      if state.queue.isEmpty || state.isStopped {
        state.running = nil
        return nil
      }
      let id = state.queue.removeFirst(), prepared = state.prepared
      state.prepared = nil
      return (id, prepared?.id == id ? prepared?.work : nil)
    }
  }

  private func isStopped(_ id: String) -> Bool {
    state.withLock { $0.isStopped || $0.cancelled.contains(id) }
  }

  private struct Interrupted: Error {}

  private func run(_ id: String, _ prepared: (any ShardedWork)?) async throws {
    guard try await jobs.setState(.running, of: id) else {
      state.withLock { _ = $0.cancelled.remove(id) }
      return try await tellEnd(of: id)
    }
    let job = try await jobs.job(id)
    watchers.tell(id, .state(job))
    let work: any ShardedWork = if let prepared { prepared } else { try await prepare(job) }
    guard let results = try await results(of: job, work) else {
      state.withLock { _ = $0.cancelled.remove(id) }
      throw Interrupted()
    }
    let report = try await pool.run { try Form(work.report(results)) }
    if try await jobs.finish(id, json: report.json, html: report.html) { note(.done(job)) }
    try await tellEnd(of: id)
  }

  /// Whoever has ended it.
  private func tellEnd(of id: String) async throws {
    let job = try await jobs.job(id)
    if job.state.isFinal { watchers.end(job, try await jobs.report(id)) }
  }

  private struct Form: Sendable {
    var json: [UInt8], html: [UInt8]
    init(_ report: (json: [UInt8], html: [UInt8])) { (json, html) = report }
  }

  /// - Returns: nil when the job is to be left.
  private func results(of job: Job, _ work: any ShardedWork) async throws -> [[UInt8]]? {
    let owner = "\(kind) \(ProcessInfo.processInfo.processIdentifier)"
    while true {
      let known = try await jobs.shards(of: job.id)
      let spent = Double(try await jobs.job(job.id).spentMilliseconds) / 1000
      let queue = Mutexed(
        ShardQueue(
          Array(0..<work.shardCount), done: Set(known.keys), budget: work.budget, spent: spent, threads: threads))
      let worker = Worker(
        job: job.id, work: work, board: board, owner: owner, lease: lease, pool: pool, queue: queue, held: held,
        isStopped: { [self] in isStopped(job.id) }, giveWay: giveWay,
        progressed: { [watchers] in watchers.tell(job.id, .progress($0)) })
      await withTaskGroup { group in
        // With a budget the time is kept as it passes, for a process that is killed in the middle of a shard.
        let clock = Task { await self.keepTime(of: job.id, queue, work.budget) }
        for _ in 0..<min(threads, max(queue.withLock { $0.waiting }, 1)) { group.addTask { await worker.run() } }
        await group.waitForAll()
        clock.cancel()
      }
      if let failure = queue.withLock({ $0.failure }) { throw failure }
      if isStopped(job.id) { return nil }
      let found = try await jobs.shards(of: job.id)
      let results = (0..<work.shardCount).compactMap { found[$0] }
      if results.count == work.shardCount || queue.withLock({ $0.time.isOver }) { return results }
      // Others have the rest: it comes, or their leases end.
      try await Task.sleep(for: min(lease / 3, .seconds(1)))
    }
  }

  private func keepTime(of id: String, _ queue: Mutexed<ShardQueue<Int>>, _ budget: Double?) async {
    guard budget != nil else { return }
    while (try? await Task.sleep(for: .seconds(1))) != nil {
      try? await jobs.setSpent(milliseconds: Int64(queue.withLock { $0.spent } * 1000), of: id)
    }
  }

  // MARK: failures

  private func fail(_ id: String, _ message: String) async {
    note(.failed(id: id, reason: message))
    do {
      if try await jobs.setState(.failed, of: id, message: message) { watchers.end(try await jobs.job(id)) }
    } catch {
      note(.notStored(id: id, reason: "\(error)"))
      // Whoever watches is told all the same, and it is written down when there is room.
      if var job = try? await jobs.job(id) {
        job.state = .failed
        job.message = message
        watchers.end(job)
      }
      Task { [weak self] in
        while (try? await Task.sleep(for: .seconds(2))) != nil, let self, !self.isStopped(id) {
          if (try? await self.jobs.setState(.failed, of: id, message: message)) != nil { return }
        }
      }
    }
  }
}
