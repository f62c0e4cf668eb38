import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite struct TokenRecordsTests {
  @Test(arguments: StoreKind.all) func secretsAreKnownByTheirHashOnly(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try kind.open(scratch.path)
    let secret = try await store.tokens.create("ci", roles: ["predict", "audit"])
    #expect(try store.tokens.find(secret: secret)?.roles == ["predict", "audit"])
    #expect(try store.tokens.find(name: "ci")?.roles == ["predict", "audit"])
    #expect(try store.tokens.find(secret: secret + "x") == nil && store.tokens.find(name: "c") == nil)
    for file in try FileManager.default.contentsOfDirectory(atPath: scratch.path) {
      guard let bytes = try? Data(contentsOf: URL(filePath: scratch.file(file))) else { continue }
      #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(file)")
    }
  }

  @Test(arguments: StoreKind.all) func aRevokedTokenIsNoneAndItsNameIsFree(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), tokens = try kind.open(scratch.path).tokens
    let secret = try await tokens.create("ci", roles: ["predict"])
    await #expect { _ = try await tokens.create("ci", roles: []) } throws: { isFault($0, .alreadyExists) }
    try await tokens.revoke("ci")
    #expect(try tokens.find(secret: secret) == nil && tokens.find(name: "ci") == nil)
    _ = try await tokens.create("ci", roles: ["admin"])
    #expect(try await tokens.list().map { $0.revokedMilliseconds == nil } == [true, false])
    await #expect { try await tokens.revoke("cj") } throws: { isFault($0, .notFound, "did you mean 'ci'") }
  }
}
