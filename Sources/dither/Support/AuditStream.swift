import DitherClient
import DitherProto
import Foundation
import Synchronization

/// The events of a served audit, from its start or from wherever it stands.
enum AuditStream {
  /// Shows the progress, and waits for the report.
  /// - Throws: when the audit fails, is cancelled, or its server goes.
  static func follow(
    _ events: AsyncThrowingStream<Dither_V1_AuditEvent, any Error>
  ) async throws -> Dither_V1_Report {
    let progress = AuditProgress(shards: 0)
    // The audit is the server's: what ends here is the watching.
    let interrupt = Interrupt {
      progress.close()
      if let id = progress.audit {
        Console.note("the audit goes on: `dither audits watch \(id)` follows it, `dither audits cancel \(id)` ends it")
      }
      ExitStatus.end(.interrupted)
    }
    defer {
      progress.close()
      withExtendedLifetime(interrupt) {}
    }
    var found: Dither_V1_Report?
    for try await event in events {
      switch event.kind {
      case .state(let state):
        switch state.state {
        case .failed:
          throw CommandFailure(status: .checkFailed, message: "audit \(state.audit) failed: \(state.message)")
        case .cancelled: throw CommandFailure(status: .interrupted, message: "audit \(state.audit) was cancelled")
        default: progress.begin(state.audit)
        }
      case .progress(let shards): progress.show(shards.probe, done: Int(shards.shardsDone), of: Int(shards.shards))
      case .report(let report): found = report
      case nil: continue
      }
    }
    if let found { return found }
    throw CommandFailure(status: .unavailable, message: "the stream ended without a report")
  }
}

/// How far an audit has come; told from any thread.
final class AuditProgress: Sendable {
  private struct State: ~Copyable {
    var line = ProgressLine()
    var done = 0
    var shards: Int
    let start = ContinuousClock.now
    var audit: String?
  }
  private let state: Mutex<State>

  init(shards: Int) { state = Mutex(State(shards: shards)) }

  /// A line of its own, which stays: the audit is found again by its name.
  func begin(_ audit: String) {
    let isFirst = state.withLock { state in
      defer { state.audit = audit }
      return state.audit == nil
    }
    if isFirst { Console.note("audit \(audit)") }
  }

  /// Its name, where a server has told it.
  var audit: String? { state.withLock { $0.audit } }

  func show(_ probe: String) {
    state.withLock { state in
      state.done += 1
      Self.show(probe, &state)
    }
  }

  func show(_ probe: String, done: Int, of shards: Int) {
    state.withLock { state in
      state.done = done
      state.shards = shards
      Self.show(probe, &state)
    }
  }

  private static func show(_ probe: String, _ state: inout State) {
    let seconds = (ContinuousClock.now - state.start) / .seconds(1)
    let left = state.done == 0 ? 0 : seconds * Double(state.shards - state.done) / Double(state.done)
    state.line.show("\(state.done) of \(state.shards) shards  \(clockTime(left)) left  \(probe)")
  }

  func close() { state.withLock { $0.line.close() } }
}
