import DitherBasics
import DitherStore
import Foundation
import Synchronization

/// Does jobs, a few at a time, their shards on several threads of low priority which give way to predictions.
///
/// Jobs take turns: on the threads, so that a small one does not wait for a long one's shard to end; and for the few
/// places in memory, where a job that has had its time goes back behind those that wait.
///
/// Every result is in the store before it is spoken of, so that a job that was interrupted goes on at the next start
/// and ends with the report that it would have had. Several that share a store do a job's shards together; the report
/// is a shard of its own, done by whichever of them claims it.
public final class JobRunner: Sendable {
  private struct Waiting {
    var id: String, owner: String
    /// Where it was made ready already.
    var work: (any ShardedWork)?
  }

  private struct Place {
    var owner: String
    var since = ContinuousClock.now
  }

  private struct State {
    var queue: [Waiting] = []
    /// By job.
    var running: [String: Place] = [:]
    var isStopped = false
    var cancelled: Set<String> = []
    /// Jobs that need what is not here, and when that was seen.
    var lacking: [String: ContinuousClock.Instant] = [:]
  }

  private let kinds: [String: WorkKind]
  private let jobs: any JobRecords
  private let watchers = JobWatchers()
  private let threads: Int
  private let places: Int
  private let slice: Duration
  private let lease: Duration
  private let silence: Duration
  private let giveWay: @Sendable () -> Void
  private let note: @Sendable (Note) -> Void
  private let state = Mutex(State())
  private let held = Mutexed<Set<ShardClaim>>([])
  private let pool: ComputePool
  private let turns: Turns

  /// The silence after which a job of a store that others use is no longer its maker's.
  public static let sharedSilence = Duration.seconds(600)
  /// How this process is called by those who wait for its shards.
  package static let owner = "\(ProcessInfo.processInfo.hostName) \(ProcessInfo.processInfo.processIdentifier)"

  /// - Parameters:
  ///   - kinds: of the jobs that it does, each name once.
  ///   - threads: that compute at the same time.
  ///   - places: jobs that are in memory at the same time.
  ///   - slice: how long a job keeps its place when others wait; it goes when its shards that have begun are done.
  ///   - lease: how long a shard is another's after its owner was last heard of.
  ///   - silence: after which a job of another maker is begun anew; zero where nobody else can be at it.
  ///   - patience: how long a shard waits at most for predictions to end.
  ///   - niceness: of its threads; above 0 they give way to whatever answers calls beside them.
  ///   - isBusy: whether predictions wait or run.
  public init(
    _ kinds: [WorkKind], jobs: any JobRecords, threads: Int, places: Int = 3, slice: Duration = .seconds(10),
    lease: Duration = .seconds(30), silence: Duration = .zero, patience: Duration = .milliseconds(500),
    niceness: Int32 = 10, isBusy: @escaping @Sendable () -> Bool = { false },
    note: @escaping @Sendable (Note) -> Void = { _ in }
  ) {
    self.kinds = Dictionary(kinds.map { ($0.name, $0) }) { first, _ in first }
    self.jobs = jobs
    self.threads = threads
    self.places = places
    self.slice = slice
    self.lease = lease
    self.silence = silence
    self.note = note
    giveWay = {
      let start = ContinuousClock.now
      while isBusy(), ContinuousClock.now - start < patience { usleep(1000) }
    }
    // Shards whose turn it is not wait on threads of their own.
    pool = ComputePool("jobs", threads: threads * places, niceness: niceness)
    turns = Turns(places: threads)
  }

  /// Goes on with what an earlier process left.
  public func resume() async throws(StoreError) {
    for job in try await unfinished() {
      note(.goingOn(job))
      enqueue(job.id, by: job.createdBy)
    }
  }

  /// Jobs of its kinds that are to be done, oldest first.
  private func unfinished() async throws(StoreError) -> [Job] {
    var found: [Job] = []
    for kind in kinds.keys.sorted() { found += try await jobs.unfinished(kind: kind) }
    return found.sorted { ($0.createdMilliseconds, $0.id) < ($1.createdMilliseconds, $1.id) }
  }

