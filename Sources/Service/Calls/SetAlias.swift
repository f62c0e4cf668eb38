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
    let version = try registry.resolve(request.model, for: caller.scope)
    let expected = try Self.expectation(request.expected)
    return try await Dither_V1_Model(
      registry.setAlias(request.alias, of: version.name, to: version.version, expecting: expected, by: caller.name),
      in: registry)
  }

  private static func expectation(_ asked: Dither_V1_SetAliasRequest.OneOf_Expected?) throws -> AliasExpectation {
    guard case .expectedVersion(let number)? = asked else { return .anything }
    guard let version = Int64(exactly: number) else {
      throw CallError(.invalidArgument, "expected_version: expected 0 to \(Int64.max), got \(number)")
    }
    return version == 0 ? .absent : .version(version)
  }
}
