import DitherBasics
import DitherJobs
import DitherProto
import DitherRobustness
import DitherService
import DitherStore
import Foundation
import SwiftProtobuf
import Testing

@Suite("Noise that a request brings") struct NoiseTests {
  private static let said = ["weights:gaussian,sigma=0.3"]

  @Test("predictions are those of a version with this noise, and say it")
  func predictions() async throws {
    let server = try await InProcess(models: [
      "noisy": TestModels.mlp(sigma: 0.3), "plain": TestModels.mlp(sigma: nil), "other": TestModels.mlp(sigma: 2),
    ])
    let expected = try await server.predict("noisy", rows(3, of: 6))
    #expect(expected.noise == Self.said && expected.samples == 32)
    for name in ["plain", "other", "noisy"] {
      let found = try await server.predict(name, rows(3, of: 6)) { $0.noise = Self.said }
      #expect(found.samples == 32 && found.noise == Self.said && found.model == name)
      #expect(found.predictions == expected.predictions, "\(name)")
    }
    // The version itself is as it was.
    #expect(try await server.predict("plain", rows(1, of: 6)) { $0.samples = 0 }.noise.isEmpty)
    #expect(try await server.predict("other", rows(3, of: 6)).predictions != expected.predictions)
    let none = try await server.predict("noisy", rows(1, of: 6)) { ($0.samples, $0.noise) = (0, Self.said) }
    #expect(none.samples == 0 && none.noise.isEmpty)
  }

  @Test("many at once, each more than are kept, and each is its own")
  func many() async throws {
    let server = try await InProcess(models: ["plain": TestModels.mlp(sigma: nil)])
    var answers: [Int: [Dither_V1_Prediction]] = [:]
    for round in 0..<2 {
      for number in 1...9 {
        let found = try await server.predict("plain", rows(1, of: 6)) {
          $0.noise = ["weights:gaussian,sigma=0.\(number)"]
        }
        #expect(found.noise == ["weights:gaussian,sigma=0.\(number)"])
        if round == 0 { answers[number] = found.predictions }
        #expect(found.predictions == answers[number])
      }
    }
    #expect(Set(answers.values.map { $0[0].probabilities }).count == 9)
    // One that many ask for is made once, and all of them have it.
    let shared = try await withThrowingTaskGroup(of: [Dither_V1_Prediction].self) { group in
      for _ in 0..<16 {
        group.addTask {
          try await server.predict("plain", rows(1, of: 6)) { $0.noise = ["input:gaussian,sigma=0.5"] }.predictions
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(shared.count == 16 && shared.allSatisfy { $0[0].label == shared[0][0].label })
  }

  @Test(
    "what is no noise of the model is refused by its field, however much it is",
    arguments: [
      (["weights:gaussian,sigma=nan"], "noise weights:gaussian,sigma=nan, 'sigma': expected a number"),
      (["weight:gaussian,sigma=1"], "did you mean 'weights'?"),
      (["embeddings:gaussian,sigma=1"], "a site that the model has"),
      ([String](repeating: "input:gaussian,sigma=1", count: 100_000), "noise: expected at most 16 terms, got 100000"),
      (["input:gaussian,sigma=" + String(repeating: "1", count: 1 << 20)], "at most 1024 bytes"),
      (["dropout"], "Dropout nodes"), (["gradients:gaussian,sigma=1"], "of the training alone"), ([""], "noise"),
      (["weights:gaussian,sigma=0"], "a strength above 0"), (["auto"], "noise"),
    ])
  func refusals(_ noise: [String], _ words: String) async throws {
    let server = try await InProcess(models: ["plain": TestModels.mlp(sigma: nil)])
    await #expect {
      _ = try await server.predict("plain", rows(1, of: 6)) { $0.noise = noise }
    } throws: {
      isFault($0, .invalidArgument, words) && "\($0)".utf8.count < 1000
    }
    await #expect {
      _ = try await AuditCall(server.services).start(Self.audit("plain") { $0.noise = noise }, server.caller)
    } throws: {
      isFault($0, .invalidArgument, words) && "\($0)".utf8.count < 1000
    }
    #expect(try await server.services.store.jobs.list(kind: "audit").isEmpty)
  }

  @Test("draws of a model without noise are refused with the remedy, whoever asks")
  func nothingToDraw() async throws {
    let server = try await InProcess(models: ["plain": TestModels.mlp(sigma: nil)])
    func refuses(_ body: @escaping () async throws -> Void) async {
      await #expect {
        try await body()
      } throws: {
        isFault($0, .invalidArgument, "samples: expected a model with noise") && "\($0)".contains("dither tune")
      }
    }
    await refuses { _ = try await server.predict("plain", rows(1, of: 6)) { $0.samples = 8 } }
    await refuses {
      _ = try await AuditCall(server.services).start(Self.audit("plain") { $0.samples = 8 }, server.caller)
    }
    await refuses {
      _ = try await CalibrateCall(server.services).answer(
        .with { ($0.model, $0.samples, $0.examples) = ("plain", 8, Self.audit("plain").examples) }, server.caller)
    }
  }

