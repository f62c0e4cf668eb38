import DitherStore

/// A kind of work whose shards are claimed, as an audit or a sweep: one file says how it is done, and one line in a
/// runner's list makes that runner do it.
public struct WorkKind: Sendable {
  /// Makes a job's work from its record, opening what it needs.
  public typealias Prepare = @Sendable (Job) async throws -> any ShardedWork

  /// As its jobs have it: "audit".
  public let name: String
  /// The program and its way of computing: a job's results are all of one.
  let maker: String
  let prepare: Prepare

  /// - Parameters:
  ///   - name: as its jobs have it.
  ///   - maker: the program and its way of computing.
  ///   - prepare: makes a job's work from its record.
  public init(_ name: String, maker: String = "", prepare: @escaping Prepare) {
    (self.name, self.maker, self.prepare) = (name, maker, prepare)
  }
}
