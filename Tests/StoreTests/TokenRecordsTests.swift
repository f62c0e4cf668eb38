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
}
