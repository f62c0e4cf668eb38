import DitherBasics
import DitherProto
import DitherStore

/// `Registry/SetAlias`: points an alias at a version, at once and for all callers.
package struct SetAliasCall: Sendable {
  let registry: ModelRegistry
  let pool: ComputePool

  package func answer(_ request: Dither_V1_SetAliasRequest, _ caller: Caller) async throws -> Dither_V1_Model {
    let version = try registry.resolve(request.model)
    return try await pool.run { [registry] in
      try Dither_V1_Model(
        registry.setAlias(request.alias, of: version.name, to: version.version, by: caller.name), in: registry)
    }
  }
}
