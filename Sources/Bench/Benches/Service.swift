import DitherBasics
import DitherClient
import DitherProto
import DitherTransport
import Foundation
import SwiftProtobuf
import NIOCore
import NIOPosix
import Synchronization

extension Bench {
  static let start = Bench(
    "service/start", "from the start of `dither serve` to ready; its idle memory",
    measure: { _ in
      let shipped = FileManager.default.fileExists(atPath: "models") ? "models" : nil
      let state = FileManager.default.temporaryDirectory.appending(path: "dither-bench-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: state) }
      // The first start makes the certificates and publishes the models.
      let first = try ServerProcess(tls: true, models: shipped, state: state).startTime
      var times: [Double] = [], memory = 0.0
      for _ in 0..<5 {
        let server = try ServerProcess(tls: true, models: shipped, state: state)
        times.append(server.startTime)
        memory = max(memory, server.residentMegabytes)
      }
      return Measurement(times: times, details: ["first_s": first, "resident_mb": memory])
    })

  static let predictFramed = Bench(
    "service/predict-framed", "Predict, one image, no noise: one caller at the framed door, plain TCP",
    over: "service/echo",
    measure: { try framed($0, tls: false, inFlight: 1) })
  static let predictFramedTls = Bench(
    "service/predict-framed-tls", "the same with TLS 1.3", over: "service/predict-framed",
    measure: { try framed($0, tls: true, inFlight: 1) })
  static let predictSwiftClient = Bench(
    "service/predict-swift", "the same by `DitherClient`, awaited", over: "service/predict-framed-tls",
    measure: { try swiftClient($0) })
  static let predictGrpc = Bench(
    "service/predict-grpc", "the same at the gRPC door, by h2load", over: "service/predict-framed",
    measure: { try grpc($0, inFlight: 1) })
  static let throughputFramed = Bench(
    "service/throughput-framed", "seconds a call with 16 in flight on one connection, framed door",
    measure: { try framed($0, tls: false, inFlight: 16) })
  static let throughputFramedTls = Bench(
    "service/throughput-framed-tls", "the same with TLS 1.3", over: "service/throughput-framed",
    measure: { try framed($0, tls: true, inFlight: 16) })
  static let throughputGrpc = Bench(
    "service/throughput-grpc", "the same at the gRPC door, by h2load", over: "service/throughput-framed",
    measure: { try grpc($0, inFlight: 16) })

  private static func framed(_ seconds: Double, tls: Bool, inFlight: Int) throws -> Measurement {
    let server = try ServerProcess(tls: tls), group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer { try? group.syncShutdownGracefully() }
    let options = server.options
    let load = try wait { try await FramedLoad(options, on: group) }
    _ = try load.run(seconds: min(0.5, seconds), inFlight: inFlight)
    let before = try server.served(), outcome = try load.run(seconds: seconds, inFlight: inFlight)
    let after = try server.served()
    let inside = (after.seconds - before.seconds) / max(after.calls - before.calls, 1)
    guard inFlight == 1 else {
      return Measurement(
        times: outcome.perCall, details: ["calls_per_second": Double(outcome.latencies.count) / outcome.seconds])
    }
    let mean = outcome.latencies.reduce(0, +) / Double(outcome.latencies.count)
    return Measurement(
      times: outcome.latencies,
      details: [
        "wire_s": mean - inside, "dispatch_s": inside - outcome.queued - outcome.computed, "queue_s": outcome.queued,
        "compute_s": outcome.computed,
      ])
  }

  private static func swiftClient(_ seconds: Double) throws -> Measurement {
    let server = try ServerProcess(tls: true), options = server.options
    return try wait {
      let client = try await DitherClient.connect(options), end = ContinuousClock.now + .seconds(seconds)
      for _ in 0..<200 { _ = try await client.predict(ServerProcess.request) }
      var times: [Double] = []
      while ContinuousClock.now < end {
        let start = ContinuousClock.now
        _ = try await client.predict(ServerProcess.request)
        times.append((ContinuousClock.now - start).seconds)
      }
      await client.close()
      return Measurement(times: times)
    }
  }

  /// nghttp2's load generator, the usual one for HTTP/2; its log has every call's time in microseconds.
  private static func grpc(_ seconds: Double, inFlight: Int) throws -> Measurement {
    let server = try ServerProcess(tls: false), folder = FileManager.default.temporaryDirectory
    let body = folder.appending(path: UUID().uuidString), log = folder.appending(path: UUID().uuidString)
    defer { for file in [body, log] { try? FileManager.default.removeItem(at: file) } }
    let message = try ServerProcess.request.serializedData()
    try (Data([0]) + withUnsafeBytes(of: UInt32(message.count).bigEndian) { Data($0) } + message).write(to: body)
    func load(_ calls: Int) throws -> Double {
      let command = [
        "/usr/bin/env", "h2load", "-n", "\(calls)", "-c", "1", "-m", "\(inFlight)", "-d", body.path, "--log-file",
        log.path, "-H",
        "content-type: application/grpc", "-H", "te: trailers", "-H", "authorization: Bearer \(server.token)",
        "\(server.grpcAddress)/\(Dither_V1_Inference.predict.name)",
      ]
      let start = ContinuousClock.now
      guard try ChildProcess(command).end() == 0 else { throw Skip(reason: "h2load (nghttp2-client) is not here") }
      return (ContinuousClock.now - start).seconds
    }
    let pace = try load(2000) / 2000
    try? FileManager.default.removeItem(at: log)
    let calls = max(1000, Int(seconds / pace)), before = try server.served()
    _ = try load(calls)
    let after = try server.served()
    guard Int(after.calls - before.calls) == calls else { throw Skip(reason: "not every call ended well") }
    // Start in microseconds since 1970, status, duration in microseconds.
    let rows = try String(contentsOf: log, encoding: .utf8).split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "\t")
      return cells.count == 3 ? Double(cells[0]).flatMap { start in Double(cells[2]).map { (start, $0) } } : nil
    }
    guard inFlight > 1 else {
      let inside = (after.seconds - before.seconds) / Double(calls)
      return Measurement(times: rows.map { $0.1 / 1e6 }, details: ["server_s": inside])
    }
    let ends = rows.map { ($0.0 + $0.1) / 1e6 }.sorted(), whole = (ends.last ?? 0) - (ends.first ?? 0)
    return Measurement(times: perCall(ends), details: ["calls_per_second": Double(ends.count - 1) / whole])
  }

  /// Seconds a call in each twentieth of the calls.
  static func perCall(_ ends: [Double]) -> [Double] {
    let size = max(ends.count / 20, 1)
    return stride(from: size, to: ends.count, by: size).map { (ends[$0] - ends[$0 - size]) / Double(size) }
  }

  /// Benches are synchronous: this thread is the command's own, not one of the cooperative pool.
  private static func wait<Value>(_ body: @escaping @Sendable () async throws -> sending Value) throws -> Value {
    // Written before the signal, read behind it.
    nonisolated(unsafe) var result: Swift.Result<Value, any Error>?
    let done = DispatchSemaphore(value: 0)
    Task.detached {
      do { result = .success(try await body()) } catch { result = .failure(error) }
      done.signal()
    }
    done.wait()
    guard let result else { throw Skip(reason: "the task ended without a result") }
    return try result.get()
  }
}