  @Test("a calibration is of the version's own noise: it is left out, and its sets are refused")
  func calibrated() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let stored = try await CalibrateCall(server.services).answer(
      .with { ($0.model, $0.examples) = ("net", Self.audit("net").examples) }, server.caller)
    #expect(stored.temperature != 1)
    let found = try await server.predict("net", rows(1, of: 6)) { $0.noise = Self.said }
    #expect(found.temperature == 1 && found.calibration == 0)
    await #expect {
      _ = try await server.predict("net", rows(1, of: 6)) { ($0.noise, $0.coverage) = (Self.said, 0.9) }
    } throws: { isFault($0, .invalidArgument, "none beside a coverage") }
    let report = try await Self.report(server, Self.audit("net") { $0.noise = Self.said })
    #expect(report.temperature == nil)
  }

  private static func audit(
    _ model: String, _ change: (inout Dither_V1_AuditRequest) -> Void = { _ in }
  ) -> Dither_V1_AuditRequest {
    .with {
      $0.model = model
      $0.seed = 5
      $0.probes = [.with { $0.probe = "clean" }]
      $0.examples.inputs.type = .float32
      $0.examples.inputs.shape = [60, 6]
      $0.examples.inputs.data = rows(60, of: 6).joined().reduce(into: Data()) { data, value in
        withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
      }
      $0.examples.labels = (0..<60).map { UInt32(($0 * 7 + 2) % 3) }
      change(&$0)
    }
  }

  private static func report(_ server: InProcess, _ request: Dither_V1_AuditRequest) async throws -> Report {
    var found: Report?
    for await event in try await AuditCall(server.services).start(request, server.caller) {
      if case .report(let json, _) = event { found = try Report(json: Data(json)) }
    }
    return try #require(found)
  }

  @Test("an audit is of the model with it; its report and its command say so")
  func audits() async throws {
    let server = try await InProcess(models: [
      "plain": TestModels.mlp(sigma: nil), "noisy": TestModels.mlp(sigma: 0.3),
    ])
    let own = try await Self.report(server, Self.audit("noisy"))
    let said = try await Self.report(
      server,
      Self.audit("plain") {
        $0.noise = Self.said
        $0.others = ["plain"]
      })
    #expect(said.noise == own.noise && said.samples == own.samples && said.samples > 0)
    #expect(said.probes[0].robustAccuracy == own.probes[0].robustAccuracy)
    #expect(said.command.contains("--noise weights:gaussian,sigma=0.3") && !own.command.contains("--noise"))
    #expect(said.comparisons.first?.baseline == "plain")
    await #expect {
      _ = try await AuditCall(server.services).start(
        Self.audit("plain+noisy") { $0.noise = Self.said }, server.caller)
    } throws: { isFault($0, .invalidArgument) }
  }
}
