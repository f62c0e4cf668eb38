import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import GRDB
import Testing

/// What a server does with a state directory that is not as it left it.
@Suite struct DatabaseFileTests {
  private static let contents = ["a", "b", "c"]

  /// Three published versions and their files.
  private func filled(_ scratch: Scratch) async throws {
    let store = try SqliteStore(directory: scratch.path)
    for content in Self.contents { try await publish(content, in: store) }
  }

  private func publish(_ content: String, in store: SqliteStore) async throws {
    let blob = try await store.blobs.insert(Array(content.utf8))
    let model = NewModel(
      name: "net", blob: blob, bytes: content.utf8.count, card: "{}", signature: "{}", noise: "", defaultSamples: 0)
    _ = try await store.models.publish(model, aliases: [], by: "")
  }

  @Test("a place where no folder can be made is the user's fault, with the remedy")
  func noFolder() {
    let error = #expect(throws: StoreError.self) { try SqliteStore(directory: "/dev/null/state") }
    #expect(
      error?.code == .badPlace && error?.category == .failedPrecondition && error?.advice?.contains("state") == true)
  }

  @Test("of many that come to an empty folder at once each opens the database")
  func opened() async throws {
    let scratch = try Scratch()
    for round in 0..<5 {
      let folder = scratch.file("state\(round)")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<6 {
          group.addTask {
            let store = try SqliteStore(directory: folder, use: .tool)
            #expect(try await store.jobs.create(job("\(number)")))
          }
        }
        try await group.waitForAll()
      }
      let jobs = try SqliteStore(directory: folder, use: .tool).jobs
      #expect(try await jobs.unfinished(kind: "audit").count == 6)
    }
  }

  /// A store that was here before may be let go of a moment later, by the thread that did its last work.
  private func reopened(_ scratch: Scratch) async throws -> SqliteStore {
    for _ in 0..<100 {
      if let store = try? SqliteStore(directory: scratch.path) { return store }
      try await Task.sleep(for: .milliseconds(20))
    }
    return try SqliteStore(directory: scratch.path)
  }

  private func sqlite(_ scratch: Scratch, _ sql: String) throws {
    try DatabaseQueue(path: scratch.file("dither.sqlite")).write { try $0.execute(sql: sql) }
  }

  private func sqlite(_ scratch: Scratch, _ sql: String, outside: Bool) throws {
    try DatabaseQueue(path: scratch.file("dither.sqlite")).writeWithoutTransaction { try $0.execute(sql: sql) }
  }

  private func removeDatabase(_ scratch: Scratch) {
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: scratch.file("dither.sqlite\(suffix)"))
    }
  }

  enum Replacement: CaseIterable { case absent, empty, older, anothers }

  private let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

  @Test func aChangedFileIsNotServed() async throws {
    let scratch = try Scratch()
    let store = try SqliteStore(directory: scratch.path)
    let blob = try await store.blobs.insert(bytes)
    let path = scratch.path + "/" + (try #require(scratch.files.first))
    try Data([1, 2, 3]).write(to: URL(filePath: path))
    await #expect { try await store.blobs.read(blob) } throws: { ($0 as? StoreError)?.code == .corrupt }
  }

  @Test func orphansGoByTheirAge() async throws {
    let scratch = try Scratch()
    do { try await SqliteStore(directory: scratch.path).blobs.insert(bytes) }
    try Data([1]).write(to: URL(filePath: scratch.path + "/uploads/left.tmp"))
    #expect(scratch.files.count == 2)
    let store = try SqliteStore(directory: scratch.path)
    #expect(scratch.files.count == 1)
    try await store.collectGarbage(olderThan: 86_400)
    #expect(scratch.files.count == 1)
    try await store.collectGarbage(olderThan: -1)
    #expect(scratch.files.isEmpty)
  }

  @Test func oneServerToADirectory() async throws {
    let scratch = try Scratch()
    let first = try SqliteStore(directory: scratch.path)
    #expect { _ = try SqliteStore(directory: scratch.path) } throws: { ($0 as? StoreError)?.code == .inUse }
    _ = try SqliteStore(directory: scratch.path, use: .tool)
    withExtendedLifetime(first) {}
  }

  @Test("whoever held a shard when the process ended was lost on it")
  func leasesEnd() async throws {
    let scratch = try Scratch()
    for lost in 0..<3 {
      let jobs = try SqliteStore(directory: scratch.path).jobs
      if lost == 0 { try await jobs.create(job("j")) }
      #expect(try await jobs.claim(shard: 0, of: "j", by: "me", for: .seconds(600))?.lost == lost)
    }
  }

  @Test("models' files outlive a database that does not know them", arguments: Replacement.allCases)
  func filesOutliveTheirDatabase(_ replacement: Replacement) async throws {
    let scratch = try Scratch(), other = try Scratch()
    if replacement == .older {
      do { try await publish("a", in: SqliteStore(directory: scratch.path)) }
      try sqlite(scratch, "VACUUM INTO '\(other.file("copy"))'", outside: true)
    }
    try await filled(scratch)
    removeDatabase(scratch)
    let database = URL(filePath: scratch.file("dither.sqlite"))
    switch replacement {
    case .absent: break
    case .empty: try Data().write(to: database)
    case .older: try FileManager.default.copyItem(atPath: other.file("copy"), toPath: database.path)
    case .anothers:
      do {
        let store = try SqliteStore(directory: other.path)
        _ = try await store.blobs.insert(Array("z".utf8))
      }
      try FileManager.default.copyItem(atPath: other.file("dither.sqlite"), toPath: database.path)
    }
    for _ in 0..<2 {
      let store = try await reopened(scratch)
      try await store.collectGarbage(olderThan: -1)
      #expect(scratch.files.count { $0.hasPrefix("blobs/") } == 3)
      #expect(try await store.unknownFiles() == (replacement == .older ? 2 : 3))
    }
  }

  @Test func aSchemaOfALaterProgramIsRefusedAndNotTouched() async throws {
    let scratch = try Scratch()
    try await filled(scratch)
    try sqlite(scratch, "INSERT INTO grdb_migrations VALUES ('99 of the future')")
    for use in [SqliteStore.Use.server, .tool] {
      #expect {
        _ = try SqliteStore(directory: scratch.path, use: use)
      } throws: {
        guard let error = $0 as? StoreError else { return false }
        return error.code == .newer && error.description.contains("99 of the future")
      }
    }
    #expect(scratch.files.count == 3)
    try sqlite(scratch, "DELETE FROM grdb_migrations WHERE identifier LIKE '99%'")
    #expect(try await SqliteStore(directory: scratch.path).models.all().count == 3)
  }

  @Test("a damaged file is refused, and the models' files stay", arguments: ["no database", "cut", "a page"])
  func damaged(_ how: String) async throws {
    let scratch = try Scratch()
    try await filled(scratch)
    try sqlite(scratch, "PRAGMA wal_checkpoint(TRUNCATE)", outside: true)
    let url = URL(filePath: scratch.file("dither.sqlite"))
    var bytes = try Data(contentsOf: url)
    for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: url.path + suffix) }
    switch how {
    case "cut": bytes = bytes.prefix(bytes.count / 2)
    case "a page": bytes.replaceSubrange(4096 * 4..<4096 * 5, with: Data(repeating: 0xA5, count: 4096))
    default: bytes = Data(repeating: 0x5A, count: 4096)
    }
    try bytes.write(to: url)
    #expect { _ = try SqliteStore(directory: scratch.path) } throws: { ($0 as? StoreError)?.code == .corrupt }
    #expect(scratch.files.count == 3)
  }

  @Test("the database is its owner's alone, whatever the directory's mode")
  func modes() async throws {
    let scratch = try Scratch()
    chmod(scratch.path, 0o755)
    _ = FileManager.default.createFile(atPath: scratch.file("dither.sqlite"), contents: nil)
    chmod(scratch.file("dither.sqlite"), 0o644)
    let store = try SqliteStore(directory: scratch.path)
    try await publish("a", in: store)
    for name in try FileManager.default.contentsOfDirectory(atPath: scratch.path) where name.hasPrefix("dither") {
      let mode = try FileManager.default.attributesOfItem(atPath: scratch.file(name))[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(name)")
    }
  }

  @Test func anOldFileIsBroughtUpToDate() async throws {
    let scratch = try Scratch()
    do { try OldFile.write(to: scratch.file("dither.sqlite")) }
    let store = try SqliteStore(directory: scratch.path)
    let all = try await store.models.all()
    #expect(all.map(\.reference) == ["net@1"] && all[0].aliases == ["best"] && all[0].createdBy == "ann")
    #expect(all[0].description.number == 0 && all[0].signatures.isEmpty && all[0].rollouts.isEmpty)
    #expect(try await store.models.removed().isEmpty)
    #expect(try await store.trail.entries(TrailQuery(), limit: 1).isEmpty)
    #expect(try await store.models.history(of: "best", name: "net").map(\.version) == [1])
    let token = try #require(try await store.tokens.list().first)
    #expect(token.name == "ci" && token.models.isEmpty && token.expiresMilliseconds == nil)
    #expect(token.issuedMilliseconds == 1000 && token.callsPerSecond == nil)
    #expect(try await store.jobs.shards(of: "j") == [0: [7]])
    #expect(try await store.jobs.unfinished(kind: "audit").map(\.id) == ["j"])
    #expect(try await store.jobs.claim(shard: 1, of: "j", by: "", for: .seconds(1))?.attempt == 1)
    // Its files are on record, so that they can be removed in time.
    #expect(try await store.unknownFiles() == 0)
    #expect(try await store.models.publish(all[0].model, aliases: [], by: "").existed)
  }
}

