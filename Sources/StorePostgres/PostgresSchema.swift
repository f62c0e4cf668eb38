import DitherBasics
import DitherStore

/// The records' tables in a schema `dither` of their own, beside whatever else the database holds.
enum PostgresSchema {
  /// How a database of an earlier release is met.
  enum Upgrade: Sendable {
    /// Other servers may be using it as it is: it is refused.
    case never
    case ifNeeded
  }

  /// One server at a time looks and makes.
  private static let lock = 0x4469_7468

  private static let start = """
    CREATE SCHEMA dither;
    CREATE TABLE dither.schema_steps (name TEXT COLLATE "C" PRIMARY KEY);
    CREATE FUNCTION dither.now_ms() RETURNS BIGINT LANGUAGE SQL VOLATILE
      AS 'SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)';
    """

  /// Makes the tables where there are none, in one transaction: all of them, or nothing.
  /// - Returns: the steps that were taken.
  /// - Throws: `.newer` and `.older` for tables of another release, `.badPlace` for what is not ours.
  @discardableResult
  static func open(_ line: PostgresLine, _ upgrade: Upgrade) throws(StoreError) -> [String] {
    let address = line.address
    return try line.transact(.making) { db in
      guard let session = db as? PostgresSession else { return [] }
      let steps = SqlSchema.steps, names = steps.map(\.name)
      let done = try known(session, at: address)
      if let done {
        let later = done.subtracting(names).sorted()
        guard later.isEmpty else {
          throw StoreError(
            .newer, at: "\(address)", expected: "tables of up to '\(names.last ?? "")'",
            got: "some with '\(later.joined(separator: "', '").clipped())'",
            advice: "start the release that made them, or restore a copy from before")
        }
      } else {
        try session.all(start)
      }
      let missing = steps.filter { done?.contains($0.name) != true }
      guard done == nil || missing.isEmpty || upgrade == .ifNeeded else {
        throw StoreError(
          .older, at: "\(address)", expected: "tables with '\(names.last ?? "")'",
          got: "some of an earlier release, without '\(missing.map(\.name).joined(separator: "', '").clipped())'",
          advice: "stop the servers of that release, keep a copy (pg_dump), then run: dither database upgrade")
      }
      for step in missing {
        try session.all(db.dialect.schema(step.text))
        try db.run("INSERT INTO schema_steps (name) VALUES ($1)", [step.name])
      }
      return missing.map(\.name)
    }
  }

  /// - Returns: the steps that the database has seen; nil: there is nothing in it.
  private static func known(_ session: PostgresSession, at address: PostgresAddress) throws -> Set<String>? {
    try session.all("SELECT pg_advisory_xact_lock(\(lock))")
    let row = try session.row(
      """
      SELECT to_regclass('dither.schema_steps') IS NOT NULL AS is_ours,
        EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'dither') AS is_taken
      """)
    if try row?["is_ours"] == true {
      return Set(try session.rows("SELECT name FROM schema_steps").map { try $0["name"] as String })
    }
    guard try row?["is_taken"] != true else {
      throw StoreError(
        .badPlace, at: "\(address)", expected: "a schema 'dither' of our own, or none",
        got: "one that something else has made", advice: "take another database: createdb NAME")
    }
    return nil
  }
}
