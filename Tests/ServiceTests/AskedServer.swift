import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import FoundationNetworking
import Logging
import Testing

/// A running server with the model "net" of six inputs, which is asked over HTTP.
struct AskedServer: Sendable {
  var running: RunningServer
  /// Of the roles that were asked for.
  var token: String

  /// - Parameter runs: the folder of trainings that its console shows.
  static func with(roles: [String] = ["predict"], runs: String? = nil, _ body: (AskedServer) async throws -> Void)
    async throws
  {
    let scratch = try Scratch()
    let models = scratch.file("models")
    try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
    try Data(TestModels.mlp()).write(to: URL(filePath: models + "/net.onnx"))
    var configuration = ServerConfiguration(stateDirectory: scratch.path + "/state")
    (configuration.framedPort, configuration.grpcPort, configuration.httpPort) = (0, 0, 0)
    configuration.modelsDirectory = models
    configuration.runsDirectory = runs
    configuration.logLevel = .critical
    let running = try await DitherServer(configuration).start()
    do {
      let token = try await running.services.store.tokens.create("app", roles: roles)
      try await body(AskedServer(running: running, token: token))
    } catch {
      await running.drain(grace: .zero)
      throw error
    }
    await running.drain(grace: .zero)
  }

  /// By POST where there is a body, else by GET.
  func ask(
    _ path: String, _ body: Data? = nil, token: String?? = nil, headers: [String: String] = [:]
  ) async throws -> (status: Int, body: Data, head: HTTPURLResponse) {
    var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(running.httpPort)\(path)")))
    if let token = token ?? self.token { request.setValue("Bearer \(token)", forHTTPHeaderField: "authorization") }
    for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
    request.httpMethod = body == nil ? "GET" : "POST"
    request.httpBody = body
    let (data, response) = try await URLSession(configuration: .ephemeral).data(for: request)
    let head = try #require(response as? HTTPURLResponse)
    return (head.statusCode, data, head)
  }
}
