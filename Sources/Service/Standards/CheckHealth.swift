import DitherProto
import DitherTransport
import SwiftProtobuf

/// `Health/Check`: whether the server, a service of it or a model answers. Anybody may ask for the first two, as
/// probes have no token; of models only known callers are told.
package struct CheckHealthCall: PromptCall {
  package static let method = Grpc_Health_V1_Health.check
  package static let policy = CallPolicy(role: nil, isOpen: true, isVital: true)

  let health: Health

  package init(_ services: Services) { health = Health(services) }

  package func answer(
    _ request: Grpc_Health_V1_HealthCheckRequest, _ caller: Caller,
    _ complete: @escaping @Sendable (Result<Grpc_Health_V1_HealthCheckResponse, any Error>) -> Void
  ) {
    guard let status = health.status(of: request.service, models: caller.name.isEmpty ? nil : caller.scope) else {
      return complete(.failure(CallError(.notFound, "no service or model '\(request.service.prefix(80))'")))
    }
    complete(.success(.with { $0.status = status }))
  }
}
