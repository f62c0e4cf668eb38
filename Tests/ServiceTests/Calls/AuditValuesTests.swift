import DitherBasics
import DitherJobs
import DitherProto
import DitherRobustness
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("Audit, of a regression", .sayingWhichStore) struct AuditValuesTests {
  private static let count = 40

  /// Right but for every fourth, which is off by 1.
  private static func request(
    _ server: InProcess, _ change: (inout Dither_V1_AuditRequest) -> Void = { _ in }
  ) async throws -> Dither_V1_AuditRequest {
    let inputs = rows(count, of: 6)
    let answers = try await server.predict("net", inputs) { $0.samples = 0 }.predictions.map(\.values)
    var request = Dither_V1_AuditRequest.with {
      $0.model = "net"
      $0.seed = 5
      $0.tolerance = 0.5
      $0.probes = ["clean", "errors", "fgsm"].map { name in .with { $0.probe = name } }
      $0.probes[2].parameters = ["epsilon": "0.1"]
      $0.examples.inputs = server.request("net", inputs).input
      $0.examples.values = answers.enumerated().flatMap { row, values in
        values.map { Float($0) + (row % 4 == 3 ? 1 : 0) }
      }
    }
    change(&request)
    return request
  }

  private static func report(_ server: InProcess, _ request: Dither_V1_AuditRequest) async throws -> Report {
    var found: Report?
    for await event in try await AuditCall(server.services).start(request, server.caller) {
      if case .report(let json, _) = event { found = try Report(json: Data(json)) }
    }
    return try #require(found)
  }

  @Test("its errors are told, attacked, kept and given back in every form", .overEveryEngine)
  func audits() async throws {
    let server = try await InProcess(models: ["net": TestModels.regression(sigma: nil)])
    let request = try await Self.request(server) { $0.saveAdversarials = true }
    let report = try await Self.report(server, request), right = request.examples.values
    #expect(report.tolerance == [0.5, 0.5] && report.command.contains("--tolerance 0.5"))
    #expect(report.probes[0].cleanAccuracy == 0.75 && report.examples == nil)
    let summary = try #require(report.probes[1].summary)
    let rmse = try #require(summary["rmse"])
    let mae = try #require(summary["mae"])
    #expect(abs(rmse - 0.5) < 1e-5 && abs(mae - 0.25) < 1e-5)
    #expect(summary["nll"] == nil && summary["picp"] == nil, "nothing says how sure it is")
    let attacked = try #require(report.probes[2].summary)
    let worse = try #require(attacked["rmse"])
    let cleanAgain = try #require(attacked["rmse_clean"])
    #expect(worse > 0.5 && abs(cleanAgain - 0.5) < 1e-5)

    let id = try #require(try await server.services.store.jobs.list(kind: "audit").first?.id)
    let parts = try await GetAdversarialsCall(server.services).parts(of: id)
    #expect(parts.allSatisfy { $0.labels.isEmpty && $0.answers.isEmpty && $0.place == 2 })
    #expect(parts.flatMap(\.indices) == (0..<Self.count).map(UInt64.init))
    for part in parts {
      let served = try await server.predict("net", []) { ($0.input, $0.samples) = (part.inputs, 0) }
      #expect(served.predictions.flatMap(\.values).map { Float($0) } == part.answerValues)
      #expect(part.values == part.indices.flatMap { right[Int($0) * 2..<Int($0) * 2 + 2] })
    }
    let form = try await GetReportCall(server.services).answer(
      .with {
        $0.audit = id
        $0.format = .protobuf
      }, server.caller)
    #expect(try Dither_V1_AuditReport(serializedBytes: form.protobuf).tolerance == [0.5, 0.5])
    // A temperature of 1 leaves things as they are, which commands of reports say.
    let same = try await Self.report(server, Self.request(server) { $0.temperatures = [1] })
    #expect(same.probes[1].summary == report.probes[1].summary)
  }

  @Test("values that do not fit, and what only classes have, are refused before any work")
  func refused() async throws {
    let server = try await InProcess(
      models: ["net": TestModels.regression(), "classes": TestModels.mlp(seed: 1, sigma: nil)])
    func expect(
      _ words: String, _ change: (inout Dither_V1_AuditRequest) -> Void, line: Int = #line
    ) async throws {
      let request = try await Self.request(server, change)
      await #expect("line \(line)") {
        _ = try await AuditCall(server.services).start(request, server.caller)
      } throws: {
        isFault($0, .invalidArgument, words)
      }
    }
    try await expect("either labels or values") { $0.examples.labels = [UInt32](repeating: 0, count: Self.count) }
    try await expect("as many for each of \(Self.count) rows") { $0.examples.values.removeLast() }
    try await expect("2 finite values") { $0.examples.values.removeLast(Self.count) }
    try await expect("finite values") { $0.examples.values[7] = .nan }
    try await expect("2 finite values") {
      $0.examples.values = []
      $0.examples.labels = [UInt32](repeating: 0, count: Self.count)
    }
    try await expect("a class for each row") { $0.model = "classes" }
    try await expect("tolerance") { $0.tolerance = -1 }
    try await expect("tolerance") { $0.tolerance = .nan }
    try await expect("a temperature divides the logits of classes") { $0.temperatures = [2] }
    try await expect("probe apgd loss") {
      $0.probes[2] = .with { ($0.probe, $0.parameters) = ("apgd", ["loss": "dlr"]) }
    }
    try await expect("probe calibration") { $0.probes[1].probe = "calibration" }
    try await expect("gate") { $0.gates = ["errors.ece15<=1"] }
    #expect(try await server.services.store.jobs.list(kind: "audit").isEmpty)
  }
}
