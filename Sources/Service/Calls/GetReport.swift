import DitherBasics
import DitherProto
import DitherStore
import Foundation

/// `Robustness/GetReport`: the report of an audit that is done.
package struct GetReportCall: Sendable {
  let store: Store
  let pool: ComputePool

  package func answer(_ request: Dither_V1_GetReportRequest) async throws -> Dither_V1_Report {
    try await pool.run { [store] in
      let job = try store.jobs.job(request.audit)
      guard let found = try store.jobs.report(job.id) else {
        throw ServiceError(
          .notReady, at: "audit '\(job.id)'", expected: "one that is done", got: "\(job.state.rawValue) \(job.message)",
          advice: job.state.isFinal ? "start it again" : "watch it until it is done")
      }
      var report = Dither_V1_Report()
      report.audit = job.id
      if request.format == .html { report.html = Data(found.html) } else { report.json = Data(found.json) }
      return report
    }
  }
}
