import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import SwiftProtobuf
import Testing

@Suite("RemoveModel and RestoreModel") struct RemoveModelTests {
  private static func remove(
    _ server: InProcess, _ model: String, force: Bool = false, purge: Bool = false
  ) async throws -> UInt32 {
    let request = Dither_V1_RemoveModelRequest.with { ($0.model, $0.force, $0.purge) = (model, force, purge) }
    return try await RemoveModelCall(server.services).answer(request, server.caller).removed
  }

  private static func restore(_ server: InProcess, _ model: String) async throws -> [String] {
    try await RestoreModelCall(server.services).answer(.with { $0.model = model }, server.caller).models
      .map { "\($0.name)@\($0.version)" }
  }

  private static func removed(_ server: InProcess) async throws -> [Dither_V1_Model] {
    try await ListRemovedModelsCall(server.services).answer(.init(), server.caller).models
  }

  /// net@1, net@2 (best).
  private static func server(kept: Duration = .seconds(60)) async throws -> InProcess {
    let server = try await InProcess { $0.limits.removedKept = kept }
    for seed: UInt64 in 1...2 {
      _ = try await server.upload(TestModels.mlp(seed: seed), as: "net", aliases: seed == 2 ? ["best"] : [])
    }
    return server
  }

  @Test("what an alias names stays, but by force; what was removed answers nobody, and comes back")
  func guarded() async throws {
    let server = try await Self.server()
    for model in ["net", "net@2", "net:best"] {
      await #expect { _ = try await Self.remove(server, model) } throws: {
        isFault($0, .failedPrecondition, "'best'")
      }
    }
    let before = try await server.predict("net@2", rows(1, of: 6), { $0.seed = 3 })
    #expect(try await Self.remove(server, "net:best", force: true) == 1)
    await #expect { _ = try await server.predict("net@2", rows(1, of: 6)) } throws: { isFault($0, .notFound) }
    let kept = try await Self.removed(server)
    #expect(kept.map(\.version) == [2] && kept[0].removal.removedBy == "tester" && kept[0].aliases.isEmpty)
    #expect(kept[0].removal.keptUntilMs == kept[0].removal.removedMs + 60_000)
    #expect(server.scratch.files.count == 2)
    #expect(try await Self.restore(server, "net") == ["net@2"])
    let after = try await server.predict("net@2", rows(1, of: 6), { $0.seed = 3 })
    #expect(after.predictions == before.predictions)
    #expect(try await Self.removed(server).isEmpty)
    let there = try await GetModelCall(server.services).answer(.with { $0.model = "net@2" }, server.caller)
    #expect(!there.hasRemoval)
  }

  @Test("purged, neither it nor what was removed before comes back, and the files are gone")
  func purged() async throws {
    let server = try await Self.server()
    #expect(try await Self.remove(server, "net@1") == 1)
    #expect(try await Self.remove(server, "net@1", purge: true) == 1)
    #expect(server.scratch.files.count == 1)
    await #expect { _ = try await Self.restore(server, "net@1") } throws: { isFault($0, .notFound) }
    await #expect { _ = try await Self.remove(server, "net@1", purge: true) } throws: { isFault($0, .notFound) }
    await #expect { _ = try await Self.remove(server, "nett", purge: true) } throws: {
      isFault($0, .notFound, "did you mean 'net'")
    }
    await #expect { _ = try await Self.remove(server, "net", purge: true) } throws: { isFault($0, .failedPrecondition) }
    #expect(try await Self.remove(server, "net", force: true, purge: true) == 1)
    #expect(server.scratch.files.isEmpty)
  }

  @Test("a server that keeps nothing removes at once")
  func keepsNothing() async throws {
    let server = try await Self.server(kept: .zero)
    #expect(try await Self.remove(server, "net@1") == 1)
    #expect(server.scratch.files.count == 1)
    #expect(try await Self.removed(server).isEmpty)
  }

  @Test("a name, a version, and nothing else, can be restored", arguments: ["net:best", "sha256:12", "", "net@0"])
  func references(_ text: String) async throws {
    let server = try await Self.server()
    await #expect { _ = try await Self.restore(server, text) } throws: { isFault($0, .invalidArgument) }
  }
}
