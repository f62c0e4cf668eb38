import DitherBasics
import DitherProto
import DitherStore
import DitherTransport
import Foundation

/// `Robustness/GetReport`: the report of an audit that is done.
package struct GetReportCall: UnaryCall {
  package static let method = Dither_V1_Robustness.getReport
  package static let policy = CallPolicy(role: .audit)

  let store: any Store
  let key: Ed25519.PrivateKey

  package init(_ services: Services) {
    store = services.store
    key = services.means.key
  }

  package func answer(_ request: Dither_V1_GetReportRequest, _ caller: Caller) async throws -> Dither_V1_Report {
    let job = try await store.jobs.job(request.audit)
    try caller.scope.check(audit: job)
    guard let found = try await store.jobs.report(job.id) else {
      throw ServiceError(
        .notReady, at: "audit '\(job.id)'", expected: "one that is done", got: job.standing,
        advice: job.state.isFinal ? "start it again" : "watch it until it is done")
    }
    var report = Dither_V1_Report()
    report.audit = job.id
    switch request.format {
    case .html: report.html = Data(found.html)
    case .protobuf: report.protobuf = Data(try ReportForm.protobuf(of: found.json, signedBy: key))
    case .json: report.json = Data(found.json)
    case .UNRECOGNIZED(let number):
      throw ServiceError(.badField, at: "format", expected: "0 (JSON), 1 (HTML) or 2 (PROTOBUF)", got: "\(number)")
    }
    return report
  }
}