  /// Takes a job that is in the store.
  /// - Parameters:
  ///   - owner: whose it is: of those that wait, one of the owner with the fewest in memory is next.
  ///   - work: of the job, where it was made ready already: kept where the job's turn comes at once.
  public func enqueue(_ id: String, by owner: String = "", _ work: (any ShardedWork)? = nil) {
    state.withLock { state in
      // Its maker and those who follow the store may both bring it.
      guard state.running[id] == nil, !state.queue.contains(where: { $0.id == id }) else { return }
      let isNext = state.queue.isEmpty && state.running.count < places
      state.queue.append(Waiting(id: id, owner: owner, work: isNext ? work : nil))
    }
    fillPlaces()
  }

  /// Jobs that wait to be run.
  public var queued: Int { state.withLock { $0.queue.count } }
  /// Jobs that are in memory.
  public var running: Int { state.withLock { $0.running.count } }
  /// Whether there is none that waits or runs.
  public var isIdle: Bool { state.withLock { $0.queue.isEmpty && $0.running.isEmpty } }

  /// Hears what others have done with jobs: takes those that are new, and leaves those that have ended.
  /// - Parameter ids: of jobs that were changed; nil: any.
  public func follow(_ ids: Set<String>?) async throws(StoreError) {
    for job in try await unfinished() where ids?.contains(job.id) != false {
      enqueue(job.id, by: job.createdBy)
    }
    let known = state.withLock { Set($0.running.keys).union($0.queue.map(\.id)) }.union(watchers.jobs)
    for id in known where ids?.contains(id) != false {
      let job = try await jobs.job(id)
      guard job.state.isFinal else { continue }
      leaveToOthers(id)
      watchers.end(job, job.state == .done ? try await jobs.report(id) : nil)
    }
  }

  /// Tells watchers how far jobs have come that others are at.
  public func tellProgress() async throws(StoreError) {
    let running = state.withLock { Set($0.running.keys) }
    for id in watchers.jobs.subtracting(running) {
      if let count = try await jobs.shardCount(of: id) { tell(id, try await jobs.done(of: id).count, of: count) }
    }
  }

  private func tell(_ id: String, _ done: Int, of count: Int) {
    watchers.tell(id, .progress(JobProgress(job: id, title: "", done: done, shards: count, secondsLeft: nil)))
  }

