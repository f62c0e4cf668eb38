import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite("Signatures of files") struct SignatureTests {
  private static let keys = (0..<3).map { _ in Ed25519.PrivateKey() }
  private static func blob(_ content: String) -> BlobID { BlobID(Sha256.hash(content.utf8)) }

  @Test("a signature is over the words and the digest, and of no other file, key or text")
  func holds() throws {
    let file = Self.blob("a"), signature = FileSignature(of: file, by: Self.keys[0])
    #expect(signature.holds(for: file) && !signature.holds(for: Self.blob("b")))
    let words = "dither model sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    #expect(Self.keys[0].publicKey.hasSigned(Array(words.utf8), signature.bytes))
    #expect(!FileSignature(key: Self.keys[1].publicKey, bytes: signature.bytes).holds(for: file))
    #expect(!FileSignature(key: signature.key, bytes: []).holds(for: file))
    // A report's signature is of other words.
    let other = FileSignature(key: signature.key, bytes: Self.keys[0].sign(Array("\(file)".utf8)))
    #expect(!other.holds(for: file))
  }

  @Test("lines are read as they are written; what is none is refused")
  func lines() throws {
    let file = Self.blob("a"), signatures = Self.keys.map { FileSignature(of: file, by: $0) }
    let text = "# by the team\n\n" + signatures.map { "\($0)\r\n" }.joined() + "  \n"
    #expect(try FileSignature.lines(text) == signatures)
    let line = "\(signatures[0])"
    for wrong in [
      "x", line.replacing("ed25519:", with: "rsa:"), line + " more", String(line.dropLast(8)), "ed25519:AAAA AAAA",
    ] {
      #expect { _ = try FileSignature.lines(wrong) } throws: { isFault($0, .badDigest) }
    }
    let many = String(repeating: line + "\n", count: 17)
    #expect { _ = try FileSignature.lines(many) } throws: { isFault($0, .badSize) }
  }

  @Test("signatures come with a version or later, belong to its file, and are kept once", arguments: StoreKind.all)
  func kept(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path), models = store.models
    let first = FileSignature(of: Self.blob("a"), by: Self.keys[0]),
      second = FileSignature(of: Self.blob("a"), by: Self.keys[1])
    let terms = PublicationTerms(aliases: ["best"], signatures: [first])
    let made = try await models.publish(model("net", "a"), terms, by: "ann").version
    #expect(made.signatures.map(\.signature) == [first] && made.signatures[0].createdBy == "ann")
    _ = try await models.publish(model("twin", "a"), aliases: [], by: "bob")
    _ = try await models.publish(model("other", "b"), aliases: [], by: "bob")
    let before = try await store.changes(since: 0).newest
    let signed = try await models.sign("net", version: 1, second, by: "eve")
    #expect(Set(signed.signatures.map { "\($0.signature)" }) == ["\(first)", "\(second)"])
    let names = try #require(try await store.changes(since: before).changes).map(\.name)
    #expect(Set(names) == ["net", "twin"])
    // Once more is no change.
    let again = try await store.changes(since: 0).newest
    #expect(try await models.sign("twin", version: 1, second, by: "ann").signatures == signed.signatures)
    #expect(try await store.changes(since: again).changes == [])
    #expect(try await models.all().map(\.signatures.count) == [2, 0, 2])
    await #expect { _ = try await models.sign("net", version: 9, second, by: "") } throws: { isFault($0, .notFound) }
    let entries = try await store.trail.entries(TrailQuery(), limit: 9).filter { $0.action == "model.sign" }
    #expect(entries.map { "\($0.who) \($0.subject)" } == ["eve net@1", "ann net@1"])
    #expect(entries.first?.detail == "digest=\(Self.blob("a")) key=\(second.key)")
  }

  @Test("a file has sixteen signatures at most", arguments: StoreKind.all)
  func most(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    _ = try await models.publish(model("net", "a"), aliases: [], by: "")
    for at in 0..<17 {
      let signature = FileSignature(of: Self.blob("a"), by: Ed25519.PrivateKey())
      if at < 16 {
        _ = try await models.sign("net", version: 1, signature, by: "")
      } else {
        await #expect { _ = try await models.sign("net", version: 1, signature, by: "") } throws: {
          isFault($0, .badSize)
        }
      }
    }
    #expect(try await models.all().map(\.signatures.count) == [16])
  }
}
