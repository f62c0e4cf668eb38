import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("Upload", .overEveryEngine, .sayingWhichStore) struct UploadTests {
  @Test func anUploadIsPublishedOnce() async throws {
    let server = try await InProcess()
    let bytes = try TestModels.mlp()
    let first = try await server.upload(bytes, as: "net", aliases: ["best"], card: #"{"by":"me"}"#)
    #expect(!first.existed && first.model.version == 1 && first.model.aliases == ["best"])
    #expect(first.model.signature.inputShape == [-1, 6] && first.model.signature.classes == 3)
    #expect(first.model.cardJson == #"{"by":"me"}"# && first.model.createdBy == "tester")
    let again = try await server.upload(bytes, as: "net", aliases: ["prod"])
    #expect(again.existed && again.model.version == 1 && again.model.aliases == ["best", "prod"])
    let other = try await server.upload(TestModels.mlp(seed: 2), as: "net", aliases: ["best"])
    #expect(other.model.version == 2)
    #expect(try await GetModelCall(server.services).answer(.with { $0.model = "net:best" }, server.caller).version == 2)
    #expect(server.scratch.files.count == 2)
  }

  @Test("an upload that was cut goes on where it was, or anew", arguments: [nil, 0])
  func resumes(_ from: Int?) async throws {
    let server = try await InProcess()
    let bytes = try TestModels.mlp()
    await #expect { _ = try await server.upload(bytes, as: "net", to: 700, piece: 300) } throws: {
      isFault($0, .outOfRange, "go on at offset 700")
    }
    let status = try await GetUploadCall(server.services).answer(
      .with {
        $0.name = "net"
        $0.sha256 = Sha256.hash(bytes).hex
      }, server.caller)
    #expect(status.received == 700)
    let done = try await server.upload(bytes, as: "net", from: from ?? 700)
    #expect(done.model.digest == "\(Sha256.hash(bytes))")
    #expect(server.scratch.files.count == 1)
  }

  @Test("eight uploads of one file at once all end well", arguments: [false, true])
  func atOnce(_ asksWhereToGoOn: Bool) async throws {
    let server = try await InProcess()
    let bytes = try TestModels.mlp()
    let answers = try await withThrowingTaskGroup(of: Dither_V1_UploadResponse.self) { group in
      for _ in 0..<8 {
        group.addTask {
          // As the command line does: from where the server says, and again when another one took over.
          for _ in 0..<50 {
            let from =
              asksWhereToGoOn
              ? try await server.services.store.blobs.received(BlobID(Sha256.hash(bytes)), of: "net") : 0
            do { return try await server.upload(bytes, as: "net", from: from, piece: 50) } catch  where asksWhereToGoOn
            {
              guard isFault(error, .aborted) || isFault(error, .outOfRange) else { throw error }
            }
          }
          return try await server.upload(bytes, as: "net", piece: 50)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.allSatisfy { $0.model.version == 1 } && answers.count { !$0.existed } == 1)
    #expect(server.scratch.files.count == 1)
  }

  @Test func anotherCardIsAnotherVersion() async throws {
    let server = try await InProcess()
    let bytes = try TestModels.mlp()
    _ = try await server.upload(bytes, as: "net", card: #"{"by":"me"}"#)
    let other = try await server.upload(bytes, as: "net", card: #"{"by":"you"}"#)
    #expect(!other.existed && other.model.version == 2 && other.model.cardJson == #"{"by":"you"}"#)
    let same = try await server.upload(bytes, as: "net", card: #"{ "by": "me" }"#)
    #expect(same.existed && same.model.version == 1)
    #expect(server.scratch.files.count == 1)
  }

  @Test("a disk that is full of an upload is free of it again", .enabled(if: TinyDisk.isPossible, "needs root"))
  func fullDisk() async throws {
    let disk = try TinyDisk(bytes: 8 << 20)
    // The records are on that disk too.
    let server = try await InProcess(over: .sqlite, models: ["net": TestModels.mlp()]) {
      $0.stateDirectory = disk.path + "/state"
    }
    try disk.fill(leaving: 40_000)
    let big = [UInt8](repeating: 1, count: 200_000)
    await #expect { _ = try await server.upload(big, as: "big") } throws: {
      isFault($0, .resourceExhausted) && !"\($0)".contains(disk.path)
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: disk.path + "/state/uploads")
    #expect(left.isEmpty)
    _ = try await SetAliasCall(server.services).answer(
      .with {
        $0.model = "net"
        $0.alias = "best"
      }, server.caller)
    try disk.fill()
    let removal = Dither_V1_RemoveModelRequest.with { ($0.model, $0.force) = ("net", true) }
    #expect(try await RemoveModelCall(server.services).answer(removal, server.caller).removed == 1)
  }

  @Test func otherBytesThanAnnouncedLeaveNothing() async throws {
    let server = try await InProcess()
    let bytes = try TestModels.mlp()
    await #expect { _ = try await server.upload(bytes, as: "net", sha256: Sha256.hash([1]).hex) } throws: {
      isFault($0, .dataLoss)
    }
    try await expectNoTrace(server)
  }

  @Test(
    "files that are no models are refused with the reason and leave nothing",
    .enabled(if: Golden.isPresent, "vectors absent"))
  func invalidFiles() async throws {
    let server = try await InProcess()
    let table = String(decoding: try Golden.bytes("onnx/invalid/EXPECTED.tsv"), as: UTF8.self)
    var refused = 0
    for line in table.split(separator: "\n") {
      let fields = line.split(separator: "\t").map(String.init)
      guard fields.count == 2, fields[0].hasSuffix(".onnx"), fields[1].hasPrefix("rejected") else { continue }
      guard !Golden.taken.contains(fields[0]) else { continue }
      let bytes = try Golden.bytes("onnx/invalid/\(fields[0])")
      guard !bytes.isEmpty else { continue }
      await #expect("\(fields[0]): \(fields[1])") {
        _ = try await server.upload(bytes, as: "bad", piece: 1 << 20)
      } throws: {
        ($0 as? any AnyFault).map { [.invalidArgument, .resourceExhausted, .unimplemented].contains($0.category) }
          ?? false
      }
      refused += 1
    }
    #expect(refused > 50)
    try await expectNoTrace(server)
  }

  private static func isRefusal(_ error: any Error) -> Bool {
    guard let category = (error as? any AnyFault)?.category else { return false }
    return [.invalidArgument, .resourceExhausted, .unimplemented].contains(category)
  }

  private func expectNoTrace(_ server: InProcess) async throws {
    #expect(server.scratch.files.isEmpty)
    #expect(try ListModelsCall(server.services).answer(.init(), server.caller).models.isEmpty)
    #expect(try await server.services.store.models.all().isEmpty)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: String
    let requests: [Dither_V1_UploadRequest]
  }

  private static func begin(_ change: (inout Dither_V1_UploadBegin) -> Void) -> Dither_V1_UploadRequest {
    .with {
      $0.begin.name = "net"
      $0.begin.bytes = 10
      $0.begin.sha256 = Sha256.hash([1]).hex
      change(&$0.begin)
    }
  }

  @Test(arguments: [
    Refusal(testDescription: "nothing", words: "begin", requests: []),
    Refusal(testDescription: "a chunk first", words: "begin", requests: [.with { $0.chunk.offset = 0 }]),
    Refusal(testDescription: "a path for a name", words: "name", requests: [begin { $0.name = "../net" }]),
    Refusal(testDescription: "no bytes", words: "bytes", requests: [begin { $0.bytes = 0 }]),
    Refusal(testDescription: "too many bytes", words: "bytes", requests: [begin { $0.bytes = .max }]),
    Refusal(testDescription: "no hash", words: "sha256", requests: [begin { $0.sha256 = "abc" }]),
    Refusal(testDescription: "a card that is no JSON", words: "card_json", requests: [begin { $0.cardJson = "{" }]),
    Refusal(testDescription: "a bad alias", words: "aliases", requests: [begin { $0.aliases = ["a/b"] }]),
    Refusal(
      testDescription: "more than announced", words: "chunk.data",
      requests: [begin { _ in }, .with { $0.chunk.data = Data(count: 11) }]),
    Refusal(testDescription: "begin twice", words: "chunks", requests: [begin { _ in }, begin { _ in }]),
  ])
  func refuses(_ refusal: Refusal) async throws {
    let server = try await InProcess()
    await #expect {
      _ = try await UploadCall(server.services).answer(inTurn(refusal.requests), server.caller)
    } throws: {
      isFault($0, .invalidArgument, refusal.words)
    }
    #expect(try await server.services.store.models.all().isEmpty)
  }

  @Test func aPurgedVersionIsGoneWithItsFile() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let bytes = try TestModels.mlp(seed: 2)
    _ = try await server.upload(bytes, as: "net")
    _ = try await server.upload(bytes, as: "twin")
    func purge(_ model: String) async throws -> UInt32 {
      let removal = Dither_V1_RemoveModelRequest.with { ($0.model, $0.purge) = (model, true) }
      return try await RemoveModelCall(server.services).answer(removal, server.caller).removed
    }
    #expect(try await purge("net@2") == 1)
    _ = try await server.predict("twin", rows(1, of: 6))
    #expect(server.scratch.files.count == 2)
    #expect(try await purge("twin") == 1)
    #expect(server.scratch.files.count == 1)
    #expect(try ListModelsCall(server.services).answer(.init(), server.caller).models.map(\.name) == ["net"])
  }

  @Test func theModelsFolderPrefersTheCardForPeople() async throws {
    let folder = try Scratch()
    try Data(TestModels.mlp()).write(to: URL(filePath: folder.path + "/net.onnx"))
    try Data(TestModels.mlp()).write(to: URL(filePath: folder.path + "/bad.onnx"))
    try Data(#"{"data":"none"}"#.utf8).write(to: URL(filePath: folder.path + "/net.card.json"))
    try Data("---\nlicense: mit\n---\n\n# net\n".utf8).write(to: URL(filePath: folder.path + "/net.card.md"))
    try Data("---\nlicense: mit\n".utf8).write(to: URL(filePath: folder.path + "/bad.card.md"))
    let server = try await InProcess { $0.modelsDirectory = folder.path }
    let models = try ListModelsCall(server.services).answer(.init(), server.caller).models
    // A card that is none keeps its model out, as a file that is none does.
    #expect(models.map(\.name) == ["net"] && models[0].cardJson == ##"{"license":"mit","markdown":"# net\n"}"##)
  }

  @Test func theModelsFolderIsPublishedOnce() async throws {
    let folder = try Scratch(), state = try Scratch()
    try Data(TestModels.mlp()).write(to: URL(filePath: folder.path + "/net.onnx"))
    try Data(#"{"data":"none"}"#.utf8).write(to: URL(filePath: folder.path + "/net.card.json"))
    try Data([1, 2, 3]).write(to: URL(filePath: folder.path + "/broken.onnx"))
    for _ in 0..<2 {
      let server = try await InProcess(in: state) { $0.modelsDirectory = folder.path }
      let models = try ListModelsCall(server.services).answer(.init(), server.caller).models
      #expect(models.map(\.name) == ["net"] && models[0].version == 1 && models[0].cardJson == #"{"data":"none"}"#)
    }
  }
}
