import DitherJobs
import DitherProto
import DitherStore
import DitherTransport

/// `Robustness/CancelAudit`: ends an audit after the shards in flight. One that has ended stays as it ended.
package struct CancelAuditCall: UnaryCall {
  package static let method = Dither_V1_Robustness.cancelAudit
  package static let policy = CallPolicy(role: .audit)

  let store: any Store
  let audits: JobRunner

  package init(_ services: Services) {
    store = services.store
    audits = services.audits
  }

  package func answer(_ request: Dither_V1_CancelAuditRequest, _ caller: Caller) async throws -> Dither_V1_AuditState {
    try await caller.scope.check(audit: store.jobs.job(request.audit))
    return Dither_V1_AuditState(try await audits.cancel(request.audit, by: caller.name))
  }
}
