import AsyncHTTPClient
import DitherBasics
import DitherClient
import DitherGraph
import DitherProto
import DitherTensor
import Foundation
import NIOCore
import SwiftProtobuf

/// A server of its own for a bench: this program's `serve`, in a process of its own, as callers meet it.
final class ServerProcess {
  private struct Ready: Decodable {
    var framed: Int
    var grpc: Int
    var http: Int
    var token: String
    var ca: String
  }

  static let model = "bench-mlp"
  private let process: ChildProcess
  private let folder: URL
  private let ready: Ready
  private let isSecure: Bool
  /// From the process's start to its ready file.
  let startTime: Double

  /// - Parameter models: the folder to serve; nil: one with the MLP 784-256-128-10.
  init(tls: Bool, models: String? = nil, state: URL? = nil) throws {
    isSecure = tls
    folder = FileManager.default.temporaryDirectory.appending(path: "dither-bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let made = folder.appending(path: "models"), readyFile = folder.appending(path: "ready.json").path
    if models == nil {
      try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
      try Data(Fixtures.mlp(sigma: 0.05).onnx()).write(to: made.appending(path: "\(Self.model).onnx"))
    }
    let start = ContinuousClock.now
    process = try ChildProcess(
      [
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path, "serve", "--framed-port", "0", "--grpc-port",
        "0", "--http-port", "0", "--log-level", "warning", "--models",
        models ?? made.path, "--state", (state ?? folder.appending(path: "state")).path, "--ready-file", readyFile,
      ] + (tls ? [] : ["--insecure"]), in: FileManager.default.currentDirectoryPath,
      errors: .descriptor(STDERR_FILENO))
    while !FileManager.default.fileExists(atPath: readyFile) {
      guard process.isRunning, ContinuousClock.now - start < .seconds(60) else {
        process.signal(SIGTERM)
        throw Bench.Skip(reason: "the server did not start")
      }
      usleep(500)
    }
    startTime = (ContinuousClock.now - start).seconds
    ready = try JSONDecoder().decode(Ready.self, from: Data(contentsOf: URL(filePath: readyFile)))
  }

  deinit {
    process.signal(SIGTERM)
    process.end()
    try? FileManager.default.removeItem(at: folder)
  }

  var options: ClientOptions {
    ClientOptions(
      host: "127.0.0.1", port: ready.framed, usesTls: isSecure, authority: isSecure ? ready.ca : nil,
      token: ready.token)
  }
  var token: String { ready.token }
  var grpcAddress: String { "\(isSecure ? "https" : "http")://127.0.0.1:\(ready.grpc)" }

  /// One image, without noise.
  static let request = Dither_V1_PredictRequest.with {
    $0.model = model
    $0.samples = 0
    $0.seed = 1
    $0.input.type = .float32
    $0.input.shape = [1, 784]
    $0.input.data = Fixtures.images(1, [784]).elements.withUnsafeBytes { Data($0) }
  }

  /// Megabytes that the process holds.
  var residentMegabytes: Double {
    let status = (try? String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return (line.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0) / 1024
  }

  /// Calls of `Predict` that ended well, and the seconds that they took inside the server.
  func served() throws -> (calls: Double, seconds: Double) {
    let answer = try HTTPClient.shared.get(url: "http://127.0.0.1:\(ready.http)/metrics").wait()
    var values: [String: Double] = [:]
    for line in (answer.body.map { String(buffer: $0) } ?? "").split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      if parts.count == 2 { values[String(parts[0])] = Double(parts[1]) }
    }
    let method = "method=\"\(Dither_V1_Inference.predict.name)\""
    return (
      values["dither_calls_total{\(method),code=\"OK\"}"] ?? 0, values["dither_call_seconds_sum{\(method)}"] ?? 0
    )
  }
}
