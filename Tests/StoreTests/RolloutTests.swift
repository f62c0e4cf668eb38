import DitherBasics
import DitherStore
import DitherTestSupport
import Testing

@Suite("Candidates of aliases") struct RolloutTests {
  /// net@1 (live), net@2, net@3.
  private static func filled(_ kind: StoreKind, _ scratch: Scratch) async throws -> any Store {
    let store = try await kind.open(scratch.path)
    for (content, aliases) in [("a", ["live"]), ("b", []), ("c", [])] {
      _ = try await store.models.publish(model("net", content), aliases: aliases, by: "ann")
    }
    return store
  }

  private static func candidates(_ store: any Store) async throws -> [String] {
    try await store.models.all().flatMap { version in
      version.rollouts.map { "\(version.version) \($0.alias) \($0.sharePpm) \($0.isShadow) \($0.setBy)" }
    }
  }

  private static func actions(_ store: any Store) async throws -> [String] {
    var query = TrailQuery()
    query.isOldestFirst = true
    return try await store.trail.entries(query, limit: 99).filter { $0.action.hasPrefix("rollout") }
      .map { "\($0.who) \($0.action) \($0.subject) \($0.detail)" }
  }

  @Test("an alias has one candidate, until it is ended, wins, or goes", arguments: StoreKind.all)
  func lives(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    var store: (any Store)? = try await Self.filled(kind, scratch)
    let models = try #require(store).models
    let tenth = try RolloutTerms(share: 0.1, isShadow: false),
      shadow = try RolloutTerms(share: 1, isShadow: true, audit: "x")
    let set = try await models.setRollout("live", of: "net", to: 2, tenth, by: "ann")
    #expect(set.rollouts.map(\.share) == [0.1])
    _ = try await models.setRollout("live", of: "net", to: 3, shadow, by: "bob")
    store = nil
    store = try await kind.open(scratch.path)
    let again = try #require(store)
    #expect(try await Self.candidates(again) == ["3 live 1000000 true bob"])
    let index = try await ModelIndex(again.models.all())
    #expect(index.hasRollouts && index.candidate(for: "live", of: "net")?.version.version == 3)
    #expect(index.candidate(for: "best", of: "net") == nil && index.candidate(for: "live", of: "other") == nil)
    // Another version is no end; the candidate itself is.
    _ = try await again.models.setAlias("live", of: "net", to: 2, by: "")
    #expect(try await Self.candidates(again).count == 1)
    _ = try await again.models.setAlias("live", of: "net", to: 3, by: "eve")
    #expect(try await Self.candidates(again).isEmpty)
    _ = try await again.models.setRollout("live", of: "net", to: 1, tenth, by: "ann")
    try await again.models.endRollout("live", of: "net", by: "ann")
    await #expect { try await again.models.endRollout("live", of: "net", by: "") } throws: { isFault($0, .notFound) }
    #expect(
      try await Self.actions(again) == [
        "ann rollout.set net:live version=2 share_ppm=100000 shadow=false",
        "bob rollout.set net:live version=3 share_ppm=1000000 shadow=true audit=x",
        "eve rollout.end net:live version=3", "ann rollout.set net:live version=1 share_ppm=100000 shadow=false",
        "ann rollout.end net:live version=1",
      ])
  }

  @Test("a candidate is not removed unasked, and neither alias nor version leaves one behind", arguments: StoreKind.all)
  func removals(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await Self.filled(kind, scratch), models = store.models
    let half = try RolloutTerms(share: 0.5, isShadow: false), kept = RemovalTerms(kept: .seconds(60))
    _ = try await models.setRollout("live", of: "net", to: 2, half, by: "")
    await #expect { _ = try await models.remove("net", version: 2, kept, by: "") } throws: {
      isFault($0, .conflict, "candidate for 'live'")
    }
    _ = try await models.remove("net", version: 2, RemovalTerms(takesAliases: true, kept: .seconds(60)), by: "")
    #expect(try await models.restore("net", version: 2, by: "").map(\.rollouts) == [[]])
    _ = try await models.setRollout("live", of: "net", to: 2, half, by: "")
    _ = try await models.remove("net", version: 1, by: "")
    #expect(try await Self.candidates(store).isEmpty)
  }

  @Test("an alias that is there, at another version", arguments: StoreKind.all)
  func refused(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await Self.filled(kind, scratch), models = store.models
    let half = try RolloutTerms(share: 0.5, isShadow: false)
    for (alias, version, fault) in [("best", 2, .conflict), ("live", 1, .conflict), ("live", 9, .notFound)]
      as [(String, Int64, StoreFault)]
    {
      await #expect { _ = try await models.setRollout(alias, of: "net", to: version, half, by: "") } throws: {
        isFault($0, fault)
      }
    }
    #expect(try await Self.candidates(store).isEmpty)
    for share in [0, -1, 1.5, 1e-9, .nan, .infinity] {
      #expect { _ = try RolloutTerms(share: share, isShadow: false) } throws: { isFault($0, .badSize) }
    }
  }
}
