import DitherBasics
import DitherProto
import DitherReports
import DitherStore
import DitherTransport
import Foundation

/// The console at the HTTP door: what is here, the reports, health and figures. Its pages are routes of the dispatcher
/// that the other doors have; none asks who calls by itself.
struct Console: Sendable {
  let services: Services
  let dispatcher: CallDispatcher
  let sessions: ConsoleSessions
  /// Cookies go back over TLS only.
  let usesTls: Bool

  /// Where a browser gives its token.
  static let signIn = "/sign-in"
  /// Where it ends its session.
  static let signOut = "/sign-out"

  var routes: HttpRoutes {
    let services = services
    return HttpRoutes(
      [
        .always("/healthz") { _ in .text("ok\n") },
        .always("/readyz") { [readiness = services.readiness] _ in
          readiness.isReady ? .text("ready\n") : .text("draining\n", status: 503)
        },
        HttpRoute(.get, "/metrics", .local(nil)) { _, context in
          try Self.checkSeesAll(context)
          return HttpResponse(200, "text/plain; version=0.0.4; charset=utf-8", Array(services.metrics.text.utf8))
        }, HttpRoute(.get, "/report-key.pub.pem", .local(nil)) { _, _ in .text(services.reportKey.pem) },
        // Pages show the same facts that ListModels, ListAudits and GetReport tell.
        HttpRoute(.get, "/", .local(.audit)) { _, context in
          let scope = Caller(context).scope, models = services.registry.versions(for: scope)
          let jobs = try await services.store.jobs.list(kind: AuditSpec.kind, limit: 100)
          return .html(
            Array(
              IndexPage(
                models: models, audits: jobs.filter(scope.allows(audit:)), isSignedIn: context.identity != nil
              ).html.source.utf8))
        },
        HttpRoute(.get, "/console.js", .all) { _, _ in
          HttpResponse(200, "text/javascript; charset=utf-8", Array(ConsoleScript.text.utf8))
        },
        HttpRoute(.get, "/models/{name}", .local(.audit)) { request, context in
          let scope = Caller(context).scope
          let name = try services.registry.resolve(request.parameters["name"] ?? "", for: scope).name
          let jobs = try await services.store.jobs.list(kind: AuditSpec.kind, limit: 100)
          let versions = Array(services.registry.current.versions(of: name))
          guard let newest = versions.first else { return .text("no model \(name)\n", status: 404) }
          let known = try services.registry.calibration(of: newest)
          let page = ModelPage(
            name: name, versions: versions,
            audits: jobs.filter { $0.subject.hasPrefix("\(name)@") && scope.allows(audit: $0) },
            served: ServedFigures(
              version: newest, figures: services.statistics[newest.reference], drift: known?.watch?.current))
          return .scripted(Array(page.html.source.utf8))
        },
        HttpRoute(.get, "/audits/{id}.json", .local(.audit)) { request, context in
          let job = try await services.store.jobs.job(request.parameters["id"] ?? "")
          try Caller(context).scope.check(audit: job)
          if let report = try await services.store.jobs.report(job.id) {
            return HttpResponse(200, "application/json", report.json)
          }
          return .text("audit \(job.id) of \(job.subject): \(job.state.rawValue) \(job.message)\n", status: 404)
        },
        HttpRoute(.get, "/audits/{id}", .local(.audit)) { request, context in
          let job = try await services.store.jobs.job(request.parameters["id"] ?? "")
          try Caller(context).scope.check(audit: job)
          if let report = try await services.store.jobs.report(job.id) {
            return .html(report.html, scriptHash: PageScript.report.source)
          }
          return .scripted(Array(AuditPage(job: job).html.source.utf8), status: 404)
        },
        HttpRoute(.get, Self.signIn, .all) { _, _ in .html(Array(SignInPage(isRefused: false).html.source.utf8)) },
        HttpRoute(.post, Self.signIn, .all, bodyBytes: 4096) { request, context in try accept(request, context) },
        HttpRoute(.post, Self.signOut, .all, bodyBytes: 4096) { [sessions] request, _ in
          if let session = HttpDoor.cookie(in: request.headers["cookie"]) { sessions.end(session) }
          var response = HttpResponse.seeOther(Self.signIn)
          response.headers.append(cookie("", seconds: 0))
          return response
        },
      ] + OipRoutes(services).all + JsonCalls(services).routes)
  }

  /// Figures are labelled with the names of all models.
  private static func checkSeesAll(_ context: CallContext) throws(ServiceError) {
    guard let identity = context.identity, !identity.scope.isAll else { return }
    throw ServiceError(
      .notAllowed, at: "metrics", expected: "a caller whose token is for all models", got: "'\(identity.name)'",
      advice: "give Prometheus a token of its own: `dither tokens create` without --model")
  }

  /// The token itself goes nowhere: its session is in a cookie that no script and no other site can send, never in an
  /// address.
  private func accept(_ request: HttpRequest, _ context: CallContext) throws(CallError) -> HttpResponse {
    guard let token = request.form["token"], !token.hasPrefix(HttpDoor.sessionPrefix),
      try dispatcher.identify(bearer: token, of: context) != nil
    else { return .html(Array(SignInPage(isRefused: true).html.source.utf8), status: 401) }
    var response = HttpResponse.seeOther("/")
    let seconds = Int(ConsoleSessions.lifetime.components.seconds)
    response.headers.append(cookie(sessions.begin(for: token), seconds: seconds))
    return response
  }

  /// - Parameter seconds: for which a browser keeps it; 0: it forgets it.
  private func cookie(_ value: String, seconds: Int) -> (name: String, value: String) {
    let secure = usesTls ? "; Secure" : ""
    return (
      "set-cookie", "\(HttpDoor.cookie)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict\(secure)"
    )
  }
}
