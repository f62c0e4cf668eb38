import DitherBasics
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/SetAlias`: points an alias at a version, at once and for all callers.
package struct SetAliasCall: UnaryCall {
  package static let method = Dither_V1_Registry.setAlias
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry

  package init(_ services: Services) {
    registry = services.registry
  }

  package func answer(_ request: Dither_V1_SetAliasRequest, _ caller: Caller) async throws -> Dither_V1_Model {
    let version = try registry.resolve(request.model)
    return try await Dither_V1_Model(
      registry.setAlias(request.alias, of: version.name, to: version.version, by: caller.name), in: registry)
  }
}
