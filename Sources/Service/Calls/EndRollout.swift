import DitherBasics
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/EndRollout`: ends the trial of an alias's candidate.
package struct EndRolloutCall: UnaryCall {
  package static let method = Dither_V1_Registry.endRollout
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_EndRolloutRequest, _ caller: Caller) async throws
    -> Dither_V1_EndRolloutResponse
  {
    guard case .alias(let name, let alias) = try ModelReference(request.model) else {
      throw ServiceError(.badField, at: "model", expected: "name:alias", got: "'\(request.model.clipped())'")
    }
    try caller.scope.check(model: name)
    try await registry.endRollout(alias, of: name, by: caller.name)
    return Dither_V1_EndRolloutResponse()
  }
}
