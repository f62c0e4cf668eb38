import DitherBasics
import DitherStore
import DitherStorePostgres
import DitherTestSupport
import Foundation
import Testing

/// What a server does with a database that it cannot use: it says so at once, with the remedy, and changes nothing.
@Suite("PostgreSQL databases that are refused", .enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct PostgresAccessTests {
  /// A database of its own.
  private func fresh() throws -> (server: PostgresServer, name: String) {
    let server = try PostgresServer.shared.get()
    let name = "a" + UUID().uuidString.lowercased().replacing("-", with: "")
    try server.makeDatabase(name)
    return (server, name)
  }

  private func open(_ address: String) async throws -> PostgresStore {
    let scratch = try Scratch()
    return try await PostgresStore.open(PostgresAddress(address), directory: scratch.path)
  }

  @Test(
    "an address that is none, without its password in the message",
    arguments: [
      "mysql://me:secret@host/name", "host=/tmp dbname=x password=secret", "postgresql://me:secret@[::1/name",
      "postgresql://me:secret@host:port/name", "postgresql://me:secret@host/name?nothing=1",
      "postgresql://me:se%zzcret@h/n",
    ])
  func address(_ text: String) {
    #expect { _ = try PostgresAddress(text) } throws: {
      isFault($0, .badPlace, "postgresql://USER@HOST") && !"\($0)".contains("cret")
    }
  }

  @Test("what an address names is shown, and its password is not")
  func shown() throws {
    let address = try PostgresAddress("postgresql://me:secret@db1:5433,db2/models?target_session_attrs=read-write")
    #expect(address.description.contains("'models' on db1,db2"))
    #expect(!"\(address)".contains("secret"))
  }

  @Test func aWrongPassword() async throws {
    let (server, name) = try fresh()
    await #expect { _ = try await open(server.address(name, user: "locked", password: "wrong")) } throws: {
      isFault($0, .badPlace, "PGPASSWORD") && !"\($0)".contains("wrong ")
    }
    // The right one is let in, and may not make tables in a database that is not his.
    await #expect { _ = try await open(server.address(name, user: "locked", password: "right")) } throws: {
      isFault($0, .badPlace, "grant")
    }
    #expect(try server.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'dither'", in: name) == "0")
  }

  @Test("nobody there, no such database", arguments: ["nowhere", "absent"])
  func absent(_ what: String) async throws {
    let server = try PostgresServer.shared.get(), scratch = try Scratch()
    let address = what == "absent" ? server.address("absent") : "postgresql:///x?host=\(scratch.path)&user=postgres"
    await #expect { _ = try await open(address) } throws: { isFault($0, .away, "psql") }
  }

  @Test("of several hosts the one that is there is taken")
  func severalHosts() async throws {
    let (server, name) = try fresh(), scratch = try Scratch()
    let store = try await open(server.address(name).replacing("host=", with: "host=\(scratch.path),"))
    #expect(try await store.models.all().isEmpty)
  }

  @Test("tables of a later release are refused and not touched")
  func newer() async throws {
    let (server, name) = try fresh()
    _ = try await open(server.address(name))
    try server.sql("INSERT INTO dither.schema_steps VALUES ('99 of the future')", in: name)
    await #expect { _ = try await open(server.address(name)) } throws: { isFault($0, .newer, "99 of the future") }
    await #expect { _ = try await PostgresStore.upgrade(PostgresAddress(server.address(name))) } throws: {
      isFault($0, .newer)
    }
    try server.sql("DELETE FROM dither.schema_steps WHERE name LIKE '99%'", in: name)
    #expect(try await open(server.address(name)).models.all().isEmpty)
  }

  @Test("tables of an earlier release are refused until they are asked to be upgraded")
  func older() async throws {
    let (server, name) = try fresh(), last = "6 what servers have in common"
    _ = try await open(server.address(name))
    try server.sql(
      """
      DELETE FROM dither.schema_steps WHERE CAST(split_part(name, ' ', 1) AS INT) >= 6;
      DROP TABLE dither.common, dither.replicas, dither.trail, dither.revisions, dither.signatures, dither.rollouts,
        dither.job_progress;
      ALTER TABLE dither.versions DROP removed_by, DROP kept_until_ms;
      ALTER TABLE dither.jobs DROP maker, DROP alive_ms, DROP divergence;
      ALTER TABLE dither.job_shards DROP maker; DROP INDEX dither.jobs_to_do;
      ALTER TABLE dither.tokens DROP models, DROP calls_per_second, DROP samples_per_second, DROP issued_ms,
        DROP expires_ms, DROP previous_hash, DROP previous_until_ms
      """, in: name)
    await #expect { _ = try await open(server.address(name)) } throws: { isFault($0, .older, "database upgrade") }
    #expect(try server.sql("SELECT to_regclass('dither.common') IS NULL", in: name) == "t")
    let steps = try await PostgresStore.upgrade(PostgresAddress(server.address(name)))
    #expect(steps.first == last)
    #expect(try await PostgresStore.upgrade(PostgresAddress(server.address(name))).isEmpty)
    #expect(try await open(server.address(name)).common("a", [1]) == [1])
  }

  @Test("a schema that something else made is left alone")
  func foreign() async throws {
    let (server, name) = try fresh()
    try server.sql("CREATE SCHEMA dither; CREATE TABLE dither.models (id INT)", in: name)
    await #expect { _ = try await open(server.address(name)) } throws: { isFault($0, .badPlace, "another database") }
    #expect(try server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'dither'", in: name) == "1")
  }

  @Test("servers that start together on an empty database make it once")
  func together() async throws {
    let (server, name) = try fresh()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<6 {
        group.addTask {
          let store = try await self.open(server.address(name))
          _ = try await store.models.all()
        }
      }
      try await group.waitForAll()
    }
    // What one has proposed, all have.
    let (one, other) = (try await open(server.address(name)), try await open(server.address(name)))
    #expect(try await one.common("key", [1, 2]) == [1, 2])
    #expect(try await other.common("key", [3]) == [1, 2])
  }
}
