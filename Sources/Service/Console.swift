import DitherBasics
import DitherInference
import DitherJobs
import DitherProto
import DitherReports
import DitherRobustness
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
  private let figures = AuditFigureCache()

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
        HttpRoute(.get, "/", .local(.audit)) { request, context in
          let scope = Caller(context).scope
          let jobs = try await services.store.jobs.list(kind: AuditSpec.kind, limit: 100)
          let page = IndexPage(
            models: services.registry.versions(for: scope), audits: jobs.filter(scope.allows(audit:)),
            replicas: try await services.replicas.live(), wanted: request.query["q"] ?? "",
            isSignedIn: context.identity != nil)
          return .html(Array(page.source.utf8))
        },
        HttpRoute(.get, "/glance", .local(.audit)) { _, context in
          .scripted(Array(glance(for: Caller(context).scope).html.source.utf8))
        },
        HttpRoute(.get, "/compare", .local(.audit)) { request, context in
          try await compare(request, Caller(context).scope)
        },
        HttpRoute(.get, "/console.js", .all) { _, _ in
          HttpResponse(200, "text/javascript; charset=utf-8", Array(ConsoleScript.text.utf8))
        },
        HttpRoute(.get, "/models/{name}", .local(.audit)) { request, context in
          let scope = Caller(context).scope
          let name = try services.registry.resolve(request.parameters["name"] ?? "", for: scope).name
          let jobs = try await services.store.jobs.list(kind: AuditSpec.kind, of: name, before: nil, limit: 100)
          let versions = Array(services.registry.current.versions(of: name))
          guard let newest = versions.first else { return .text("no model \(name)\n", status: 404) }
          let known = try services.registry.calibration(of: newest)
          let audits = jobs.filter { $0.subject.hasPrefix("\(name)@") && scope.allows(audit: $0) }
          let page = ModelPage(
            name: name, versions: versions, audits: audits,
            trend: try await figures.trend(of: audits) { try await read($0) },
            moves: try await moves(of: Set(versions.flatMap(\.aliases)), name),
            served: ServedFigures(
              version: newest, figures: services.statistics[newest.reference], drift: known?.watch?.current),
            calibration: known.map { Dither_V1_Calibration($0.record, of: newest, newest.calibration, []) })
          return .scripted(Array(page.html.source.utf8))
        },
        HttpRoute(.get, "/models/{name}/{version}/file", .known(.publish)) { request, context in
          let name = request.parameters["name"] ?? "", number = request.parameters["version"] ?? ""
          let version = try await services.registry.find("\(name)@\(number)", for: Caller(context).scope)
          return file(of: version)
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
          // One that has ended without a report will have none.
          return .scripted(Array(AuditPage(job: job).html.source.utf8), status: job.state.isFinal ? 404 : 200)
        },
        HttpRoute(.get, Self.signIn, .all) { _, _ in .html(Array(SignInPage(isRefused: false).html.source.utf8)) },
        HttpRoute(.post, Self.signIn, .all, bodyBytes: 4096) { request, context in try accept(request, context) },
        HttpRoute(.post, Self.signOut, .all, bodyBytes: 4096) { [sessions] request, _ in
          try Self.checkPage(of: request)
          if let session = HttpDoor.cookie(in: request.headers["cookie"]) { sessions.end(session) }
          var response = HttpResponse.seeOther(Self.signIn)
          response.headers.append(cookie("", seconds: 0))
          return response
        },
      ] + RunRoutes(folder: services.runs, pool: services.planning).all + OipRoutes(services).all
        + JsonCalls(services).routes)
  }

  /// As `Registry/Download` gives it.
  private func file(of version: ModelVersion) -> HttpResponse {
    var response = HttpResponse(
      200, "application/octet-stream",
      .stream { [services] write in
        try await services.downloads.holding(version.model.bytes) {
          let file = try await services.store.blobs.read(version.blob)
          for offset in stride(from: 0, to: file.count, by: DownloadCall.piece) {
            try await write(Data(file[offset..<min(offset + DownloadCall.piece, file.count)]))
          }
        }
      })
    response.headers.append(
      ("content-disposition", "attachment; filename=\"\(version.name)-\(version.version).onnx\""))
    return response
  }

  /// The figures of an audit that is done; nil where its report is not there, or none that can be read.
  private func read(_ job: Job) async throws -> AuditFigures? {
    guard let report = try await services.store.jobs.report(job.id) else { return nil }
    let battery = (try? AuditSpec(job))?.battery ?? ""
    let date = Date(timeIntervalSince1970: Double(job.createdMilliseconds) / 1000).formatted(.iso8601)
    return try await services.planning.run {
      AuditFigures(id: job.id, battery: battery, date: date, report: report.json)
    }
  }

  private static let mostMoves = 20

  /// The latest moves of aliases, newest first.
  private func moves(of aliases: Set<String>, _ name: String) async throws -> [(alias: String, change: AliasChange)] {
    var found: [(alias: String, change: AliasChange)] = []
    for alias in aliases.sorted().prefix(Self.mostMoves) {
      found += try await services.store.models.history(of: alias, name: name).prefix(Self.mostMoves).map { (alias, $0) }
    }
    return Array(found.sorted { $0.change.setMilliseconds > $1.change.setMilliseconds }.prefix(Self.mostMoves))
  }

  private func glance(for scope: NameScope) -> GlancePage {
    // Notes of before are in the figures of drift too.
    services.books.settle()
    let watched = services.registry.watched.map { ($0.version.reference, $0.watch.current) }
    let drift = Dictionary(watched) { first, _ in first }
    let visible = services.registry.versions(for: scope)
    let served = visible.map { version in
      ServedFigures(
        version: version, figures: services.statistics[version.reference], drift: drift[version.reference])
    }.filter { $0.asked > 0 }.sorted { ($1.asked, $0.version.reference) < ($0.asked, $1.version.reference) }
    return GlancePage(
      methods: services.metrics.methods,
      waiting: (services.waitingPredictions, services.audits.queued),
      models: (services.registry.loadedCount, visible.count), served: served)
  }

  /// Bytes of a page that compares two audits.
  private static let mostCompareBytes = 100_000

  /// As `dither compare` does it.
  private func compare(_ request: HttpRequest, _ scope: NameScope) async throws -> HttpResponse {
    var reports: [[UInt8]] = []
    for side in ["a", "b"] {
      guard let id = request.query[side], !id.isEmpty else {
        throw CallError(.invalidArgument, "expected two audits, as /compare?a=AUDIT&b=AUDIT, got no '\(side)'")
      }
      let job = try await services.store.jobs.job(id)
      try scope.check(audit: job)
      guard let report = try await services.store.jobs.report(job.id) else {
        throw CallError(.notFound, "audit \(job.id) has no report: it is \(job.standing)")
      }
      reports.append(report.json)
    }
    let (first, second) = (reports[0], reports[1]), links = ConsolePage.Place.allCases.map(\.link)
    let page = try await services.planning.run {
      ReportDifference(try Report(json: Data(first)), try Report(json: Data(second)))
        .html(links: links, most: Self.mostCompareBytes)
    }
    return .html(Array(page.utf8))
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
    try Self.checkPage(of: request)
    guard let token = request.form["token"], !token.hasPrefix(HttpDoor.sessionPrefix),
      try dispatcher.identify(bearer: token, of: context) != nil
    else { return .html(Array(SignInPage(isRefused: true).html.source.utf8), status: 401) }
    var response = HttpResponse.seeOther("/")
    let seconds = Int(ConsoleSessions.lifetime.components.seconds)
    response.headers.append(cookie(sessions.begin(for: token), seconds: seconds))
    return response
  }

  /// - Throws: where a form of another site would sign its reader in or out.
  private static func checkPage(of request: HttpRequest) throws(CallError) {
    guard request.isOfOthersPage else { return }
    throw CallError(
      .permissionDenied, "sign-in: expected this server's own page, got a form of another one; open \(signIn) itself")
  }

  /// - Parameter seconds: for which a browser keeps it; 0: it forgets it.
  private func cookie(_ value: String, seconds: Int) -> (name: String, value: String) {
    let secure = usesTls ? "; Secure" : ""
    return (
      "set-cookie", "\(HttpDoor.cookie)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict\(secure)"
    )
  }
}
