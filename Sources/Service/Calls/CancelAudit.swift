import DitherProto
import DitherStore

/// `Robustness/CancelAudit`: ends an audit after the shards in flight. One that has ended stays as it ended.
package struct CancelAuditCall: Sendable {
  let audits: JobRunner
  let pool: ComputePool

  package func answer(_ request: Dither_V1_CancelAuditRequest, _ caller: Caller) async throws -> Dither_V1_AuditState {
    try await pool.run { [audits] in Dither_V1_AuditState(try audits.cancel(request.audit, by: caller.name)) }
  }
}
