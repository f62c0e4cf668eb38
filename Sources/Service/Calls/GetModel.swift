import DitherProto
import DitherStore
import DitherTransport

/// `Registry/GetModel`: the version that a reference stands for.
package struct GetModelCall: UnaryCall {
  package static let method = Dither_V1_Registry.getModel
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_GetModelRequest, _ caller: Caller) async throws -> Dither_V1_Model {
    try await Dither_V1_Model(registry.find(request.model, for: caller.scope), in: registry)
  }
}
