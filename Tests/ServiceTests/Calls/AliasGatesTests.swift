import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("Aliases that ask for gates, and quotas") struct AliasGatesTests {
  private static func move(
    _ server: InProcess, _ model: String, _ alias: String = "live", after audit: String = ""
  ) async throws -> [String] {
    try await SetAliasCall(server.services).answer(
      .with {
        $0.model = model
        $0.alias = alias
        $0.requiredAudit = audit
      }, server.caller
    ).aliases
  }

  /// - Returns: the audit's name, once it is done.
  private static func audit(
    _ server: InProcess, _ model: String, gates: [String], noise: [String] = []
  ) async throws -> String {
    let request = Dither_V1_AuditRequest.with {
      $0.model = model
      $0.seed = 5
      $0.probes = [.with { $0.probe = "clean" }]
      $0.gates = gates
      $0.noise = noise
      $0.examples.inputs.type = .float32
      $0.examples.inputs.shape = [12, 6]
      $0.examples.inputs.data = rows(12, of: 6).joined().reduce(into: Data()) { data, value in
        withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
      }
      $0.examples.labels = (0..<12).map { UInt32($0 % 3) }
    }
    for await _ in try await AuditCall(server.services).start(request, server.caller) {}
    let newest = try await server.services.store.jobs.list(kind: "audit", limit: 1).first
    return try #require(newest).id
  }

  private static func models() throws -> [String: [UInt8]] {
    try ["net": TestModels.mlp(seed: 1), "other": TestModels.mlp(seed: 2)]
  }

  @Test("an alias moves after an audit of that very version, whose gates are kept, and the trail says which")
  func required() async throws {
    let server = try await InProcess(models: Self.models())
    let good = try await Self.audit(server, "net", gates: ["clean>=0"])
    #expect(try await Self.move(server, "net@1", after: good) == ["live"])
    let trail = try await ListTrailCall(server.services).answer(.with { $0.action = "alias.move" }, server.caller)
    #expect(trail.entries.first?.detail == "from=none to=1 audit=\(good)")
    let failed = try await Self.audit(server, "net", gates: ["clean>=0", "clean>=2"])
    let gateless = try await Self.audit(server, "net", gates: [])
    let noisy = try await Self.audit(server, "net", gates: ["clean>=0"], noise: ["weights:gaussian,sigma=0.01"])
    for (model, audit, words) in [
      ("net@1", failed, "does not keep"), ("net@1", gateless, "without"), ("other@1", good, "net@1"),
      ("net@1", noisy, "noise"),
    ] {
      await #expect { _ = try await Self.move(server, model, after: audit) } throws: {
        isFault($0, .failedPrecondition, words)
      }
    }
    await #expect { _ = try await Self.move(server, "net@1", after: "none") } throws: { isFault($0, .notFound) }
  }

  @Test("a server may ask for gates: no alias without them, by whatever call")
  func guarded() async throws {
    let scratch = try Scratch(), path = scratch.file("gates")
    try Data("# before anybody sees it\nlive clean>=0\nlive clean.ece15<=1\nbeta\n".utf8).write(to: URL(filePath: path))
    let server = try await InProcess(models: Self.models()) { $0.aliasGates = path }
    for alias in ["live", "beta"] {
      await #expect { _ = try await Self.move(server, "net@1", alias) } throws: {
        isFault($0, .failedPrecondition, "--require-gates")
      }
      await #expect { _ = try await server.upload(TestModels.mlp(seed: 3), as: "third", aliases: [alias]) } throws: {
        isFault($0, .failedPrecondition, "alias '\(alias)'")
      }
      await #expect { _ = try await server.upload(TestModels.mlp(seed: 1), as: "net", aliases: [alias]) } throws: {
        isFault($0, .failedPrecondition)
      }
    }
    let some = try await Self.audit(server, "net", gates: ["clean>=0"])
    #expect(try await Self.move(server, "net@1", "beta", after: some) == ["beta"])
    await #expect { _ = try await Self.move(server, "net@1", after: some) } throws: {
      isFault($0, .failedPrecondition, "clean.ece15")
    }
    #expect(try await Self.move(server, "net@1", "free") == ["beta", "free"])
    #expect(try await server.services.store.models.all().map(\.reference) == ["net@1", "other@1"])
  }

  @Test(
    "a file of gates is refused with its line",
    arguments: [("live clean>>0\n", "line 1"), ("\n7 clean>=0\n", "line 2"), ("a/b\n", "line 1")])
  func files(_ row: (text: String, words: String)) async throws {
    let scratch = try Scratch(), path = scratch.file("gates")
    try Data(row.text.utf8).write(to: URL(filePath: path))
    await #expect { _ = try await InProcess { $0.aliasGates = path } } throws: {
      isFault($0, .invalidArgument, row.words)
    }
    await #expect { _ = try await InProcess { $0.aliasGates = path + "none" } } throws: {
      isFault($0, .invalidArgument, "can be read")
    }
  }

  @Test("an owner who has all that he may publishes nothing new, and is told before the file is sent")
  func quota() async throws {
    let file = try TestModels.mlp()
    let server = try await InProcess { $0.quota = OwnerQuota(versions: 2, bytes: 10 * file.count) }
    for seed: UInt64 in 1...2 { _ = try await server.upload(TestModels.mlp(seed: seed), as: "net") }
    await #expect { _ = try await server.upload(TestModels.mlp(seed: 3), as: "net", to: 0) } throws: {
      isFault($0, .resourceExhausted, "2 versions")
    }
    #expect(try await server.upload(file, as: "net", aliases: ["best"]).existed)
    #expect(server.scratch.files.count == 2)
  }
}
