import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import SwiftProtobuf
import Testing

@Suite("SetAlias", .overEveryEngine, .sayingWhichStore) struct SetAliasTests {
  private static func move(
    _ server: InProcess, _ model: String, from expected: UInt64? = nil
  ) async throws -> Dither_V1_Model {
    try await SetAliasCall(server.services).answer(
      .with {
        $0.model = model
        $0.alias = "best"
        $0.expected = expected.map { .expectedVersion($0) }
      }, server.caller)
  }

  @Test("an alias moves only from where the caller says that it is")
  func comparesAndSets() async throws {
    let server = try await InProcess()
    for seed: UInt64 in 1...2 { _ = try await server.upload(TestModels.mlp(seed: seed), as: "net") }
    await #expect { _ = try await Self.move(server, "net@1", from: 1) } throws: {
      ($0 as? StoreError)?.code == .conflict
    }
    #expect(try await Self.move(server, "net@1", from: 0).aliases == ["best"])
    for wrong: UInt64 in [0, 2] {
      await #expect { _ = try await Self.move(server, "net@2", from: wrong) } throws: {
        ($0 as? StoreError)?.code == .conflict
      }
    }
    #expect(try await Self.move(server, "net@2", from: 1).aliases == ["best"])
    // Wherever it is.
    #expect(try await Self.move(server, "net@1").aliases == ["best"])
    await #expect { _ = try await Self.move(server, "net@1", from: .max) } throws: {
      ($0 as? CallError)?.code == .invalidArgument
    }
  }

  @Test("of many who move it at once from one place, one does")
  func race() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let won = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 { group.addTask { (try? await Self.move(server, "net@1", from: 0)) != nil } }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(won == 1)
  }
}
