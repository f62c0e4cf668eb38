import ArgumentParser
import DitherClient
import DitherProto
import Foundation

/// `dither top`: what a server does now.
struct TopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top",
    abstract: "Show what a server does: predictions by version, drift, audits, who shares its database.",
    discussion: """
      On a terminal the table is drawn anew every --interval seconds, until Ctrl-C; elsewhere, and with --once, once. Rates and \
      times are of the last interval. Audits take a token of role audit.

      Example: dither top --once --interval 1
      """)

  @Option(help: "Seconds between two looks, 0.2 to 3600.")
  var interval = 2.0
  @Flag(help: "Look twice, print once, and end.")
  var once = false
  @Flag(help: "Print one JSON object and end.")
  var json = false
  @OptionGroup var server: ServerOptions

  func validate() throws {
    guard interval >= 0.2, interval <= 3600 else {
      throw ValidationError("--interval: expected 0.2 to 3600 seconds, got \(interval)")
    }
  }

  func run() async throws {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    try await server.withClient { client in
      var before = try await ServerLook(client)
      while true {
        try await Task.sleep(for: .seconds(interval))
        let now = try await ServerLook(client), shown = ServerActivity(before, now)
        before = now
        if json { return try Json.print(shown) }
        let redraws = isTerminal && !once
        // From the top left corner, over what stood there.
        if redraws { FileHandle.standardOutput.write(Data("\u{1B}[H\u{1B}[2J".utf8)) }
        Console.tell(shown.text)
        guard redraws else { return }
      }
    }
  }
}

/// A server's figures at one moment.
struct ServerLook: Sendable {
  var time = ContinuousClock.now
  var models: [Inference_ModelStatistics]
  /// By "name@version"; of calibrated versions.
  var drifts: [String: Dither_V1_DriftResponse] = [:]
  /// Audits that wait or run; nil: the token may not see them.
  var audits: [Dither_V1_AuditState]?
  /// Processes that share the server's database; nil: the token may not see them, or the server is older.
  var replicas: [Dither_V1_Replica]?

  init(_ client: DitherClient) async throws {
    models = try await client.unary(
      Inference_GRPCInferenceService.modelStatistics, Inference_ModelStatisticsRequest()
    ).modelStats
    for model in models where model.inferenceStats.success.count > 0 {
      let reference = "\(model.name)@\(model.version)"
      do { drifts[reference] = try await client.drift(reference) } catch let error as CallError
        where [.failedPrecondition, .notFound].contains(error.code)
      {}
    }
    do {
      audits = try await client.listAudits(most: 1000).filter { [.queued, .running].contains($0.state) }
      replicas = try await client.listReplicas()
    } catch let error as CallError where [.permissionDenied, .unimplemented].contains(error.code) {}
  }
}

/// The doings of a server between two looks, as `--json` prints it.
struct ServerActivity: Encodable {
  struct Version: Encodable {
    var model: String
    /// Requests a second that were answered, and that failed.
    var requestsPerSecond: Double
    var failuresPerSecond: Double
    var rowsPerSecond: Double
    /// Rows of a batch; nil: none was computed.
    var batchRows: Double?
    /// A request's mean, in milliseconds; nil: none was answered.
    var queueMilliseconds: Double?
    var computeMilliseconds: Double?
    /// Since the server started.
    var requests: UInt64
    /// nil: no calibration, or too few answers.
    var drifted: Bool?
  }
  struct Audit: Encodable {
    var audit: String
    var model: String
    var state: String
  }
  struct Replica: Encodable {
    var replica: String
    var kind: String
    /// Changes of the registry that it has not said to know.
    var behind: UInt64
    var silentMilliseconds: UInt64
    var computeClass: String
    var code: String
  }
  var seconds: Double
  var models: [Version]
  var audits: [Audit]?
  var replicas: [Replica]?

  init(_ before: ServerLook, _ now: ServerLook) {
    let span = max((now.time - before.time) / .seconds(1), 1e-3)
    seconds = span
    let old = Dictionary(before.models.map { ("\($0.name)@\($0.version)", $0) }) { first, _ in first }
    models = now.models.map { model in
      let reference = "\(model.name)@\(model.version)"
      // A server that was started again counts from 0.
      let known = old[reference].flatMap {
        $0.inferenceStats.success.count <= model.inferenceStats.success.count ? $0 : nil
      }
      let was = known ?? Inference_ModelStatistics()
      func rise(_ figure: (Inference_ModelStatistics) -> UInt64) -> Double {
        Double(figure(model)) - Double(figure(was))
      }
      let answered = rise { $0.inferenceStats.success.count }
      let batches = rise(\.executionCount), rows = rise(\.inferenceCount)
      func mean(_ nanoseconds: Double) -> Double? { answered > 0 ? nanoseconds / answered / 1e6 : nil }
      let statistics = now.drifts[reference]?.statistics ?? []
      return Version(
        model: reference, requestsPerSecond: answered / span,
        failuresPerSecond: max(0, rise { $0.inferenceStats.fail.count }) / span, rowsPerSecond: rows / span,
        batchRows: batches > 0 ? rows / batches : nil,
        queueMilliseconds: mean(rise { $0.inferenceStats.queue.ns }),
        computeMilliseconds: mean(rise { $0.inferenceStats.computeInfer.ns }),
        requests: model.inferenceStats.success.count,
        drifted: statistics.isEmpty ? nil : statistics.contains { $0.drifted })
    }.sorted { ($1.requestsPerSecond, $1.requests, $0.model) < ($0.requestsPerSecond, $0.requests, $1.model) }
    audits = now.audits?.map {
      Audit(
        audit: $0.audit, model: $0.version > 0 ? "\($0.model)@\($0.version)" : $0.model,
        state: $0.state == .running ? "running" : "queued")
    }
    replicas = now.replicas?.map {
      Replica(
        replica: $0.id, kind: $0.kind == .server ? "server" : "worker", behind: $0.changesBehind,
        silentMilliseconds: $0.silentMs, computeClass: $0.computeClass, code: $0.code)
    }
  }

  var text: String {
    func cell(_ value: Double?, _ digits: Int) -> String { value?.digits(digits) ?? "–" }
    var parts = [
      table(
        [["model", "calls/s", "failed/s", "rows/s", "rows/batch", "queue ms", "compute ms", "drift"]]
          + models.map {
            [
              $0.model, cell($0.requestsPerSecond, 1), cell($0.failuresPerSecond, 1), cell($0.rowsPerSecond, 1),
              cell($0.batchRows, 1), cell($0.queueMilliseconds, 2), cell($0.computeMilliseconds, 2),
              $0.drifted.map { $0 ? "drifted" : "no" } ?? "–",
            ]
          })
    ]
    if let audits, !audits.isEmpty {
      parts.append(table([["audit", "state", "model"]] + audits.map { [$0.audit, $0.state, $0.model] }))
    }
    // One alone is no news.
    if let replicas, replicas.count > 1 {
      parts.append(
        table(
          [["replica", "kind", "behind", "silent s", "compute class", "program"]]
            + replicas.map {
              [
                $0.replica, $0.kind, "\($0.behind)", (Double($0.silentMilliseconds) / 1000).digits(1), $0.computeClass,
                $0.code,
              ]
            }))
    }
    return parts.joined(separator: "\n\n")
  }
}
