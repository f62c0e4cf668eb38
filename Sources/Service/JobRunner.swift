import DitherBasics
import DitherStore
import Foundation
import Logging
import Synchronization

/// Work that is done in shards, each a function of its number only: a shard that was journalled is never done again.
package protocol ShardedWork: Sendable {
  var shardCount: Int { get }
  /// What a shard belongs to, for progress.
  func title(of shard: Int) -> String
  /// - Parameters:
  ///   - time: what is left of the budget; when it is over the work ends, with what it has found or by throwing a cancellation.
  ///   - isStopped: asked now and then; the work ends early when it is true, by throwing.
  func run(shard: Int, within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool) throws -> [UInt8]
  /// Seconds that its shards may take in all; nil: no bound. What is not done by then is left out.
  var budget: Double? { get }
  /// - Parameter results: of all shards, in order; with a budget, of those that were done, if any.
  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8])
}

/// What a watcher of a job hears.
package enum JobEvent: Sendable {
  case state(Job)
  case progress(JobProgress)
  case report(json: [UInt8], html: [UInt8])
}

package struct JobProgress: Sendable, Equatable {
  package var job: String
  package var title: String
  package var done: Int
  package var shards: Int
  /// An estimate; nil when there is none yet.
  package var secondsLeft: Double?
}

