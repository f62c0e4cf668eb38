import DitherBasics
import DitherProto
import DitherService
import DitherTransport
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Synchronization
import Testing

/// The events of an audit as callers hear them.
@Suite("WatchAudit", .overEveryEngine, .sayingWhichStore) struct WatchAuditTests {
  private static let request = Dither_V1_AuditRequest.with {
    $0.model = "net"
    $0.seed = 5
    $0.probes = [.with { $0.probe = "clean" }, .with { $0.probe = "fgsm" }]
    $0.examples.inputs.type = .float32
    $0.examples.inputs.shape = [30, 6]
    $0.examples.inputs.data = rows(30, of: 6).joined().reduce(into: Data()) { data, value in
      withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
    }
    $0.examples.labels = (0..<30).map { UInt32($0 % 3) }
  }

  /// All that was said until the call ended.
  private final class Heard: Sendable {
    private let events = Mutex<[Dither_V1_AuditEvent]>([])
    var all: [Dither_V1_AuditEvent] { events.withLock { $0 } }
    var writer: ResponseWriter<Dither_V1_AuditEvent> {
      ResponseWriter { event in self.events.withLock { $0.append(event) } }
    }
  }

  @Test("an audit is heard from its beginning to its report, by who began it and by who comes later") func events()
    async throws
  {
    let server = try await InProcess(models: ["net": TestModels.mlp(sigma: nil)]), own = Heard(), later = Heard()
    try await AuditCall(server.services).answer(Self.request, server.caller, own.writer)
    let first = try #require(own.all.first), last = try #require(own.all.last), audit = first.state.audit
    #expect(!audit.isEmpty && first.state.model == "net" && first.state.version == 1)
    guard case .report(let report)? = last.kind else { return #expect(Bool(false), "\(last)") }
    #expect(report.audit == audit && !report.json.isEmpty && !report.html.isEmpty)
    var done: UInt32 = 0
    for event in own.all {
      guard case .progress(let progress)? = event.kind else { continue }
      #expect(progress.audit == audit && progress.shardsDone >= done && progress.shardsDone <= progress.shards)
      #expect(progress.secondsLeft >= 0 || progress.secondsLeft == -1)
      done = progress.shardsDone
    }
    try await WatchAuditCall(server.services).answer(.with { $0.audit = audit }, server.caller, later.writer)
    #expect(later.all.last?.report == report && later.all.first?.state.state == .done)
    #expect(later.all.contains { if case .progress? = $0.kind { true } else { false } } == false)
  }

  @Test("an audit that is not there is not found") func absent() async throws {
    let server = try await InProcess()
    for audit in ["", "none"] {
      await #expect {
        try await WatchAuditCall(server.services).answer(.with { $0.audit = audit }, server.caller, Heard().writer)
      } throws: { isFault($0, .notFound) }
    }
  }
}
