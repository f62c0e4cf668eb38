import DitherStore

/// A kind of work whose shards are claimed, as an audit or a sweep: one file says how it is done, and one line in a
/// runner's list makes that runner do it.
public struct WorkKind: Sendable {
  /// Makes a job's work from its record, opening what it needs; its shards may keep how far they have come.
  public typealias Prepare = @Sendable (Job, ShardProgress) async throws -> any ShardedWork

  /// As its jobs have it: "audit".
  public let name: String
  /// The program and its way of computing: a job's results are all of one.
  let maker: String
  private let prepare: Prepare

  /// - Parameters:
  ///   - name: as its jobs have it.
  ///   - maker: the program and its way of computing.
  ///   - prepare: makes a job's work from its record.
  public init(_ name: String, maker: String = "", prepare: @escaping Prepare) {
    (self.name, self.maker, self.prepare) = (name, maker, prepare)
  }

  /// A kind whose shards are short: what one has come to is lost with its worker.
  public init(
    _ name: String, maker: String = "", prepare: @escaping @Sendable (Job) async throws -> any ShardedWork
  ) {
    self.init(name, maker: maker) { job, _ in try await prepare(job) }
  }

  func work(of job: Job, in jobs: any JobRecords) async throws -> any ShardedWork {
    try await prepare(job, ShardProgress(of: job.id, by: maker, in: jobs))
  }
}