  private func leaveToOthers(_ id: String) {
    state.withLock { state in
      if let place = state.queue.firstIndex(where: { $0.id == id }) {
        state.queue.remove(at: place)
      } else if state.running[id] != nil {
        state.cancelled.insert(id)
      }
    }
  }

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
      leaveToOthers(id)
      watchers.end(job)
    }
    return job
  }

  /// The job from where it stands.
  public func watch(_ id: String) async throws(StoreError) -> AsyncStream<JobEvent> {
    try await board("").events(of: id)
  }

  // MARK: jobs in their places

  private func fillPlaces() {
    while let job = next() {
      Task {
        do {
          try await run(job.id, job.work)
          leave(job.id)
        } catch is Interrupted {
          leave(job.id)
        } catch is Yielded {
          leave(job.id, for: Waiting(id: job.id, owner: job.owner))
        } catch let error as StoreError where error.code == .away {
          note(.waiting(id: job.id, reason: "\(error)"))
          try? await Task.sleep(for: .seconds(1))
          leave(job.id, for: Waiting(id: job.id, owner: job.owner))
        } catch {
          await fail(job.id, "\(error)".clipped(to: 1000))
          leave(job.id)
        }
        fillPlaces()
      }
    }
  }

  private func next() -> Waiting? {
    state.withLock { state in
      guard !state.isStopped, state.running.count < places else { return nil }
      func inMemory(_ job: Waiting) -> Int { state.running.values.count { $0.owner == job.owner } }
      // The first of equals: the one that waits longest.
      guard let place = state.queue.indices.min(by: { inMemory(state.queue[$0]) < inMemory(state.queue[$1]) }) else {
        return nil
      }
      let job = state.queue.remove(at: place)
      state.running[job.id] = Place(owner: job.owner)
      return job
    }
  }

  /// - Parameter again: what is left of it, to wait for another turn.
  private func leave(_ id: String, for again: Waiting? = nil) {
    turns.leave(id)
    state.withLock { state in
      state.running[id] = nil
      guard let again else {
        state.cancelled.remove(id)
        return
      }
      // It may have been cancelled on its way.
      if state.cancelled.remove(id) == nil { state.queue.append(again) }
    }
  }

  private func isStopped(_ id: String) -> Bool {
    state.withLock { $0.isStopped || $0.cancelled.contains(id) }
  }

  /// Whether a job is to make room: it has had its time, others wait, and it has been there longest.
  private func isToYield(_ id: String) -> Bool {
    state.withLock { state in
      guard !state.queue.isEmpty, state.running.count >= places, let own = state.running[id] else { return false }
      return ContinuousClock.now - own.since > slice && !state.running.values.contains { $0.since < own.since }
    }
  }

  private struct Interrupted: Error {}
  private struct Yielded: Error {}

  private func run(_ id: String, _ prepared: (any ShardedWork)?) async throws {
    // The lacking part may come. Not too soon: whoever begins a job keeps other makers from it for a silence.
    state.withLock { state in state.lacking = state.lacking.filter { .now - $0.value < silence * 2 } }
    if state.withLock({ $0.lacking[id] != nil }) { return }
    // A job of another kind is others'.
    guard let kind = kinds[try await jobs.job(id).kind] else { return }
    switch try await jobs.begin(id, as: kind.maker, after: silence) {
    case .ended: return try await tellEnd(of: id)
    // It is looked at again with the next news of the store.
    case .others: return
    case .joined, .anew: break
    }
    let job = try await jobs.job(id)
    watchers.tell(id, .state(job))
    let work: any ShardedWork
    do { work = if let prepared { prepared } else { try await kind.work(of: job, in: jobs) } } catch {
      guard isLackedHere(error) else { throw error }
      state.withLock { $0.lacking[id] = .now }
      note(.leftToOthers(id: id, reason: "\(error)".clipped(to: 1000)))
      return
    }
    // Making it ready, which is done again for each place, is no part of its time.
    state.withLock { $0.running[id]?.since = .now }
    try await jobs.lay(work.shardCount, of: id)
    while try await !isReported(after: compute(job, work, as: kind.maker), job, work, as: kind.maker) {
      // Others have the rest: it comes, or their leases end.
      try await Task.sleep(for: min(lease / 3, .seconds(1)))
      if isStopped(id) { throw Interrupted() }
      if isToYield(id) { throw Yielded() }
    }
    try await tellEnd(of: id)
  }

  /// Whether a job cannot be made ready by this process, and perhaps by another: only one who is alone must end it.
  private func isLackedHere(_ error: any Error) -> Bool {
    silence > .zero && (error as? any AnyFault)?.category == .notFound
  }

  /// Makes the report, where all shards are done and nobody else is at it.
  /// - Returns: whether the job has ended.
  private func isReported(
    after worker: Worker, _ job: Job, _ work: any ShardedWork, as maker: String
  ) async throws -> Bool {
    let done = try await jobs.done(of: job.id)
    let isDue = worker.queue.withLock { queue in
      queue.know(done)
      return queue.isComplete || queue.time.isOver
    }
    if isDue {
      let claim = try await jobs.claim(
        work.shardCount...work.shardCount, of: job.id, by: worker.owner, for: lease)
      if let claim {
        try await report(claim, worker, job, work, as: maker)
        return true
      }
    } else {
      tell(job.id, done.count, of: work.shardCount)
    }
    return try await jobs.job(job.id).state.isFinal
  }

  private func report(
    _ claim: ShardClaim, _ worker: Worker, _ job: Job, _ work: any ShardedWork, as maker: String
  ) async throws {
    guard !claim.isPoisoned else {
      throw JobError(
        .lost, at: "the report", expected: "a worker that comes back from it", got: "\(claim.lost) that did not",
        advice: "look into the log for what ended them")
    }
    try await worker.holding(claim) { _ in
      let found = try await jobs.shards(of: job.id)
      let results = (0..<work.shardCount).compactMap { found[$0] }
      let report = try await pool.run { [turns] in
        let turn = turns.take(job.id)
        defer { turn.end() }
        return try Form(work.report(results))
      }
      let isOurs = try await worker.patiently { () async throws(StoreError) in
        try await jobs.finish(job.id, json: report.json, html: report.html, by: maker)
      }
      if isOurs { note(.done(job)) }
    }
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

  /// Does what can be had of a job's shards, stage after stage.
  private func compute(_ job: Job, _ work: any ShardedWork, as maker: String) async throws -> Worker {
    while true {
      let known = try await jobs.done(of: job.id), stage = work.stage(knowing: known)
      let worker = try await compute(stage, of: job, work, known, as: maker)
      // Whoever has done the last shard of a stage begins the next at once.
      let next = work.stage(knowing: try await jobs.done(of: job.id))
      guard next.lowerBound > stage.lowerBound, worker.queue.withLock({ $0.isOpen }) else { return worker }
    }
  }

  /// Does what can be had of a stage.
  /// - Throws: `Interrupted` when the job is to be left, `Yielded` when it is to be gone on with later.
  private func compute(
    _ stage: Range<Int>, of job: Job, _ work: any ShardedWork, _ known: Set<Int>, as maker: String
  ) async throws -> Worker {
    let all = stage.lowerBound == 0 ? [:] : try await jobs.shards(of: job.id)
    let earlier = all.filter { $0.key < stage.lowerBound }
    let spent = Double(try await jobs.job(job.id).spentMilliseconds) / 1000
    let queue = Mutexed(
      ShardQueue(Array(0..<work.shardCount), done: known, budget: work.budget, spent: spent, threads: threads))
    let worker = worker(for: job, work, stage, earlier, queue, as: maker)
    let ends = await withTaskGroup(of: Worker.End.self) { group in
      // With a budget the time is kept as it passes, for a process that is killed in the middle of a shard.
      let clock = Task { await self.keepTime(of: job.id, queue, work.budget) }
      for _ in 0..<min(threads, max(stage.count { !known.contains($0) }, 1)) { group.addTask { await worker.run() } }
      let ends = await group.reduce(into: []) { $0.append($1) }
      clock.cancel()
      return ends
    }
    if let failure = queue.withLock({ $0.failure }) { throw failure }
    if isStopped(job.id) { throw Interrupted() }
    if ends.contains(.yielded), queue.withLock({ $0.isOpen && !$0.isComplete }) {
      if work.budget != nil {
        try await jobs.setSpent(milliseconds: Int64(queue.withLock { $0.spent } * 1000), of: job.id)
      }
      throw Yielded()
    }
    return worker
  }

  /// Where shards of a job are claimed, and jobs are watched.
  private func board(_ maker: String) -> LocalBoard { LocalBoard(jobs: jobs, watchers: watchers, maker: maker) }

  private func worker(
    for job: Job, _ work: any ShardedWork, _ stage: Range<Int>, _ earlier: [Int: [UInt8]],
    _ queue: Mutexed<ShardQueue<Int>>, as maker: String
  ) -> Worker {
    Worker(
      job: job.id, work: work, stage: stage, earlier: earlier, board: board(maker), owner: Self.owner, lease: lease,
      pool: pool, queue: queue, held: held,
      isStopped: { [self] in isStopped(job.id) }, isToYield: { [self] in isToYield(job.id) }, turns: turns,
      giveWay: giveWay,
      progressed: { [watchers] in watchers.tell(job.id, .progress($0)) },
      diverged: { [jobs, note] claim, result in
        if let known = try? await jobs.shards(of: claim.job)[claim.shard], work.isSame(known, result) { return }
        note(.diverged(id: claim.job, shard: claim.shard))
        try? await jobs.diverged(result, for: claim.shard, of: claim.job)
      })
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
