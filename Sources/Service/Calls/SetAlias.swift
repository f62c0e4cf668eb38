import DitherBasics
import DitherJobs
import DitherProto
import DitherRobustness
import DitherStore
import DitherTransport
import Foundation

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
      try await checkGates(of: request.requiredAudit, version, for: request.alias)
      terms.audit = request.requiredAudit
    }
    return try await Dither_V1_Model(
      registry.setAlias(request.alias, of: version.name, to: version.version, terms, by: caller.name), in: registry)
  }

  /// A report that is done stays as it is, so that nothing can come between this and the move.
  private func checkGates(of audit: String, _ version: ModelVersion, for alias: String) async throws {
    let jobs = registry.store.jobs, job = try await jobs.job(audit), spec = try AuditSpec(job)
    func refuse(_ expected: String, _ got: String) -> ServiceError {
      ServiceError(.gates, at: "audit '\(job.id)'", expected: expected, got: got)
    }
    guard spec.model.members == nil, spec.model.blob == version.blob else {
      throw refuse("one of \(version.reference), \(version.blob)", "one of \(spec.model.reference)")
    }
    guard spec.noise == nil else { throw refuse("one of the version with its own noise", "one with another") }
    guard job.state == .done, let found = try await jobs.report(job.id) else {
      throw refuse("one that is done", job.standing)
    }
    let gates = registry.aliasGates
    try await pool.run { try gates.check(Report(json: Data(found.json)), of: job.id, for: alias) }
  }

  private static func expectation(_ asked: Dither_V1_SetAliasRequest.OneOf_Expected?) throws -> AliasExpectation {
    guard case .expectedVersion(let number)? = asked else { return .anything }
    guard let version = Int64(exactly: number) else {
      throw CallError(.invalidArgument, "expected_version: expected 0 to \(Int64.max), got \(number)")
    }
    return version == 0 ? .absent : .version(version)
  }
}
