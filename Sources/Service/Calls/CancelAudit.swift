import DitherJobs
import DitherProto
import DitherStore
import DitherTransport

/// `Robustness/CancelAudit`: ends an audit after the shards in flight. One that has ended stays as it ended.
package struct CancelAuditCall: UnaryCall {
  package static let method = Dither_V1_Robustness.cancelAudit
  package static let policy = CallPolicy(role: .audit)

  let audits: JobRunner

  package init(_ services: Services) {
    audits = services.audits
  }

  package func answer(_ request: Dither_V1_CancelAuditRequest, _ caller: Caller) async throws -> Dither_V1_AuditState {
    Dither_V1_AuditState(try await audits.cancel(request.audit, by: caller.name))
  }
}
