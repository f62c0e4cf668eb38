import DitherBasics
import DitherJobs
import DitherProto
import DitherStore
import DitherTransport

/// `Robustness/WatchAudit`: an audit from where it stands, for any number of callers.
package struct WatchAuditCall: ServerStreamCall {
  package static let method = Dither_V1_Robustness.watchAudit
  package static let policy = CallPolicy(role: .audit, defaultDeadline: nil)

  let store: any Store
  let audits: JobRunner

  package init(_ services: Services) {
    store = services.store
    audits = services.audits
  }

  package func answer(
    _ request: Dither_V1_WatchAuditRequest, _ caller: Caller, _ send: ResponseWriter<Dither_V1_AuditEvent>
  ) async throws {
    try await caller.scope.check(audit: store.jobs.job(request.audit))
    try await send.forward(audits.watch(request.audit))
  }
}
