import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite struct TokenStoreTests {
  @Test func secretsAreKnownByTheirHashOnly() throws {
    let scratch = try Scratch()
    let store = try Store(directory: scratch.path)
    let secret = try store.tokens.create("ci", roles: ["predict", "audit"])
    #expect(try store.tokens.find(secret: secret)?.roles == ["predict", "audit"])
    #expect(try store.tokens.find(secret: secret + "x") == nil)
    for file in try FileManager.default.contentsOfDirectory(atPath: scratch.path) where file.hasPrefix("dither.sqlite")
    {
      let bytes = try Data(contentsOf: URL(filePath: "\(scratch.path)/\(file)"))
      #expect(bytes.range(of: Data(secret.utf8)) == nil)
    }
  }

  @Test func aRevokedTokenIsNoneAndItsNameIsFree() throws {
    let scratch = try Scratch()
    let tokens = try Store(directory: scratch.path).tokens
    let secret = try tokens.create("ci", roles: ["predict"])
    #expect { _ = try tokens.create("ci", roles: []) } throws: { ($0 as? StoreError)?.code == .alreadyExists }
    try tokens.revoke("ci")
    #expect(try tokens.find(secret: secret) == nil)
    _ = try tokens.create("ci", roles: ["admin"])
    #expect(try tokens.list().map { $0.revokedMilliseconds == nil } == [true, false])
    #expect { try tokens.revoke("cj") } throws: { "\($0)".contains("did you mean 'ci'") }
  }
}
