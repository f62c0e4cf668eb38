import DitherBasics
import DitherProto

/// `Robustness/WatchAudit`: an audit from where it stands, for any number of callers.
package struct WatchAuditCall: Sendable {
  let audits: JobRunner
  let pool: ComputePool

  package func answer(_ request: Dither_V1_WatchAuditRequest) async throws -> AsyncStream<JobEvent> {
    try await pool.run { [audits] in try audits.watch(request.audit) }
  }
}
