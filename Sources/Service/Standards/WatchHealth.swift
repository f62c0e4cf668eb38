import DitherProto
import DitherTransport
import SwiftProtobuf

/// `Health/Watch`: the status now, and again whenever it changes, until the server drains.
package struct WatchHealthCall: ServerStreamCall {
  package static let method = Grpc_Health_V1_Health.watch
  package static let policy = CallPolicy(role: nil, defaultDeadline: nil)

  /// Between two looks; what changes models is asked for from memory.
  private static let pause = Duration.milliseconds(200)
  let health: Health

  package init(_ services: Services) { health = Health(services) }

  package func answer(
    _ request: Grpc_Health_V1_HealthCheckRequest, _ caller: Caller,
    _ send: ResponseWriter<Grpc_Health_V1_HealthCheckResponse>
  ) async throws {
    var told: Grpc_Health_V1_HealthCheckResponse.ServingStatus?
    while true {
      let isLeaving = !health.readiness.isReady
      let status = health.status(of: request.service, models: caller.scope) ?? .serviceUnknown
      if status != told { try await send(.with { $0.status = status }) }
      told = status
      if isLeaving { throw CallError(.unavailable, "the server is draining") }
      try await Task.sleep(for: Self.pause)
    }
  }
}
