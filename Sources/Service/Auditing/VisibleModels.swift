import DitherBasics
import DitherGraph
import DitherInference
import DitherStore

/// The registry's models as far as a caller may use them.
struct VisibleModels: AuditModels {
  let registry: ModelRegistry
  let scope: NameScope

  /// No name of a model has a + in it.
  func isOne(_ name: String) -> Bool { false }
  func version(_ name: String, outputKind: OutputKind?) throws -> ModelVersion {
    try registry.resolve(name, for: scope)
  }
  func temperature(of version: ModelVersion) throws -> Double? {
    try registry.calibration(of: version)?.fitted.temperature
  }
  func samples(of version: ModelVersion) -> Int { version.model.defaultSamples }
  func hasNoise(_ version: ModelVersion) -> Bool { !version.model.noise.isEmpty }
}

extension NameScope {
  /// Whether an audit is of models within it alone, those included that it compares with.
  func allows(audit job: Job) -> Bool {
    guard !isAll else { return true }
    guard let spec = try? AuditSpec(job) else { return false }
    return spec.subjects.flatMap { $0.members ?? [$0] }.allSatisfy { allows($0.name) }
  }

  /// - Throws: `ServiceFault.notAllowed`, `notFound` where the job is no audit.
  func check(audit job: Job) throws {
    guard job.kind == AuditSpec.kind else {
      throw StoreError(
        .notFound, at: "audit", expected: "the name of an audit here", got: "that of a \(job.kind.clipped())",
        advice: "list them")
    }
    guard !allows(audit: job) else { return }
    throw ServiceError(
      .notAllowed, at: "audit '\(job.id)'", expected: "one of models that the caller's token is for",
      got: "one of others", advice: "ask for a token that is for all its models: `dither tokens create --model`")
  }
}
