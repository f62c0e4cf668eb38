import DitherBasics
import DitherJobs
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/SetRollout`: makes a version the candidate of an alias.
package struct SetRolloutCall: UnaryCall {
  package static let method = Dither_V1_Registry.setRollout
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry
  /// For reading reports, which may be long.
  let pool: ComputePool

  package init(_ services: Services) {
    registry = services.registry
    pool = services.planning
  }

  package func answer(_ request: Dither_V1_SetRolloutRequest, _ caller: Caller) async throws -> Dither_V1_Model {
    let version = try await registry.resolveNow(request.model, for: caller.scope)
    var terms = try RolloutTerms(share: request.share, isShadow: request.shadow)
    if !request.requiredAudit.isEmpty {
      try await registry.checkGates(
        of: request.requiredAudit, version, for: request.alias, seenBy: caller.scope, on: pool)
      terms.audit = request.requiredAudit
    }
    return try await Dither_V1_Model(
      registry.setRollout(request.alias, to: version, terms, by: caller.name), in: registry)
  }
}
