import DitherBasics

/// The users of a store, in a table.
package struct SqlReplicas: ReplicaRecords {
  private let database: any SqlDatabase
  package init(_ database: any SqlDatabase) { self.database = database }

  package func beat(_ replica: Replica, for lease: Duration) async throws(StoreError) {
    try await database.write(.journal) { db in
      try db.run(
        """
        INSERT INTO replicas (id, kind, code, compute_class, seen, started_ms, heard_ms, live_until_ms)
        VALUES ($1, $2, $3, $4, $5, $6, now_ms(), now_ms() + $7)
        ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, code = excluded.code,
          compute_class = excluded.compute_class, seen = excluded.seen, started_ms = excluded.started_ms,
          heard_ms = excluded.heard_ms, live_until_ms = excluded.live_until_ms
        """,
        [
          replica.id, replica.kind.rawValue, replica.code, replica.computeClass, replica.seen,
          replica.startedMilliseconds, lease.milliseconds,
        ])
    }
  }

  package func live() async throws(StoreError) -> [Replica] {
    try await database.read { db in
      let newest = try ChangeLog.newest(db)
      return try db.rows(
        "SELECT *, now_ms() - heard_ms AS silent_ms FROM replicas WHERE live_until_ms > now_ms() ORDER BY id"
      ).map { row in
        let kind: String = try row["kind"]
        var replica = Replica(
          id: try row["id"], kind: Replica.Kind(rawValue: kind) ?? .worker, code: try row["code"],
          computeClass: try row["compute_class"], seen: try row["seen"])
        replica.startedMilliseconds = try row["started_ms"]
        replica.behind = max(0, newest - replica.seen)
        replica.silentMilliseconds = max(0, try row["silent_ms"])
        return replica
      }
    }
  }

  package func leave(_ id: String) async throws(StoreError) {
    try await database.write(.journal) { db in try db.run("DELETE FROM replicas WHERE id = $1", [id]) }
  }

  package func forget(silentFor seconds: Double) async throws(StoreError) {
    try await database.write(.journal) { db in
      try db.run("DELETE FROM replicas WHERE live_until_ms <= now_ms() - $1", [Int64(seconds * 1000)])
    }
  }
}
