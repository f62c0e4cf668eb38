import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import GRDB
import Testing

@Suite struct ModelRemovalTests {
  private static let week = RemovalTerms(kept: .seconds(604_800))

  /// net@1, net@2 (best), other@1, each with a file.
  private static func filled(_ kind: StoreKind, _ scratch: Scratch) async throws -> any Store {
    let store = try await kind.open(scratch.path)
    for (name, content, aliases) in [("net", "a", []), ("net", "b", ["best"]), ("other", "c", [])] {
      _ = try await store.blobs.insert(Array(content.utf8))
      _ = try await store.models.publish(model(name, content), aliases: aliases, by: "ann")
    }
    return store
  }

  private static func has(_ content: String, _ store: any Store) async throws -> Bool {
    try await store.blobs.contains(BlobID(Sha256.hash(content.utf8)))
  }

  @Test("a version that an alias names is not removed, alone or among others", arguments: StoreKind.all)
  func aliases(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await Self.filled(kind, scratch), models = store.models
    let before = try await store.changes(since: 0).newest
    for version in [2, nil] as [Int64?] {
      await #expect { _ = try await models.remove("net", version: version, Self.week, by: "bob") } throws: {
        isFault($0, .conflict, "'best'")
      }
    }
    #expect(try await models.all().map(\.reference) == ["net@2", "net@1", "other@1"])
    #expect(try await store.changes(since: before).changes == [])
    #expect(try await models.remove("net", version: 1, Self.week, by: "bob").map(\.version) == [1])
    let forced = RemovalTerms(takesAliases: true, kept: .seconds(60))
    #expect(try await models.remove("net", version: nil, forced, by: "bob").map(\.version) == [2])
    #expect(try await models.history(of: "best", name: "net").map(\.version) == [nil, 2])
  }

  @Test("a removed version comes back as it was, but for its aliases", arguments: StoreKind.all)
  func restored(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await Self.filled(kind, scratch), models = store.models
    _ = try await models.calibrate("net", version: 2, [7], by: "ann")
    let was = try #require(try await models.versions(of: "net").first)
    _ = try await models.remove("net", version: nil, RemovalTerms(takesAliases: true, kept: .seconds(60)), by: "bob")
    #expect(try await models.all().map(\.reference) == ["other@1"])
    let kept = try await models.removed()
    #expect(kept.map(\.reference) == ["net@2", "net@1"])
    for version in kept {
      let removal = try #require(version.removal)
      #expect(
        removal.removedBy == "bob"
          && (60_000...60_100).contains(removal.keptUntilMilliseconds - removal.removedMilliseconds))
    }
    await #expect { _ = try await models.restore("net", version: 9, by: "") } throws: {
      isFault($0, .notFound, "these are kept: 'net@2', 'net@1'")
    }
    // Garbage is what nobody can have back.
    try await store.collectGarbage(olderThan: -1)
    let stays = try await Self.has("b", store)
    #expect(stays)
    #expect(try await models.restore("net", version: 2, by: "eve").map(\.reference) == ["net@2"])
    var back = try #require(try await models.versions(of: "net").first)
    #expect(back.aliases.isEmpty && back.removal == nil)
    back.aliases = was.aliases
    #expect(back == was)
    #expect(try await models.restore("net", version: nil, by: "eve").map(\.reference) == ["net@1"])
    for version in [nil, 1, 9] as [Int64?] {
      await #expect { _ = try await models.restore("net", version: version, by: "") } throws: {
        isFault($0, .notFound, "none is kept")
      }
    }
    // Numbers go on behind all that there ever were.
    #expect(try await models.publish(model("net", "d"), aliases: [], by: "").version.version == 3)
  }

  @Test("after its time a removed version is garbage, and one that is purged at once", arguments: StoreKind.all)
  func collected(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await Self.filled(kind, scratch), models = store.models
    _ = try await models.remove("net", version: 1, RemovalTerms(kept: .milliseconds(1)), by: "")
    _ = try await models.remove("other", version: nil, Self.week, by: "")
    try await Task.sleep(for: .milliseconds(20))
    try await store.collectGarbage(olderThan: -1)
    var there: [Bool] = []
    for content in ["a", "b", "c"] { there.append(try await Self.has(content, store)) }
    #expect(there == [false, true, true])
    // Whoever asks for one name is not told of others.
    await #expect { _ = try await models.restore("net", version: 1, by: "") } throws: {
      isFault($0, .notFound, "none is kept of this name") && !"\($0)".contains("other")
    }
    let before = try await store.changes(since: 0).newest
    // The removed one goes for good, with the one that is there.
    let purged = try await models.remove("other", version: nil, by: "")
    #expect(purged.map(\.reference) == ["other@1"])
    #expect(try await store.changes(since: before).changes?.isEmpty == false)
    let blob = BlobID(Sha256.hash("c".utf8))
    #expect(try await store.release([blob]) == [blob])
    #expect(try await models.removed().isEmpty)
    #expect(try await models.remove("other", version: nil, by: "").isEmpty)
  }

  @Test("versions that were removed before there was this are garbage")
  func legacy() async throws {
    let scratch = try Scratch()
    do {
      let store = try await Self.filled(.sqlite, scratch)
      _ = try await store.models.remove("net", version: 1, by: "")
    }
    try await DatabaseQueue(path: scratch.file("dither.sqlite")).write {
      try $0.execute(sql: "UPDATE versions SET removed_ms = 1, kept_until_ms = NULL WHERE removed_ms IS NOT NULL")
    }
    let store = try await StoreKind.sqlite.open(scratch.path)
    #expect(try await store.models.removed().isEmpty)
    try await store.collectGarbage(olderThan: -1)
    let stays = try await Self.has("a", store)
    #expect(!stays)
  }
}