/// A database as the first release wrote it.
enum OldFile {
  static func write(to path: String) throws {
    let blob = String(repeating: "ab", count: 32)
    try DatabaseQueue(path: path).write { db in
      try db.execute(
        sql: """
          CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
          INSERT INTO grdb_migrations VALUES ('1 models, tokens, jobs');
          CREATE TABLE names (name TEXT PRIMARY KEY, next_version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
          CREATE TABLE versions (
            name TEXT NOT NULL REFERENCES names (name), version INTEGER NOT NULL, blob TEXT NOT NULL,
            bytes INTEGER NOT NULL, card TEXT NOT NULL, signature TEXT NOT NULL, noise TEXT NOT NULL,
            default_samples INTEGER NOT NULL, created_ms INTEGER NOT NULL, created_by TEXT NOT NULL,
            removed_ms INTEGER, PRIMARY KEY (name, version)) STRICT;
          CREATE UNIQUE INDEX versions_by_blob ON versions (name, blob) WHERE removed_ms IS NULL;
          CREATE TABLE aliases (
            name TEXT NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (name, alias),
            FOREIGN KEY (name, version) REFERENCES versions (name, version)) STRICT, WITHOUT ROWID;
          CREATE TABLE alias_history (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, alias TEXT NOT NULL, version INTEGER, set_ms INTEGER NOT NULL,
            set_by TEXT NOT NULL) STRICT;
          CREATE TABLE imports (file TEXT PRIMARY KEY, stamp TEXT NOT NULL) STRICT, WITHOUT ROWID;
          CREATE TABLE tokens (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, roles TEXT NOT NULL,
            created_ms INTEGER NOT NULL, revoked_ms INTEGER) STRICT;
          CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_ms IS NULL;
          CREATE TABLE jobs (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, spec BLOB NOT NULL, state TEXT NOT NULL,
            message TEXT NOT NULL DEFAULT '', created_ms INTEGER NOT NULL, created_by TEXT NOT NULL, json BLOB,
            html BLOB) STRICT, WITHOUT ROWID;
          CREATE INDEX jobs_by_time ON jobs (kind, created_ms);
          CREATE TABLE job_blobs (
            job TEXT NOT NULL REFERENCES jobs (id), blob TEXT NOT NULL, PRIMARY KEY (job, blob)) STRICT, WITHOUT ROWID;
          CREATE TABLE job_shards (
            job TEXT NOT NULL REFERENCES jobs (id), shard INTEGER NOT NULL, result BLOB NOT NULL,
            PRIMARY KEY (job, shard)) STRICT, WITHOUT ROWID;
          INSERT INTO names VALUES ('net', 2);
          INSERT INTO versions VALUES ('net', 1, '\(blob)', 3, '', '{}', '', 0, 1000, 'ann', NULL);
          INSERT INTO aliases VALUES ('net', 'best', 1);
          INSERT INTO alias_history VALUES (1, 'net', 'best', 1, 1000, 'ann');
          INSERT INTO tokens VALUES (1, 'ci', x'00', 'predict', 1000, NULL);
          INSERT INTO jobs VALUES ('j', 'audit', 'net@1', x'7b7d', 'running', '', 1000, 'ann', NULL, NULL);
          INSERT INTO job_blobs VALUES ('j', '\(blob)');
          INSERT INTO job_shards VALUES ('j', 0, x'07');
          """)
    }
  }
}
