import DitherBasics
import DitherStore
import DitherStorePostgres
import DitherTestSupport
import Foundation
import Testing

/// What a database does to its servers: connections that are cut, silence, restarts.
@Suite(
  "PostgreSQL databases that fail", .serialized,
  .enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct PostgresFaultTests {
  private func store(
    _ server: PostgresServer, _ name: String, _ change: (inout PostgresStore.Options) -> Void = { _ in }
  ) async throws -> PostgresStore {
    try server.makeDatabase(name)
    let scratch = try Scratch()
    var options = PostgresStore.Options()
    change(&options)
    return try await PostgresStore.open(
      PostgresAddress(server.address(name)), directory: scratch.path, options: options)
  }

  /// Until it is so.
  private func eventually(within limit: Duration = .seconds(20), _ isSo: () async throws -> Bool) async throws {
    let start = ContinuousClock.now
    while try await !isSo() {
      try #require(ContinuousClock.now - start < limit)
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test("a connection that was cut is made again, and what was asked is done once")
  func cut() async throws {
    let server = try PostgresServer.shared.get(), store = try await store(server, "cut")
    for round in 1...5 {
      try server.cutConnections(to: "cut")
      let published = try await store.models.publish(model("net", "\(round)"), aliases: ["best"], by: "")
      #expect(published.version.version == Int64(round) && !published.existed)
      try server.cutConnections(to: "cut")
      #expect(try await store.models.all().count == round)
    }
    #expect(try await store.models.history(of: "best", name: "net").map(\.version) == [5, 4, 3, 2, 1])
  }

  @Test("a connection that is cut while a transaction ends: it is asked how it ended")
  func cutAtTheEnd() async throws {
    let server = try PostgresServer.shared.get(), store = try await store(server, "cut_at_the_end")
    // The first two commits end their own connection.
    try server.sql(
      """
      CREATE SEQUENCE dither.ends;
      CREATE FUNCTION dither.end_it() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('dither.ends') <= 2 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END IF;
        RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON dither.versions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION dither.end_it();
      """, in: "cut_at_the_end")
    let published = try await store.models.publish(model("net", "a"), aliases: ["best"], by: "")
    #expect(published.version.version == 1 && !published.existed)
    #expect(try await store.models.history(of: "best", name: "net").map(\.version) == [1])
    #expect(try server.sql("SELECT last_value FROM dither.ends", in: "cut_at_the_end") == "3")
  }

  @Test("a server that goes silent counts as lost after the patience; tokens that are known stay so")
  func silent() async throws {
    let server = try PostgresServer(), store = try await store(server, "silent") { $0.patience = .milliseconds(500) }
    let secret = try await store.tokens.create("app", roles: ["predict"])
    let known = try #require(try store.tokens.live(since: nil))
    server.freeze()
    let start = ContinuousClock.now
    await #expect { _ = try await store.models.all() } throws: { error in
      isFault(error, .away) && (error as? StoreError)?.retryAfterMilliseconds != nil
    }
    // One patience, and one attempt to connect anew.
    #expect(ContinuousClock.now - start < .seconds(8))
    // Others do not wait behind it.
    let again = ContinuousClock.now
    await #expect { _ = try await store.models.all() } throws: { isFault($0, .away) }
    #expect(ContinuousClock.now - again < .seconds(8))
    try await eventually {
      do { return try store.tokens.live(since: nil) == nil } catch { return isFault(error, .away) }
    }
    server.thaw()
    try await eventually { (try? await store.models.all()) != nil }
    try await eventually { (try? store.tokens.live(since: nil)?.token(of: secret)) != nil }
    #expect(known.token(of: secret)?.name == "app")
  }

  @Test("eight writers while the server crashes and comes back: what was acknowledged is there, once and in order")
  func crashes() async throws {
    let server = try PostgresServer()
    let stores = [try await store(server, "crashes"), try await store(server, "crashes")]
    let acknowledged = try await withThrowingTaskGroup(of: [String: Int64].self) { group in
      for writer in 0..<8 {
        group.addTask {
          var mine: [String: Int64] = [:]
          for round in 0..<6 {
            let content = "\(writer) \(round)", name = "net\(round % 3)"
            while mine[content] == nil {
              do {
                let done = try await stores[writer % 2].models.publish(model(name, content), aliases: ["best"], by: "")
                mine[content] = done.version.version
              } catch let error as StoreError where error.code == .away {
                try await Task.sleep(for: .milliseconds(100))
              }
            }
          }
          return mine
        }
      }
      group.addTask {
        for _ in 0..<2 {
          try await Task.sleep(for: .milliseconds(300))
          try server.end(.immediately)
          try server.start()
        }
        return [:]
      }
      return try await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
    }
    #expect(acknowledged.count == 48)
    let all = try await stores[0].models.all()
    #expect(all.count == 48)
    for name in ["net0", "net1", "net2"] {
      let versions = all.filter { $0.name == name }
      #expect(versions.map(\.version) == (1...16).reversed().map { Int64($0) }, "\(name)")
      let history = try await stores[0].models.history(of: "best", name: name)
      #expect(versions.first { $0.aliases == ["best"] }?.version == history.first?.version, "\(name)")
    }
    for version in all { #expect(acknowledged.values.contains(version.version)) }
  }

  @Test("what one server changes others see, whether they are told or not", arguments: [true, false])
  func followed(_ listens: Bool) async throws {
    let server = try PostgresServer.shared.get(), name = listens ? "told" : "untold"
    let one = try await store(server, name) { $0.listens = listens }
    let other = try await store(server, name) { $0.listens = listens }
    _ = try await one.models.publish(model("net", "a"), aliases: [], by: "")
    let before = try await other.changes(since: 0).newest
    var delays: [Duration] = []
    for round in 0..<(listens ? 10 : 1) {
      let seen = try await other.changes(since: before).newest
      let waiter = Task {
        while try await other.changes(since: seen).newest == seen { await other.news(since: seen) }
        return ContinuousClock.now
      }
      try await Task.sleep(for: .milliseconds(50))
      let start = ContinuousClock.now
      _ = try await one.models.setAlias("a\(round)", of: "net", to: 1, by: "")
      delays.append(try await waiter.value - start)
    }
    // Generous: the machine may be busy.
    #expect(delays.sorted()[delays.count / 2] < (listens ? .seconds(1) : .seconds(4)), "\(delays)")
    // Tokens too, for those who cannot wait.
    let secret = try await one.tokens.create("app", roles: ["predict"])
    try await eventually { try other.tokens.live(since: nil)?.token(of: secret)?.roles == ["predict"] }
    try await one.tokens.revoke("app")
    try await eventually { try other.tokens.live(since: nil)?.token(of: secret) == nil }
  }
}
