import DitherBasics
import DitherProto
import DitherReports
import DitherStore
import DitherTransport
import Foundation

/// The console at the HTTP door: what is here, the reports, health and figures.
struct Console: Sendable {
  let services: Services
  let authenticator: any Authenticator
  /// Whether pages are shown to everybody: on loopback.
  let isOpen: Bool
  let isReady: @Sendable () -> Bool

  func answer(_ request: HttpRequest) async -> HttpResponse {
    switch request.path {
    case "/healthz": return .text("ok\n")
    case "/readyz": return isReady() ? .text("ready\n") : .text("draining\n", status: 503)
    case "/metrics":
      return HttpResponse(200, "text/plain; version=0.0.4; charset=utf-8", Array(services.metrics.text.utf8))
    default: break
    }
    guard isOpen || isKnown(request) else {
      return .text("send 'Authorization: Bearer TOKEN', or open the page with ?token=TOKEN\n", status: 401)
    }
    do {
      return try await page(request.path)
    } catch {
      let fault = error as? any AnyFault
      return .text("\(fault?.description ?? "an error inside the server")\n", status: fault?.category.httpStatus ?? 500)
    }
  }

  private func isKnown(_ request: HttpRequest) -> Bool {
    let header = request.authorization.flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
    guard let token = header ?? request.query["token"] else { return false }
    return authenticator.identify(bearer: token) != nil
  }

  private func page(_ path: String) async throws -> HttpResponse {
    if path == "/" {
      let jobs = try await services.store.jobs.list(kind: AuditSpec.kind, limit: 100)
      return .html(Array(IndexPage(models: services.registry.current.versions, audits: jobs).html.source.utf8))
    }
    if path == "/report-key.pub.pem" { return .text(services.reportKey.pem) }
    guard path.hasPrefix("/audits/") else { return .text("no such page\n", status: 404) }
    let name = String(path.dropFirst("/audits/".count)), isJson = name.hasSuffix(".json")
    let job = try await services.store.jobs.job(isJson ? String(name.dropLast(".json".count)) : name)
    guard let report = try await services.store.jobs.report(job.id) else {
      return .text("audit \(job.id) of \(job.subject): \(job.state.rawValue) \(job.message)\n", status: 404)
    }
    return isJson ? HttpResponse(200, "application/json", report.json) : .html(report.html)
  }
}