/// Does jobs, one at a time, its shards on several threads of low priority which give way to predictions.
///
/// Every result is in the store before it is spoken of, so that a job that was interrupted goes on at the next start and
/// ends with the report that it would have had.
package final class JobRunner: Sendable {
  package typealias Prepare = @Sendable (Job) throws -> any ShardedWork

  private struct State {
    var queue: [String] = []
    var isWorking = false
    var isStopped = false
    var cancelled: Set<String> = []
    var watchers: [String: [Int: AsyncStream<JobEvent>.Continuation]] = [:]
    var nextWatcher = 0
    var progress: [String: JobProgress] = [:]
  }

  private let kind: String
  private let jobs: JobStore
  private let threads: Int
  private let prepare: Prepare
  private let isBusy: @Sendable () -> Bool
  private let patience: Duration
  private let log: Logger
  private let state = Mutex(State())
  private let pool: ComputePool

  private static let niceness: Int32 = 10

  /// - Parameters:
  ///   - patience: how long a shard waits at most for predictions to end.
  ///   - isBusy: whether predictions wait or run.
  ///   - prepare: makes a job's work from its spec.
  package init(
    kind: String, jobs: JobStore, threads: Int, log: Logger, patience: Duration = .milliseconds(500),
    isBusy: @escaping @Sendable () -> Bool, prepare: @escaping Prepare
  ) {
    self.kind = kind
    self.jobs = jobs
    self.threads = threads
    self.prepare = prepare
    self.isBusy = isBusy
    self.patience = patience
    self.log = log
    // One more: the thread that leads a job waits for those that do its shards.
    pool = ComputePool(kind, threads: threads + 1, niceness: Self.niceness)
  }

  /// Goes on with what an earlier process left.
  package func resume() throws {
    for job in try jobs.unfinished(kind: kind) {
      log.info("going on", metadata: ["job": "\(job.id)", "subject": "\(job.subject)"])
      enqueue(job.id)
    }
  }

  /// Takes a job that is in the store.
  package func enqueue(_ id: String) {
    let starts = state.withLock { state in
      state.queue.append(id)
      defer { state.isWorking = true }
      return !state.isWorking
    }
    if starts { pool.submit { [self] in work() } }
  }

  var queued: Int { state.withLock { $0.queue.count } }

  /// Ends what runs after its shards in flight; jobs stay as they are, for the next start.
  package func stop() {
    let watchers = state.withLock { state in
      state.isStopped = true
      defer { state.watchers = [:] }
      return state.watchers.values.flatMap(\.values)
    }
    for watcher in watchers { watcher.finish() }
  }

  /// - Returns: the job as it then is: a job that had ended stays as it ended.
  package func cancel(_ id: String, by author: String) throws -> Job {
    let message = author.isEmpty ? "cancelled" : "cancelled by \(author)"
    let changed = try jobs.setState(.cancelled, of: id, message: message)
    let job = try jobs.job(id)
    if changed {
      state.withLock { state in
        if let place = state.queue.firstIndex(of: id) {
          state.queue.remove(at: place)
        } else {
          state.cancelled.insert(id)
        }
      }
      end(job)
    }
    return job
  }

  /// The job from where it stands: its state, its progress, and at the end its report. A slow watcher misses progress,
  /// never the end.
  package func watch(_ id: String) throws -> AsyncStream<JobEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: JobEvent.self, bufferingPolicy: .bufferingNewest(64))
    let (number, progress, isStopped) = state.withLock { state in
      state.nextWatcher += 1
      state.watchers[id, default: [:]][state.nextWatcher] = continuation
      return (state.nextWatcher, state.progress[id], state.isStopped)
    }
    continuation.onTermination = { [weak self] _ in self?.forget(number, of: id) }
    do {
      // Read after the watcher is in the list: an end in between is told by one of the two, or both.
      let job = try jobs.job(id)
      continuation.yield(.state(job))
      if let progress, !job.state.isFinal { continuation.yield(.progress(progress)) }
      if job.state == .done, let report = try jobs.report(id) {
        continuation.yield(.report(json: report.json, html: report.html))
      }
      if job.state.isFinal || isStopped { continuation.finish() }
    } catch {
      continuation.finish()
      throw error
    }
    return stream
  }

  private func forget(_ number: Int, of id: String) {
    state.withLock { state in
      state.watchers[id]?[number] = nil
      if state.watchers[id]?.isEmpty == true { state.watchers[id] = nil }
    }
  }

  private func tell(_ id: String, _ event: JobEvent) {
    let watchers = state.withLock { state in
      if case .progress(let progress) = event { state.progress[id] = progress }
      return state.watchers[id].map { Array($0.values) } ?? []
    }
    for watcher in watchers { watcher.yield(event) }
  }

  private func end(_ job: Job, _ report: (json: [UInt8], html: [UInt8])? = nil) {
    let watchers = state.withLock { state in
      state.progress[job.id] = nil
      return state.watchers.removeValue(forKey: job.id).map { Array($0.values) } ?? []
    }
    for watcher in watchers {
      watcher.yield(.state(job))
      if let report { watcher.yield(.report(json: report.json, html: report.html)) }
      watcher.finish()
    }
  }

  // MARK: on the threads of low priority

  private func work() {
    while let id = next() {
      do {
        try run(id)
      } catch is Interrupted {
        continue
      } catch {
        fail(id, error)
      }
    }
  }

  private func next() -> String? {
    state.withLock { state in
      if state.queue.isEmpty || state.isStopped {
        state.isWorking = false
        return nil
      }
      return state.queue.removeFirst()
    }
  }

  private func isStopped(_ id: String) -> Bool {
    state.withLock { $0.isStopped || $0.cancelled.contains(id) }
  }

  private struct Interrupted: Error {}

  private func run(_ id: String) throws {
    guard try jobs.setState(.running, of: id) else {
      state.withLock { _ = $0.cancelled.remove(id) }
      return
    }
    let job = try jobs.job(id)
    tell(id, .state(job))
    let work = try prepare(job)
    let shards = try ShardResults(
      count: work.shardCount, known: jobs.shards(of: id), spent: job.spentMilliseconds, budget: work.budget,
      threads: threads)
    let done = DispatchGroup()
    for _ in 0..<min(threads, max(shards.left, 1)) {
      done.enter()
      pool.submit { [self] in
        defer { done.leave() }
        doShards(of: job, work, shards)
      }
    }
    // With a budget the time is kept as it passes, for a process that is killed in the middle of a shard.
    while done.wait(timeout: .now() + 1) == .timedOut {
      if work.budget != nil { try? jobs.setSpent(milliseconds: shards.spent, of: id) }
    }
    let results = try shards.all()
    guard !isStopped(id), let results else {
      state.withLock { _ = $0.cancelled.remove(id) }
      throw Interrupted()
    }
    let report = try work.report(results)
    if try jobs.finish(id, json: report.json, html: report.html) {
      end(try jobs.job(id), report)
      log.info("done", metadata: ["job": "\(id)", "subject": "\(job.subject)"])
    }
  }

  private func doShards(of job: Job, _ work: any ShardedWork, _ shards: ShardResults) {
    let stopped: @Sendable () -> Bool = { self.isStopped(job.id) }
    while !stopped(), let shard = shards.take() {
      giveWay()
      do {
        let result = try work.run(shard: shard, within: shards.time, isStopped: stopped)
        try jobs.append(shard: shard, result, to: job.id)
        let (done, secondsLeft) = shards.put(result, for: shard)
        tell(
          job.id,
          .progress(
            JobProgress(
              job: job.id, title: work.title(of: shard), done: done, shards: work.shardCount, secondsLeft: secondsLeft))
        )
      } catch {
        // What was stopped, or ran out of time, has thrown because of it: the job is not broken.
        if !stopped(), !shards.time.isOver { shards.fail(error) }
      }
    }
  }

  private func giveWay() {
    let start = ContinuousClock.now
    while isBusy(), ContinuousClock.now - start < patience { usleep(1000) }
  }

  private func fail(_ id: String, _ error: any Error) {
    log.error("failed", metadata: ["job": "\(id)", "reason": "\(error)"])
    let message = "\(error)".clipped(to: 1000)
    do {
      if try jobs.setState(.failed, of: id, message: message) { end(try jobs.job(id)) }
    } catch {
      log.error("the state of a job could not be stored", metadata: ["job": "\(id)", "reason": "\(error)"])
      // Whoever watches is told all the same, and it is written down when there is room.
      if var job = try? jobs.job(id) {
        job.state = .failed
        job.message = message
        end(job)
      }
      later(.seconds(5)) { [weak self] in self?.settle(id, message) }
    }
  }

  private func settle(_ id: String, _ message: String) {
    guard !state.withLock({ $0.isStopped }) else { return }
    do {
      try jobs.setState(.failed, of: id, message: message)
    } catch {
      later(.seconds(5)) { [weak self] in self?.settle(id, message) }
    }
  }

  private func later(_ delay: DispatchTimeInterval, _ body: @escaping @Sendable () -> Void) {
    DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + delay, execute: body)
  }
}

