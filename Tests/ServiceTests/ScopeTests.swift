import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTransport
import Foundation
import SwiftProtobuf
import Testing

/// Callers whose token is for some models only.
@Suite("Tokens for some models")
struct ScopeTests {
  private let caller = Caller(name: "lab", scope: NameScope(["lab-*"]))

  private func with(_ body: (InProcess) async throws -> Void) async throws {
    let file = try TestModels.mlp(), other = try TestModels.mlp(seed: 2)
    try await body(InProcess(models: ["lab-net": file, "secret": other, "secrets": file]))
  }

  private static let audit = Dither_V1_AuditRequest.with {
    $0.seed = 5
    $0.probes = [.with { $0.probe = "clean" }]
    $0.examples.inputs.type = .float32
    $0.examples.inputs.shape = [4, 6]
    $0.examples.inputs.data = rows(4, of: 6).joined().reduce(into: Data()) { data, value in
      withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
    }
    $0.examples.labels = [0, 1, 2, 0]
  }

  /// Nobody hears it.
  private let deaf = ResponseWriter<Dither_V1_AuditEvent> { _ in }

  private func refused(_ call: String, _ body: () async throws -> Void) async {
    await #expect {
      try await body()
    } throws: { error in
      isFault(error, .permissionDenied) || (error as? CallError)?.code == .permissionDenied
    }
  }

  @Test("other models are refused by every call that names one, whether they are here or not, with the remedy")
  func others() async throws {
    try await with { server in
      let services = server.services
      for name in ["secret", "secret@1", "secret:best", "nothing"] {
        await #expect {
          _ = try await server.predict(name, rows(1, of: 6), caller: caller)
        } throws: {
          isFault($0, .permissionDenied, "'lab-*'") && isFault($0, .permissionDenied, "tokens create --model")
        }
        await refused("GetModel") { _ = try await GetModelCall(services).answer(.with { $0.model = name }, caller) }
        await refused("Drift") { _ = try DriftCall(services).answer(.with { $0.model = name }, caller) }
        await refused("SetAlias") {
          _ = try await SetAliasCall(services).answer(.with { ($0.model, $0.alias) = (name, "best") }, caller)
        }
        await refused("RemoveModel") {
          _ = try await RemoveModelCall(services).answer(.with { $0.model = name }, caller)
        }
        await refused("Calibrate") {
          _ = try await CalibrateCall(services).answer(.with { $0.model = name }, caller)
        }
        var audit = Self.audit
        audit.model = name
        await refused("Audit") { try await AuditCall(services).answer(audit, caller, deaf) }
        await refused("PlanAudit") { _ = try await PlanAuditCall(services).answer(audit, caller) }
        // As one of an ensemble, and as one to compare with.
        audit.model = "lab-net+\(name)"
        await refused("Audit") { try await AuditCall(services).answer(audit, caller, deaf) }
        (audit.model, audit.others) = ("lab-net", [name])
        await refused("Audit") { try await AuditCall(services).answer(audit, caller, deaf) }
        let (oip, version) = (name.prefix { $0.isLetter }, "")
        await refused("ModelMetadata") {
          _ = try ModelMetadataCall(services).answer(.with { ($0.name, $0.version) = (String(oip), version) }, caller)
        }
        await refused("ModelConfig") {
          _ = try ModelConfigCall(services).answer(.with { ($0.name, $0.version) = (String(oip), version) }, caller)
        }
        await refused("ModelStatistics") {
          _ = try ModelStatisticsCall(services).answer(.with { $0.name = String(oip) }, caller)
        }
        await refused("RepositoryModelLoad") {
          _ = try await RepositoryModelLoadCall(services).answer(.with { $0.modelName = name }, caller)
        }
        await refused("RepositoryModelUnload") {
          _ = try await RepositoryModelUnloadCall(services).answer(.with { $0.modelName = name }, caller)
        }
        let readiness = ModelReadyCall(services).answer(.with { $0.name = String(oip) }, caller)
        #expect(!readiness.ready)
      }
      let begin = Dither_V1_UploadRequest.with {
        $0.begin = .with { ($0.name, $0.bytes, $0.sha256) = ("other", 3, Sha256.hash([1, 2, 3]).hex) }
      }
      await refused("Upload") { _ = try await UploadCall(services).answer(inTurn([begin]), caller) }
      await refused("GetUpload") {
        let asked = Dither_V1_GetUploadRequest.with { ($0.name, $0.sha256) = ("other", Sha256.hash([1, 2, 3]).hex) }
        _ = try await GetUploadCall(services).answer(asked, caller)
      }
      // All are as they were.
      let models = try ListModelsCall(services).answer(.init(), server.caller).models
      #expect(models.count == 3)
    }
  }

  @Test("versions of other models are not described, signed, downloaded, tried, removed for good or restored")
  func registry() async throws {
    try await with { server in
      let services = server.services, down = ResponseWriter<Dither_V1_DownloadResponse> { _ in }
      for name in ["secret", "secret@1", "nothing"] {
        await refused("DescribeModel") {
          _ = try await DescribeModelCall(services).answer(.with { ($0.model, $0.tags) = (name, ["a": "b"]) }, caller)
        }
        await refused("ListRevisions") {
          _ = try await ListRevisionsCall(services).answer(.with { $0.model = name }, caller)
        }
        await refused("SetRollout") {
          _ = try await SetRolloutCall(services).answer(
            .with { ($0.model, $0.alias, $0.share) = (name, "best", 0.5) }, caller)
        }
        await refused("Download") {
          try await DownloadCall(services).answer(.with { $0.model = name }, caller, down)
        }
        await refused("SignModel") {
          _ = try await SignModelCall(services).answer(.with { $0.model = name }, caller)
        }
        await refused("RemoveModel") {
          _ = try await RemoveModelCall(services).answer(.with { ($0.model, $0.purge) = (name, true) }, caller)
        }
        await refused("RestoreModel") {
          _ = try await RestoreModelCall(services).answer(.with { $0.model = name }, caller)
        }
      }
      await refused("EndRollout") {
        _ = try await EndRolloutCall(services).answer(.with { $0.model = "secret:best" }, caller)
      }
      await refused("ListTrail") { _ = try await ListTrailCall(services).answer(.init(), caller) }
      for name in ["secret", "lab-net"] {
        _ = try await server.upload(TestModels.mlp(seed: 3), as: name, aliases: ["best"])
        let candidate = Dither_V1_SetRolloutRequest.with {
          ($0.model, $0.alias, $0.share, $0.shadow) = ("\(name)@1", "best", 1, true)
        }
        _ = try await SetRolloutCall(services).answer(candidate, server.caller)
      }
      #expect(try ListRolloutsCall(services).answer(.init(), server.caller).rollouts.count == 2)
      #expect(try ListRolloutsCall(services).answer(.init(), caller).rollouts.map(\.name) == ["lab-net"])
      for name in ["secret", "lab-net"] {
        _ = try await RemoveModelCall(services).answer(.with { ($0.model, $0.force) = (name, true) }, server.caller)
      }
      let all = try await ListRemovedModelsCall(services).answer(.init(), server.caller).models
      let own = try await ListRemovedModelsCall(services).answer(.init(), caller).models
      #expect(all.count == 4 && own.map(\.name) == ["lab-net", "lab-net"])
    }
  }

  @Test("its own models are served, and lists have no others")
  func own() async throws {
    try await with { server in
      let services = server.services
      #expect(try await server.predict("lab-net", rows(1, of: 6), caller: caller).model == "lab-net")
      let listed = try ListModelsCall(services).answer(.init(), caller)
      #expect(listed.models.map(\.name) == ["lab-net"] && listed.nextPageToken.isEmpty)
      #expect(try RepositoryIndexCall(services).answer(.init(), caller).models.map(\.name) == ["lab-net"])
      #expect(try ModelStatisticsCall(services).answer(.init(), caller).modelStats.map(\.name) == ["lab-net"])
      let readiness = ModelReadyCall(services).answer(.with { $0.name = "lab-net" }, caller)
      #expect(readiness.ready)
      _ = try await SetAliasCall(services).answer(.with { ($0.model, $0.alias) = ("lab-net", "best") }, caller)
      // A digest stands for the version of it that may be seen, or for none.
      let digest = try #require(listed.models.first?.digest)
      #expect(try await GetModelCall(services).answer(.with { $0.model = digest }, caller).name == "lab-net")
      let secret = try await GetModelCall(services).answer(.with { $0.model = "secret" }, server.caller).digest
      await #expect { _ = try await GetModelCall(services).answer(.with { $0.model = secret }, caller) } throws: {
        isFault($0, .notFound)
      }
      // Nor are other names suggested.
      let wide = Caller(name: "wide", scope: NameScope(["lab-*", "secre"]))
      await #expect { _ = try await GetModelCall(services).answer(.with { $0.model = "secre" }, wide) } throws: {
        isFault($0, .notFound) && !"\($0)".contains("secret")
      }
    }
  }

  @Test("audits are seen by who may see all their models")
  func audits() async throws {
    try await with { server in
      let services = server.services
      func audit(_ model: String, _ others: [String] = []) async throws -> String {
        var request = Self.audit
        (request.model, request.others) = (model, others)
        let known = Set(try await ListAuditsCall(services).answer(.init(), server.caller).audits.map(\.audit))
        try await AuditCall(services).answer(request, server.caller, deaf)
        let all = try await ListAuditsCall(services).answer(.init(), server.caller).audits.map(\.audit)
        return try #require(all.first { !known.contains($0) })
      }
      let own = try await audit("lab-net"), mixed = try await audit("lab-net", ["secret"])
      let other = try await audit("secret")
      let listed = try await ListAuditsCall(services).answer(.init(), caller).audits.map(\.audit)
      #expect(listed == [own])
      _ = try await GetReportCall(services).answer(.with { $0.audit = own }, caller)
      try await WatchAuditCall(services).answer(.with { $0.audit = own }, caller, deaf)
      let inputs = ResponseWriter<Dither_V1_AdversarialInputs> { _ in }
      for id in [mixed, other] {
        await refused("GetReport") { _ = try await GetReportCall(services).answer(.with { $0.audit = id }, caller) }
        await refused("WatchAudit") {
          try await WatchAuditCall(services).answer(.with { $0.audit = id }, caller, deaf)
        }
        await refused("CancelAudit") {
          _ = try await CancelAuditCall(services).answer(.with { $0.audit = id }, caller)
        }
        await refused("GetAdversarials") {
          try await GetAdversarialsCall(services).answer(.with { $0.audit = id }, caller, inputs)
        }
      }
    }
  }

  @Test("a job that is no audit is not found by the calls for audits, whoever asks")
  func otherJobs() async throws {
    try await with { server in
      let services = server.services, all = server.caller
      let inputs = ResponseWriter<Dither_V1_AdversarialInputs> { _ in }
      try await services.store.jobs.create(Job(id: "s", kind: "sweep", subject: "lab-net", spec: [], createdBy: "me"))
      func absent(_ body: () async throws -> Void) async {
        await #expect {
          try await body()
        } throws: {
          isFault($0, .notFound, "that of a sweep")
        }
      }
      await absent { _ = try await GetReportCall(services).answer(.with { $0.audit = "s" }, all) }
      await absent { try await WatchAuditCall(services).answer(.with { $0.audit = "s" }, all, deaf) }
      await absent { _ = try await CancelAuditCall(services).answer(.with { $0.audit = "s" }, all) }
      await absent { try await GetAdversarialsCall(services).answer(.with { $0.audit = "s" }, all, inputs) }
      #expect(try await services.store.jobs.job("s").state == .queued)
      #expect(try await ListAuditsCall(services).answer(.init(), all).audits.isEmpty)
    }
  }

  @Test("over HTTP: pages show what may be seen, figures of all models are for tokens of all models")
  func console() async throws {
    try await AskedServer.with(roles: ["predict", "audit"]) { server in
      let tokens = server.running.services.store.tokens
      let token = try await tokens.create("lab", TokenGrant(roles: ["predict", "audit"], models: ["lab-*"]))
      func text(_ path: String, _ token: String) async throws -> (status: Int, text: String) {
        let answer = try await server.ask(path, token: token)
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
      }
      #expect(try await text("/", server.token).text.contains("/models/net"))
      #expect(try await !text("/", token).text.contains("/models/net"))
      for path in ["/models/net", "/metrics", "/v2/models/net", "/v2/models/net/stats", "/v2/models/net/ready"] {
        #expect(try await text(path, server.token).status == 200, "\(path)")
        let refused = try await text(path, token)
        #expect(refused.status == 403 && refused.text.contains("dither tokens create"), "\(path): \(refused.text)")
      }
      let input = #""inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 6], "data": [0, 0, 0, 0, 0, 0]}]"#
      let body = Data("{\(input)}".utf8)
      #expect(try await server.ask("/v2/models/net/infer", body, token: token).status == 403)
      #expect(try await server.ask("/v2/models/net/infer", body).status == 200)
      let index = try await server.ask("/v2/repository/index", Data("{}".utf8), token: token)
      #expect(String(decoding: index.body, as: UTF8.self) == "[]")
    }
  }
}
