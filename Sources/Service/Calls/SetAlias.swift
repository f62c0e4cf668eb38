import DitherBasics
import DitherJobs
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/SetAlias`: points an alias at a version, at once and for all callers.
package struct SetAliasCall: UnaryCall {
  package static let method = Dither_V1_Registry.setAlias
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry
  let replicas: Replicas
  /// For reading reports, which may be long.
  let pool: ComputePool

  package init(_ services: Services) {
    registry = services.registry
    replicas = services.replicas
    pool = services.planning
  }

  package func answer(_ request: Dither_V1_SetAliasRequest, _ caller: Caller) async throws -> Dither_V1_Model {
    let version = try await registry.resolveNow(request.model, for: caller.scope)
    var terms = AliasTerms(expecting: try Self.expectation(request.expected))
    if !request.requiredAudit.isEmpty {
      try await registry.checkGates(
        of: request.requiredAudit, version, for: request.alias, seenBy: caller.scope, on: pool)
      terms.audit = request.requiredAudit
    }
    let moved = try await registry.setAlias(
      request.alias, of: version.name, to: version.version, terms, by: caller.name)
    if request.everywhere {
      let number = try await registry.store.changes(since: registry.seenChange).newest
      try await replicas.wait(
        for: number, of: "alias '\(request.alias)' of '\(version.name)'", until: caller.deadline)
    }
    return try Dither_V1_Model(moved, in: registry)
  }

  private static func expectation(_ asked: Dither_V1_SetAliasRequest.OneOf_Expected?) throws -> AliasExpectation {
    guard case .expectedVersion(let number)? = asked else { return .anything }
    guard let version = Int64(exactly: number) else {
      throw CallError(.invalidArgument, "expected_version: expected 0 to \(Int64.max), got \(number)")
    }
    return version == 0 ? .absent : .version(version)
  }
}
