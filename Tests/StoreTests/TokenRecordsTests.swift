import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite struct TokenRecordsTests {
  @Test(arguments: StoreKind.all) func secretsAreKnownByTheirHashOnly(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path)
    let secret = try await store.tokens.create("ci", roles: ["predict", "audit"])
    let live = try #require(try store.tokens.live(since: nil))
    #expect(live.token(of: secret)?.roles == ["predict", "audit"])
    #expect(live.token(named: "ci")?.roles == ["predict", "audit"])
    #expect(live.token(of: secret + "x") == nil && live.token(named: "c") == nil)
    for file in try FileManager.default.contentsOfDirectory(atPath: scratch.path) {
      guard let bytes = try? Data(contentsOf: URL(filePath: scratch.file(file))) else { continue }
      #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(file)")
    }
  }

  @Test(arguments: StoreKind.all) func aRevokedTokenIsNoneAndItsNameIsFree(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), tokens = try await kind.open(scratch.path).tokens
    let secret = try await tokens.create("ci", roles: ["predict"])
    await #expect { _ = try await tokens.create("ci", roles: []) } throws: { isFault($0, .alreadyExists) }
    try await tokens.revoke("ci")
    let live = try #require(try tokens.live(since: nil))
    #expect(live.token(of: secret) == nil && live.token(named: "ci") == nil)
    _ = try await tokens.create("ci", roles: ["admin"])
    #expect(try await tokens.list().map { $0.revokedMilliseconds == nil } == [true, false])
    await #expect { try await tokens.revoke("cj") } throws: { isFault($0, .notFound, "did you mean 'ci'") }
  }

  @Test(arguments: StoreKind.all) func whoHasThemIsToldOfChangesAlone(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), tokens = try await kind.open(scratch.path).tokens
    let none = try #require(try tokens.live(since: nil))
    #expect(none.byHash.isEmpty)
    #expect(try tokens.live(since: none.number) == nil)
    let secret = try await tokens.create("ci", roles: ["predict"])
    let one = try #require(try tokens.live(since: none.number))
    #expect(one.token(of: secret)?.name == "ci" && one.byHash.count == 1)
    #expect(try tokens.live(since: one.number) == nil)
    try await tokens.revoke("ci")
    #expect(try tokens.live(since: one.number)?.byHash.isEmpty == true)
  }

  @Test(arguments: StoreKind.all) func whatATokenIsGivenIsKept(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), tokens = try await kind.open(scratch.path).tokens
    let grant = TokenGrant(
      roles: ["predict", "audit"], models: ["fashion-*", "net"], lifetime: .seconds(3600), callsPerSecond: 5,
      samplesPerSecond: 0)
    _ = try await tokens.create("ci", grant)
    _ = try await tokens.create("plain", roles: ["predict"])
    let token = try #require(try await tokens.list().first { $0.name == "ci" })
    #expect(token.roles == grant.roles && token.models == grant.models)
    #expect(token.callsPerSecond == 5 && token.samplesPerSecond == 0)
    #expect(token.expiresMilliseconds == token.createdMilliseconds + 3_600_000)
    #expect(token.issuedMilliseconds == token.createdMilliseconds && token.previousUntilMilliseconds == nil)
    let plain = try #require(try await tokens.list().first { $0.name == "plain" })
    #expect(plain.models.isEmpty && plain.callsPerSecond == nil && plain.samplesPerSecond == nil)
    #expect(plain.expiresMilliseconds == nil)
  }

  @Test(
    "what cannot be is refused, and nothing is kept",
    arguments: [
      (TokenGrant(roles: [], models: ["a b"]), "'a b'"), (TokenGrant(roles: [], models: [""]), "1 to 64 letters"),
      (TokenGrant(roles: [], models: Array(repeating: "a", count: 17)), "at most 16"),
      (TokenGrant(roles: [], callsPerSecond: -1), "calls per second"),
      (TokenGrant(roles: [], samplesPerSecond: 1_000_000_001), "samples per second"),
      (TokenGrant(roles: [], lifetime: .zero), "lifetime"),
      (TokenGrant(roles: [], lifetime: .seconds(4_000_000_000)), "lifetime"),
    ])
  func badGrants(_ row: (grant: TokenGrant, words: String)) async throws {
    let scratch = try Scratch(), tokens = try SqliteStore(directory: scratch.path).tokens
    await #expect { _ = try await tokens.create("ci", row.grant) } throws: { isFault($0, .badName, row.words) }
    await #expect {
      _ = try await tokens.rotate("ci", secret: "s", overlap: .seconds(31 * 86_400), lifetime: nil)
    } throws: {
      isFault($0, .badName, "overlap")
    }
    #expect(try await tokens.list().isEmpty)
  }

  @Test(arguments: StoreKind.all) func aTokenEndsAndItsNameIsFree(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), tokens = try await kind.open(scratch.path).tokens
    let secret = try await tokens.create("ci", TokenGrant(roles: ["predict"], lifetime: .seconds(1)))
    let live = try #require(try tokens.live(since: nil)),
      end = try #require(live.byHash.values.first?.expiresMilliseconds)
    #expect(live.token(of: secret, at: end - 1)?.name == "ci" && live.token(named: "ci", at: end - 1) != nil)
    #expect(live.token(of: secret, at: end) == nil && live.token(named: "ci", at: end) == nil)
    // By the store's own clock.
    try await Task.sleep(for: .milliseconds(1100))
    let next = try await tokens.create("ci", roles: ["predict"])
    let renewed = try #require(try tokens.live(since: nil))
    #expect(renewed.token(of: next)?.name == "ci")
    #expect(try await tokens.list().map(\.revokedMilliseconds) == [nil, end])
  }

  @Test(arguments: StoreKind.all) func aRotatedTokenHasTwoSecretsForAWhile(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), tokens = try await kind.open(scratch.path).tokens
    let grant = TokenGrant(roles: ["audit"], models: ["net"], lifetime: .seconds(3600), callsPerSecond: 7)
    let first = try await tokens.create("ci", grant)
    let number = try #require(try tokens.live(since: nil)).number
    let rotated = try await tokens.rotate("ci", secret: "second", overlap: .seconds(60), lifetime: nil)
    #expect(rotated.roles == ["audit"] && rotated.models == ["net"] && rotated.callsPerSecond == 7)
    // It lives as long as it did, from now on.
    #expect(rotated.expiresMilliseconds == rotated.issuedMilliseconds + 3_600_000)
    let until = try #require(rotated.previousUntilMilliseconds)
    #expect(until == rotated.issuedMilliseconds + 60_000)
    let live = try #require(try tokens.live(since: number), "a rotation is a change")
    for secret in [first, "second"] { #expect(live.token(of: secret, at: until - 1)?.name == "ci") }
    #expect(live.token(of: first, at: until) == nil && live.token(of: "second", at: until) != nil)
    // Of three secrets the first is over at once; an old one never outlives its own end.
    let third = try await tokens.rotate("ci", secret: "third", overlap: .seconds(86_400), lifetime: .seconds(10))
    #expect(third.previousUntilMilliseconds == rotated.expiresMilliseconds)
    #expect(third.expiresMilliseconds == third.issuedMilliseconds + 10_000)
    let now = third.issuedMilliseconds, after = try #require(try tokens.live(since: nil))
    #expect(after.token(of: first, at: now) == nil && after.token(of: "second", at: now) != nil)
    #expect(after.token(of: "third", at: now) != nil && after.token(named: "ci", at: now) != nil)
    try await tokens.revoke("ci")
    let none = try #require(try tokens.live(since: nil))
    #expect(none.byHash.isEmpty && none.byPreviousHash.isEmpty)
    await #expect { _ = try await tokens.rotate("ci", secret: "x", overlap: .zero, lifetime: nil) } throws: {
      isFault($0, .notFound)
    }
  }
}
