import DitherBasics
import DitherProto
import DitherService
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("Drift of a served version") struct DriftCallTests {
  private static func drift(_ server: InProcess) throws -> Dither_V1_DriftResponse {
    try DriftCall(server.services).answer(.with { $0.model = "net" }, server.caller)
  }

  @Test("it needs a calibration, compares answers made alike, and sees inputs that moved")
  func sees() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    #expect { try Self.drift(server) } throws: { ($0 as? ServiceError)?.code == .notReady }
    let known = rows(120, of: 6)
    _ = try await CalibrateCall(server.services).answer(
      .with {
        $0.model = "net"
        $0.samples = 8
        $0.seed = 3
        $0.examples.inputs = server.request("net", known).input
        $0.examples.labels = known.indices.map { UInt32($0 * 7 % 3) }
      }, server.caller)
    let fresh = try Self.drift(server)
    #expect(fresh.calibration == 1 && fresh.answers == 0 && fresh.statistics.isEmpty && fresh.samples == 8)

    // Each under a seed of its own: rows of one request share their draws.
    for (number, row) in known.enumerated() {
      _ = try await server.predict("net", [row]) { ($0.samples, $0.seed) = (8, UInt64(number)) }
    }
    let same = try Self.drift(server)
    #expect(same.answers == 120 && same.statistics.count == 4 && !same.statistics.contains { $0.drifted })
    // Of other draws, without the calibration, or without the measures.
    _ = try await server.predict("net", known) { $0.samples = 4 }
    _ = try await server.predict("net", known) {
      $0.samples = 8
      $0.uncalibrated = true
    }
    _ = try await server.predict("net", known) {
      $0.samples = 8
      $0.measures = ["margin"]
    }
    let others = try Self.drift(server)
    #expect(others.answers == 120 && others.otherAnswers == 360)

    let moved = known.map { row in row.map { 3 * $0 + 4 } }
    for _ in 0..<5 { _ = try await server.predict("net", moved) { $0.samples = 8 } }
    let after = try Self.drift(server)
    #expect(after.filled == 500 && after.windows == 1 && after.alarms == 1)
    let byName = Dictionary(uniqueKeysWithValues: after.statistics.map { ($0.name, $0) })
    let mean = try #require(byName["input_mean"])
    #expect(mean.drifted && mean.pValue < 1e-6 && mean.recentMedian > mean.referenceMedian + 1)
  }
}
