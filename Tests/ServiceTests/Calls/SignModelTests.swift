import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("SignModel and --require-signed") struct SignModelTests {
  private static let trusted = Ed25519.PrivateKey(), other = Ed25519.PrivateKey()

  private static func message(_ signature: FileSignature) -> Dither_V1_FileSignature {
    .with {
      $0.publicKey = signature.key.base64
      $0.signature = Data(signature.bytes)
    }
  }

  private static func signature(_ file: [UInt8], by key: Ed25519.PrivateKey) -> Dither_V1_FileSignature {
    message(FileSignature(of: BlobID(Sha256.hash(file)), by: key))
  }

  private static func upload(
    _ server: InProcess, _ file: [UInt8], aliases: [String] = [], _ signatures: [Dither_V1_FileSignature]
  ) async throws -> Dither_V1_UploadResponse {
    let begin = Dither_V1_UploadRequest.with {
      $0.begin.name = "net"
      $0.begin.bytes = UInt64(file.count)
      $0.begin.sha256 = Sha256.hash(file).hex
      $0.begin.aliases = aliases
      $0.begin.signatures = signatures
    }
    let chunk = Dither_V1_UploadRequest.with { $0.chunk.data = Data(file) }
    return try await UploadCall(server.services).answer(inTurn([begin, chunk]), server.caller)
  }

  private static func sign(
    _ server: InProcess, _ model: String, _ signature: Dither_V1_FileSignature
  ) async throws -> Dither_V1_Model {
    try await SignModelCall(server.services).answer(
      .with {
        $0.model = model
        $0.signature = signature
      }, server.caller)
  }

  private static func keyring(_ scratch: Scratch) throws -> String {
    let path = scratch.file("keyring")
    try Data(("# the team\n" + trusted.publicKey.pem).utf8).write(to: URL(filePath: path))
    return path
  }

  @Test("who signed a version is told, whether before or after it was published")
  func told() async throws {
    let server = try await InProcess(), file = try TestModels.mlp()
    let made = try await Self.upload(server, file, [Self.signature(file, by: Self.other)]).model
    #expect(made.signedBy.map(\.signature.publicKey) == [Self.other.publicKey.base64])
    #expect(made.signedBy.allSatisfy { !$0.trusted && $0.createdBy == "tester" })
    let signed = try await Self.sign(server, "net@1", Self.signature(file, by: Self.trusted))
    #expect(signed.signedBy.count == 2)
    // The same file once more brings its signature to the version that is there.
    let third = Ed25519.PrivateKey()
    let again = try await Self.upload(server, file, [Self.signature(file, by: third)])
    #expect(again.existed && again.model.signedBy.count == 3)
  }

  @Test("a signature of something else is refused")
  func wrong() async throws {
    let server = try await InProcess(), file = try TestModels.mlp(), another = try TestModels.mlp(seed: 2)
    var cut = Self.signature(file, by: Self.other), nameless = cut
    cut.signature.removeLast()
    nameless.publicKey = "AAAA"
    for (signature, words) in [
      (Self.signature(another, by: Self.other), "signature"), (cut, "64 bytes"), (nameless, "public_key"),
    ] {
      await #expect { _ = try await Self.upload(server, file, [signature]) } throws: {
        isFault($0, .invalidArgument, words)
      }
    }
    _ = try await Self.upload(server, file, [])
    await #expect { _ = try await Self.sign(server, "net", Self.signature(another, by: Self.other)) } throws: {
      isFault($0, .invalidArgument, "signature")
    }
    let many = Array(repeating: Self.signature(file, by: Self.other), count: 17)
    await #expect { _ = try await Self.upload(server, file, many) } throws: { isFault($0, .invalidArgument, "16") }
  }

  @Test("a server that asks for signatures takes nothing else, and leaves no trace of it")
  func required() async throws {
    let scratch = try Scratch(), keyring = try Self.keyring(scratch), file = try TestModels.mlp()
    let server = try await InProcess { $0.requireSigned = keyring }
    for signatures in [[], [Self.signature(file, by: Self.other)]] {
      await #expect { _ = try await Self.upload(server, file, signatures) } throws: {
        isFault($0, .failedPrecondition, "keyring")
      }
    }
    #expect(server.scratch.files.isEmpty)
    let good = [Self.signature(file, by: Self.other), Self.signature(file, by: Self.trusted)]
    let made = try await Self.upload(server, file, good).model
    #expect(made.signedBy.filter(\.trusted).map(\.signature.publicKey) == [Self.trusted.publicKey.base64])
    // The file is known to be signed by now.
    #expect(try await Self.upload(server, file, aliases: ["best"], []).model.aliases == ["best"])
  }

  @Test("what was there before is served, and gets no alias before it is signed")
  func before() async throws {
    let scratch = try Scratch(), keyring = try Self.keyring(scratch), state = try Scratch(), file = try TestModels.mlp()
    do { _ = try await InProcess(in: state, models: ["net": file]) }
    let server = try await InProcess(in: state) { $0.requireSigned = keyring }
    _ = try await server.predict("net", rows(1, of: 6))
    func point() async throws -> Dither_V1_Model {
      try await SetAliasCall(server.services).answer(.with { ($0.model, $0.alias) = ("net@1", "best") }, server.caller)
    }
    await #expect { _ = try await point() } throws: { isFault($0, .failedPrecondition, "keyring") }
    _ = try await RemoveModelCall(server.services).answer(.with { $0.model = "net" }, server.caller)
    await #expect {
      _ = try await RestoreModelCall(server.services).answer(.with { $0.model = "net" }, server.caller)
    } throws: {
      isFault($0, .failedPrecondition, "keyring")
    }
    let signed = try await Self.upload(server, file, [Self.signature(file, by: Self.trusted)]).model
    #expect(signed.version == 2)
    let restored = try await RestoreModelCall(server.services).answer(.with { $0.model = "net" }, server.caller)
    #expect(restored.models.map(\.version) == [1])
    #expect(try await point().aliases == ["best"])
  }

  @Test("a signature that comes with one name of a file counts at once for all its names")
  func twins() async throws {
    let scratch = try Scratch(), keyring = try Self.keyring(scratch), state = try Scratch(), file = try TestModels.mlp()
    do { _ = try await InProcess(in: state, models: ["first": file]) }
    let server = try await InProcess(in: state) { $0.requireSigned = keyring }
    _ = try await Self.upload(server, file, [Self.signature(file, by: Self.trusted)])
    let found = try ListModelsCall(server.services).answer(.init(), server.caller).models
    #expect(found.map(\.name) == ["first", "net"] && found.map(\.signedBy.count) == [1, 1])
    for model in ["first@1", "net@1"] {
      let moved = try await SetAliasCall(server.services).answer(
        .with { ($0.model, $0.alias) = (model, "best") }, server.caller)
      #expect(moved.aliases == ["best"])
    }
  }

  @Test("the models folder is signed by files beside its models")
  func folder() async throws {
    let scratch = try Scratch(), keyring = try Self.keyring(scratch), folder = try Scratch()
    for (name, seed) in [("good", 1), ("bad", 2), ("plain", 3)] as [(String, UInt64)] {
      let file = try TestModels.mlp(seed: seed)
      try Data(file).write(to: URL(filePath: folder.file("\(name).onnx")))
      guard name != "plain" else { continue }
      let signature = FileSignature(of: BlobID(Sha256.hash(file)), by: name == "good" ? Self.trusted : Self.other)
      try Data("\(signature)\n".utf8).write(to: URL(filePath: folder.file("\(name).sig")))
    }
    let server = try await InProcess {
      $0.requireSigned = keyring
      $0.modelsDirectory = folder.path
    }
    let found = try ListModelsCall(server.services).answer(.init(), server.caller).models
    #expect(found.map(\.name) == ["good"] && found[0].signedBy.allSatisfy(\.trusted))
  }

  @Test("keyrings are PEM, lines and comments; what is none is refused with its line")
  func keyrings() throws {
    let scratch = try Scratch(), path = scratch.file("keys")
    func ring(_ text: String) throws -> Keyring {
      try Data(text.utf8).write(to: URL(filePath: path))
      return try Keyring(path: path)
    }
    let file = BlobID(Sha256.hash([1] as [UInt8]))
    let text = "# two\n\n\(Self.trusted.publicKey.pem)\(Self.other.publicKey) of the other team\n"
    let both = try ring(text)
    for key in [Self.trusted, Self.other] { #expect(both.trusts(file, [FileSignature(of: file, by: key)])) }
    #expect(!both.trusts(file, [FileSignature(of: file, by: Ed25519.PrivateKey())]) && !both.trusts(file, []))
    // One that is known to hold says nothing of another file or another signature.
    let good = FileSignature(of: file, by: Self.trusted)
    var forged = good
    forged.bytes[0] ^= 1
    for _ in 0..<2 {
      #expect(both.trusts(file, [good]) && !both.trusts(file, [forged]))
      #expect(!both.trusts(BlobID(Sha256.hash([2] as [UInt8])), [good]))
    }
    for (text, words) in [
      ("", "a public key at least"), ("# none\n", "a public key at least"), ("\nhello\n", "line 2"),
      ("ed25519:AAAA\n", "line 1"), ("-----BEGIN PUBLIC KEY-----\nAAAA\n", "without an end"),
      ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "line 1"),
    ] {
      #expect { _ = try ring(text) } throws: { isFault($0, .invalidArgument, words) }
    }
    #expect { _ = try Keyring(path: scratch.file("none")) } throws: { isFault($0, .invalidArgument, "none") }
  }
}