/// Callers that ask again as soon as they are answered, on one framed connection and one thread.
private final class FramedLoad: Sendable {
  struct Outcome: Sendable {
    var latencies: [Double] = []
    var seconds = 0.0
    var perCall: [Double] = []
    /// As the server says, in seconds, on average.
    var queued = 0.0
    var computed = 0.0
  }
  private struct Running {
    var latencies: [Double] = []
    var ends: [Double] = []
    var queued: UInt64 = 0
    var computed: UInt64 = 0
    var left = 0
    var failure: CallError?
  }

  private let client: FramedClient
  private let metadata: [String: String]
  private let request: Data
  private let state = Mutex(Running())

  init(_ options: ClientOptions, on group: any EventLoopGroup) async throws {
    client = try await FramedClient.connect(
      to: .init(
        host: options.host, port: options.port, usesTls: options.usesTls, authority: options.authority,
        connectTimeout: .seconds(5)), on: group)
    metadata = ["authorization": "Bearer \(options.token ?? "")"]
    request = try ServerProcess.request.serializedData()
  }

  func run(seconds: Double, inFlight: Int) throws -> Outcome {
    state.withLock {
      $0 = Running()
      $0.left = inFlight
    }
    let start = ContinuousClock.now, done = DispatchSemaphore(value: 0)
    for _ in 0..<inFlight { ask(start, until: start + .seconds(seconds), done) }
    done.wait()
    return try state.withLock { state in
      if let failure = state.failure { throw failure }
      let count = Double(max(state.latencies.count, 1))
      return Outcome(
        latencies: state.latencies, seconds: state.ends.last ?? 0, perCall: Bench.perCall(state.ends),
        queued: Double(state.queued) / count / 1e6, computed: Double(state.computed) / count / 1e6)
    }
  }

  private func ask(_ start: ContinuousClock.Instant, until end: ContinuousClock.Instant, _ done: DispatchSemaphore) {
    let sent = ContinuousClock.now
    client.unary(Dither_V1_Inference.predict.name, metadata: metadata, timeout: .seconds(10), request: request) {
      [self] result in
      let goesOn = state.withLock { state in
        do {
          let response = try Dither_V1_PredictResponse(serializedBytes: try result.get())
          let now = ContinuousClock.now
          state.latencies.append((now - sent).seconds)
          state.ends.append((now - start).seconds)
          state.queued += response.timing.queueUs
          state.computed += response.timing.computeUs
          if now < end { return true }
        } catch {
          state.failure = error as? CallError ?? CallError(.internalError, "\(error)")
        }
        state.left -= 1
        if state.left == 0 { done.signal() }
        return false
      }
      if goesOn { ask(start, until: end, done) }
    }
  }
}
