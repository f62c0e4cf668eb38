import DitherGraph
import DitherProto
import DitherService
import DitherTensor
import DitherTransport
import Foundation
import FuzzDriver
import Logging
import SwiftProtobuf

extension Reader {
  /// The Open Inference Protocol, up to a small model's answer. The first line is the header that says how many bytes
  /// are JSON, empty for none, and the rest the body; or the line is "grpc", and the rest a message of that door.
  static let oip = Reader(name: "oip") { bytes in
    let end = bytes.firstIndex(of: 10) ?? bytes.count, body = Data(bytes.dropFirst(end + 1))
    let line = String(decoding: bytes[..<end], as: UTF8.self)
    guard line != "grpc" else {
      var request = try Inference_ModelInferRequest(serializedBytes: body)
      request.modelName = Server.model
      let answer = try waiting { [request] in
        try await ModelInferCall(Server.services.get()).answer(request, Server.caller)
      }
      precondition(answer.rawOutputContents.isEmpty || answer.rawOutputContents.count == answer.outputs.count)
      return
    }
    let response = try waiting {
      try await OipRoutes(Server.services.get()).infer(
        body, jsonBytes: line.isEmpty ? nil : line, model: Server.model, version: "", Server.caller)
    }
    guard case .bytes(let answer) = response.body else { preconditionFailure("an answer that is not whole") }
    let jsonBytes = response.headers.first.map { Int($0.value) ?? .max } ?? answer.count
    precondition(jsonBytes <= answer.count, "more JSON than there are bytes")
    let json = try? JSONSerialization.jsonObject(with: Data(answer[..<jsonBytes]))
    precondition(json is [String: Any], "an answer that is no JSON")
  }
}

private func waiting<Answer: Sendable>(_ work: @escaping @Sendable () async throws -> Answer) throws -> Answer {
  let done = DispatchSemaphore(value: 0)
  nonisolated(unsafe) var result: Result<Answer, any Error>?
  Task.detached {
    do { result = .success(try await work()) } catch { result = .failure(error) }
    done.signal()
  }
  done.wait()
  guard let result else { preconditionFailure("the work is done") }
  return try result.get()
}

private enum Server {
  static let model = "net"
  static let caller = Caller(name: "fuzz")
  static let services = Result {
    try waiting {
      let folder = ".build-fuzz/oip", models = "\(folder)/models"
      try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
      try Data(network()).write(to: URL(filePath: "\(models)/\(model).onnx"))
      var configuration = ServerConfiguration(stateDirectory: "\(folder)/state")
      configuration.modelsDirectory = models
      configuration.computeThreads = 1
      (configuration.limits.rowsPerRequest, configuration.limits.defaultMaxSamples) = (64, 64)
      configuration.limits.probabilitiesPerRequest = 1 << 12
      return try await Services(configuration, log: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
    }
  }

  /// Six inputs, three classes with names, noise on the weights.
  private static func network() throws -> [UInt8] {
    let builder = GraphBuilder(name: "net"), x = builder.input("x", [6])
    let weight = Tensor([3, 6], (0..<18).map { Float($0 % 5) / 5 - 0.4 })
    let logits = try builder.dense(x, builder.parameter("w", weight), nil, name: "fc")
    var graph = builder.finish(outputs: [("logits", logits)])
    graph.noise = NoiseModel([.init(.weights, sigma: 0.3)])
    graph.metadata["dither.labels"] = #"["a","b","c"]"#
    return try graph.onnx()
  }
}
