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
  /// For reading reports, which may be long.
  let pool: ComputePool

  package init(_ services: Services) {
    registry = services.registry
    pool = services.planning
  }

  package func answer(_ request: Dither_V1_SetAliasRequest, _ caller: Caller) async throws -> Dither_V1_Model {
    let version = try registry.resolve(request.model)
    var terms = AliasTerms(expecting: try Self.expectation(request.expected))
    if !request.requiredAudit.isEmpty {
      try await registry.checkGates(of: request.requiredAudit, version, for: request.alias, on: pool)
      terms.audit = request.requiredAudit
    }
    return try await Dither_V1_Model(
      registry.setAlias(request.alias, of: version.name, to: version.version, terms, by: caller.name), in: registry)
  }

  private static func expectation(_ asked: Dither_V1_SetAliasRequest.OneOf_Expected?) throws -> AliasExpectation {
    guard case .expectedVersion(let number)? = asked else { return .anything }
    guard let version = Int64(exactly: number) else {
      throw CallError(.invalidArgument, "expected_version: expected 0 to \(Int64.max), got \(number)")
    }
    return version == 0 ? .absent : .version(version)
  }
}