/// The results of a job's shards as they come in.
private final class ShardResults: Sendable {
  private struct State {
    var results: [[UInt8]?]
    var next = 0
    var doneHere = 0
    var error: (any Error)?
  }
  private let state: Mutex<State>
  private let start = ContinuousClock.now
  private let spentBefore: Int64
  let time: TimeLeft

  /// - Parameter spent: milliseconds, by earlier processes.
  init(count: Int, known: [Int: [UInt8]], spent: Int64, budget: Double?, threads: Int) {
    spentBefore = spent
    time = TimeLeft(seconds: (budget ?? .infinity) - Double(spent) / 1000, threads: threads)
    state = Mutex(State(results: (0..<count).map { known[$0] }))
  }

  /// Milliseconds, by all processes together.
  var spent: Int64 { spentBefore + Int64((ContinuousClock.now - start).seconds * 1000) }

  var left: Int { state.withLock { $0.results.count(where: { $0 == nil }) } }

  /// The next shard to do; nil when none is left, or one has failed.
  func take() -> Int? {
    state.withLock { state in
      guard state.error == nil, !time.isOver else { return nil }
      while state.next < state.results.count {
        state.next += 1
        if state.results[state.next - 1] == nil { return state.next - 1 }
      }
      return nil
    }
  }

  /// - Returns: how many are done, and an estimate of the seconds that are left.
  func put(_ result: [UInt8], for shard: Int) -> (done: Int, secondsLeft: Double?) {
    state.withLock { state in
      state.results[shard] = result
      state.doneHere += 1
      let left = state.results.count(where: { $0 == nil })
      let pace = (ContinuousClock.now - start).seconds / Double(state.doneHere)
      return (state.results.count - left, pace * Double(left))
    }
  }

  func fail(_ error: any Error) { state.withLock { $0.error = $0.error ?? error } }

  /// - Returns: nil while one is missing, unless the time is over.
  func all() throws -> [[UInt8]]? {
    try state.withLock { state in
      if let error = state.error { throw error }
      let whole = state.results.compactMap { $0 }
      return whole.count == state.results.count || time.isOver ? whole : nil
    }
  }
}
