import DitherProto
import DitherService
import DitherTransport
import SwiftProtobuf
import Synchronization
import Testing

/// The statuses that a watcher has been told.
private final class Told: Sendable {
  private let statuses = Mutex<[Grpc_Health_V1_HealthCheckResponse.ServingStatus]>([])
  var all: [Grpc_Health_V1_HealthCheckResponse.ServingStatus] { statuses.withLock { $0 } }
  func add(_ status: Grpc_Health_V1_HealthCheckResponse.ServingStatus) { statuses.withLock { $0.append(status) } }
}

@Suite("grpc.health.v1") struct HealthTests {
  private func check(_ server: InProcess, _ service: String, _ caller: Caller) async throws
    -> Grpc_Health_V1_HealthCheckResponse.ServingStatus
  {
    try await withCheckedThrowingContinuation { continuation in
      CheckHealthCall(server.services).answer(.with { $0.service = service }, caller) { result in
        continuation.resume(with: result.map(\.status))
      }
    }
  }

  @Test("the server and its services are told to everybody, models to known callers") func callers() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]), stranger = Caller(name: "")
    for service in ["", "dither.v1.Inference", "grpc.health.v1.Health"] {
      #expect(try await check(server, service, stranger) == .serving)
    }
    for model in ["net", "net@1"] { #expect(try await check(server, model, server.caller) == .serving) }
    for (service, caller) in [("net", stranger), ("net@2", server.caller), ("dither.v1.Other", server.caller)] {
      await #expect {
        _ = try await check(server, service, caller)
      } throws: { error in
        (error as? CallError)?.code == .notFound
      }
    }
  }

  @Test("a watcher is told each change, once") func watch() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]), services = server.services
    let told = Told(), writer = ResponseWriter<Grpc_Health_V1_HealthCheckResponse> { told.add($0.status) }
    let watch = Task {
      try await WatchHealthCall(services).answer(
        .with { $0.service = "net" }, Caller(name: "tester"), writer)
    }
    func wait(_ count: Int) async throws {
      for _ in 0..<500 where told.all.count < count { try await Task.sleep(for: .milliseconds(20)) }
    }
    try await wait(1)
    _ = try await RepositoryModelUnloadCall(services).answer(.with { $0.modelName = "net" }, server.caller)
    try await wait(2)
    _ = try await RemoveModelCall(services).answer(.with { $0.model = "net" }, server.caller)
    try await wait(3)
    watch.cancel()
    _ = try? await watch.value
    #expect(told.all == [.serving, .notServing, .serviceUnknown])
  }
}
