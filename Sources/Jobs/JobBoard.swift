import DitherStore

/// Where workers find shards, and where what becomes of a job is heard. Workers may be threads of one server, or
/// processes that share a store.
public protocol JobBoard: Sendable {
  /// The right to do the first of some shards that nobody does, until the lease ends.
  /// - Returns: nil where each is done, or somebody else's.
  func claim(
    _ shards: ClosedRange<Int>, of job: String, by owner: String, for lease: Duration
  ) async throws(StoreError) -> ShardClaim?
  /// - Returns: whether the claim stands. Where it does not, another has the shard, or the job has ended.
  func renew(_ claim: ShardClaim, for lease: Duration) async throws(StoreError) -> Bool
  /// Brings a result, also after the lease has ended: the first one stays.
  @discardableResult
  func finish(_ claim: ShardClaim, with result: [UInt8]) async throws(StoreError) -> ShardOutcome
  /// Gives a shard back undone.
  func release(_ claim: ShardClaim) async throws(StoreError)
  /// A job from where it stands: its state, its progress, and at the end its report. A slow watcher misses progress,
  /// never the end.
  func events(of job: String) async throws(StoreError) -> AsyncStream<JobEvent>
}

/// News of a job, as its watchers hear it.
public enum JobEvent: Sendable {
  case state(Job)
  case progress(JobProgress)
  case report(json: [UInt8], html: [UInt8])
}

/// How far a job has come.
public struct JobProgress: Sendable, Equatable {
  public var job: String
  public var title: String
  /// Shards that are in the journal.
  public var done: Int
  public var shards: Int
  /// An estimate; nil when there is none yet.
  public var secondsLeft: Double?
}

/// A server's board: shards in the store, which others may share, events in its memory.
struct LocalBoard: JobBoard {
  let jobs: any JobRecords
  let watchers: JobWatchers
  /// The program and its way of computing.
  let maker: String

  func claim(
    _ shards: ClosedRange<Int>, of job: String, by owner: String, for lease: Duration
  ) async throws(StoreError) -> ShardClaim? {
    try await jobs.claim(shards, of: job, by: owner, for: lease)
  }

  func renew(_ claim: ShardClaim, for lease: Duration) async throws(StoreError) -> Bool {
    try await jobs.renew(claim, for: lease)
  }

  @discardableResult
  func finish(_ claim: ShardClaim, with result: [UInt8]) async throws(StoreError) -> ShardOutcome {
    try await jobs.put(result, for: claim.shard, of: claim.job, by: maker)
  }

  func release(_ claim: ShardClaim) async throws(StoreError) { try await jobs.release(claim) }

  func events(of id: String) async throws(StoreError) -> AsyncStream<JobEvent> {
    let watcher = watchers.add(to: id)
    do throws(StoreError) {
      // Read after the watcher is in the list: an end in between is told by one of the two, or both.
      let job = try await jobs.job(id)
      let report = job.state == .done ? try await jobs.report(id) : nil
      watchers.begin(watcher, of: job, report)
    } catch {
      watcher.continuation.finish()
      throw error
    }
    return watcher.stream
  }
}
