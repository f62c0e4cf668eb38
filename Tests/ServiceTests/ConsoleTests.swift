import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import FoundationNetworking
import Logging
import SwiftProtobuf
import Testing

@Suite("The console", .serialized) struct ConsoleTests {
  private struct Answer {
    var status: Int
    var text: String
    /// What the page may load and run.
    var policy: String
  }

  /// - Parameter host: off loopback, the console is for known callers alone.
  private func with(
    host: String = "127.0.0.1", model: [UInt8]? = nil, _ body: (RunningServer, (String) -> URL) async throws -> Void
  ) async throws {
    let change: (inout ServerConfiguration) throws -> Void = { configuration in
      configuration.host = host
      configuration.tls = .insecure
      let models = configuration.modelsDirectory
      if model == nil { configuration.modelsDirectory = nil }
      if let model, let models { try Data(model).write(to: URL(filePath: models + "/net.onnx")) }
    }
    try await AskedServer.with(configure: change) { asked in
      let port = asked.running.httpPort
      try await body(asked.running) { URL(string: "http://127.0.0.1:\(port)\($0)") ?? URL(filePath: "/") }
    }
  }

  private func get(_ url: URL, token: String? = nil, post body: String? = nil) async throws -> Answer {
    var request = URLRequest(url: url)
    if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "authorization") }
    if let body {
      request.httpMethod = "POST"
      request.httpBody = Data(body.utf8)
    }
    let session = URLSession(configuration: .ephemeral)
    let (data, response) = try await session.data(for: request)
    let status = (response as? HTTPURLResponse)?.statusCode ?? 0
    let policy = (response as? HTTPURLResponse)?.value(forHTTPHeaderField: "content-security-policy") ?? ""
    return Answer(status: status, text: String(decoding: data, as: UTF8.self), policy: policy)
  }

  @Test("on loopback its pages are for everybody on this machine") func loopback() async throws {
    try await with { (_: RunningServer, url: (String) -> URL) async throws -> Void in
      #expect(try await get(url("/")).text.contains("No models yet"))
      #expect(try await get(url("/healthz")).text == "ok\n")
      #expect(try await get(url("/readyz")).text == "ready\n")
      #expect(try await get(url("/metrics")).text.contains("dither_calls_total"))
      #expect(try await get(url("/report-key.pub.pem")).text.contains("PUBLIC KEY"))
      #expect(try await get(url("/audits/none")).status == 404)
      #expect(try await get(url("/nothing")).status == 404)
      // A browser is shown a page, which says the same.
      let asked = "GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
      let words = try raw(url("/").port ?? 0, asked + "\r\n")
      let page = try raw(url("/").port ?? 0, asked + "accept: text/html,*/*\r\n\r\n")
      #expect(words.hasSuffix("\r\n\r\nNOT_FOUND: no such page\n") && words.contains("content-type: text/plain"))
      #expect(page.hasPrefix("HTTP/1.1 404") && page.contains("content-type: text/html"))
      #expect(page.contains("<h1>Not found</h1>") && page.contains("no such page"))
      // A session of a server that was here before.
      let old = try raw(
        url("/").port ?? 0,
        "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncookie: dither-session=session_0\r\n\r\n")
      #expect(old.hasPrefix("HTTP/1.1 200") && !old.contains("sign-out"))
    }
  }

  @Test("models and audits are listed, and what others wrote of them is text") func index() async throws {
    try await with(model: TestModels.mlp()) { (server: RunningServer, url: (String) -> URL) async throws -> Void in
      let jobs = server.services.store.jobs, digest = Sha256.hash(try TestModels.mlp()).hex
      _ = try await SetAliasCall(server.services).answer(
        .with { ($0.model, $0.alias) = ("net@1", "live") }, Caller(name: "tester"))
      for (id, state) in [("first", Job.State.failed), ("second", .done)] {
        try await jobs.create(
          Job(id: id, kind: "audit", subject: "<i>\(id)&", spec: Array("no JSON".utf8), createdBy: "tester"), blobs: [])
        if state == .failed { _ = try await jobs.setState(state, of: id, message: "\"<script>\u{1B}") }
        if state == .done { _ = try await jobs.finish(id, json: Array("{}".utf8), html: Array("<p>".utf8)) }
      }
      let page = try await get(url("/")).text
      #expect(page.contains("<strong>net</strong>@1") && page.contains(">live</td>") && page.contains(">3</td>"))
      #expect(page.contains("<code>\(digest.prefix(12))</code>") && !page.contains("No models yet"))
      // Only of those that are done there is a report.
      #expect(page.contains("<a href=\"/audits/second\">second</a>") && page.contains("<td>first</td>"))
      #expect(page.contains(">&lt;i&gt;first&amp;</td>") && page.contains("failed</span> &quot;&lt;script&gt;"))
      #expect(!page.contains("<script") && !page.contains("<i>") && !page.contains("\u{1B}"))
      let report = try await get(url("/audits/second"))
      // Of all scripts a report's page may run its own.
      #expect(report.text == "<p>" && report.policy.contains("default-src 'none'; script-src 'sha256-"))
      #expect(try await !get(url("/")).policy.contains("script-src"))
      #expect(try await get(url("/audits/second.json")).text == "{}")
      #expect(try await get(url("/audits/first")).status == 404)
    }
  }

  @Test("off loopback each page asks for the role that its call asks for") func roles() async throws {
    try await with(host: "0.0.0.0") { (server: RunningServer, url: (String) -> URL) async throws -> Void in
      let tokens = server.services.store.tokens
      let predict = try await tokens.create("caller", roles: ["predict"])
      let audit = try await tokens.create("auditor", roles: ["audit"])
      for path in ["/", "/audits/none", "/audits/none.json"] {
        #expect(try await get(url(path)).status == 401)
        #expect(try await get(url(path), token: predict).status == 403, "\(path)")
        #expect(try await get(url(path), token: audit).status == (path == "/" ? 200 : 404))
        #expect(try await get(url(path + "?token=\(audit)")).status == 401)
      }
      for path in ["/glance", "/runs", "/runs/run?at=x", "/runs/page?at=x", "/compare?a=1&b=2"] {
        #expect(try await get(url(path)).status == 401)
        #expect(try await get(url(path), token: predict).status == 403, "\(path)")
      }
      for path in ["/metrics", "/report-key.pub.pem"] {
        #expect(try await get(url(path)).status == 401)
        #expect(try await get(url(path), token: predict).status == 200)
      }
      #expect(try await get(url("/healthz")).status == 200)
      let figures = try await get(url("/metrics"), token: predict).text
      #expect(figures.contains("method=\"GET /audits/{id}\",code=\"PERMISSION_DENIED\""))
    }
  }

  /// The session that an answer gives.
  private static func session(_ answer: String) throws -> String {
    String(try #require(answer.firstMatch(of: /set-cookie: dither-session=(session_[0-9a-f]{64});/)?.1))
  }

  @Test("a browser signs in once: its session is in a cookie, and ends with a sign-out or with its token") func signIn()
    async throws
  {
    try await with(host: "0.0.0.0") { (server: RunningServer, url: (String) -> URL) async throws -> Void in
      let token = try await server.services.store.tokens.create("auditor", roles: ["audit"])
      #expect(try await get(url("/sign-in")).text.contains("type=\"password\""))
      #expect(try await get(url("/sign-in"), post: "token=wrong").status == 401)
      let form = "token=\(token)", length = form.utf8.count
      let answer = try raw(
        server.httpPort,
        "POST /sign-in HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: \(length)\r\n\r\n" + form)
      #expect(answer.hasPrefix("HTTP/1.1 303") && answer.contains("location: /\r\n"))
      let session = try Self.session(answer)
      #expect(answer.contains("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict\r\n") && !answer.contains(token))
      func ask(_ line: String, _ cookie: String) throws -> String {
        try raw(
          server.httpPort,
          "\(line) HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncookie: a=b; dither-session=\(cookie)\r\n\r\n")
      }
      let home = try ask("GET /", session)
      #expect(home.hasPrefix("HTTP/1.1 200") && home.contains("No models yet") && home.contains("action=\"/sign-out\""))
      for other in [String(session.dropLast()) + "0", "", "session_"] where other != session {
        #expect(try ask("GET /", other).hasPrefix("HTTP/1.1 401"), "\(other)")
      }
      // A session makes no other.
      #expect(try await get(url("/sign-in"), post: "token=\(session)").status == 401)
      let out = try ask("POST /sign-out", session)
      #expect(out.hasPrefix("HTTP/1.1 303") && out.contains("set-cookie: dither-session=; Path=/; Max-Age=0;"))
      #expect(try ask("GET /", session).hasPrefix("HTTP/1.1 401"))
      // It ends with its token.
      func begin() throws -> String {
        try Self.session(
          raw(
            server.httpPort,
            "POST /sign-in HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: \(length)\r\n\r\n" + form))
      }
      let first = try begin(), second = try begin()
      for _ in 0..<62 { _ = try begin() }
      #expect(try ask("GET /", first).hasPrefix("HTTP/1.1 200"))
      let again = try begin()
      // The first of too many of one token ends.
      #expect(try ask("GET /", first).hasPrefix("HTTP/1.1 401"))
      for session in [second, again] { #expect(try ask("GET /", session).hasPrefix("HTTP/1.1 200")) }
      try await server.services.store.tokens.revoke("auditor")
      try await Task.sleep(for: .milliseconds(300))
      #expect(try ask("GET /", again).hasPrefix("HTTP/1.1 401"))
    }
  }

  @Test("a browser whose session's token has ended can sign in again") func signInAgain() async throws {
    try await with(host: "0.0.0.0") { (server: RunningServer, url: (String) -> URL) async throws -> Void in
      let tokens = server.services.store.tokens, old = try await tokens.create("auditor", roles: ["audit"])
      func ask(_ line: String, _ cookie: String = "", _ body: String = "") throws -> String {
        try raw(
          server.httpPort,
          "\(line) HTTP/1.1\r\nhost: a\r\nconnection: close\r\naccept: text/html\r\norigin: http://a\r\n"
            + "cookie: dither-session=\(cookie)\r\ncontent-length: \(body.utf8.count)\r\n\r\n" + body)
      }
      let session = try Self.session(ask("POST /sign-in", "", "token=\(old)"))
      #expect(try ask("GET /", session).hasPrefix("HTTP/1.1 200"))
      _ = try await tokens.rotate("auditor", secret: "the next secret", overlap: .zero, lifetime: nil)
      try await Task.sleep(for: .milliseconds(300))
      // Its pages send it to the sign-in, which is open to it as to everybody.
      let sent = try ask("GET /", session)
      #expect(sent.hasPrefix("HTTP/1.1 303") && sent.contains("location: /sign-in\r\n"))
      #expect(try ask("GET /sign-in", session).hasPrefix("HTTP/1.1 200"))
      let next = try ask("POST /sign-in", session, "token=the+next+secret")
      #expect(next.hasPrefix("HTTP/1.1 303"))
      #expect(try ask("GET /", Self.session(next)).hasPrefix("HTTP/1.1 200"))
      // A form of another page signs nobody in or out.
      let own = "host: a\r\nconnection: close\r\n", form = "token=the+next+secret"
      for said in [
        "origin: http://evil.example", "origin: null", "sec-fetch-site: cross-site", "sec-fetch-site: same-site",
      ] {
        for path in ["/sign-in", "/sign-out"] {
          let refused = try raw(
            server.httpPort,
            "POST \(path) HTTP/1.1\r\n\(own)\(said)\r\ncontent-length: \(form.utf8.count)\r\n\r\n\(form)")
          #expect(refused.hasPrefix("HTTP/1.1 403") && !refused.lowercased().contains("set-cookie"), "\(path) \(said)")
        }
      }
      #expect(try ask("POST /sign-out", session).hasPrefix("HTTP/1.1 303"))
    }
  }

  @Test("a model's page shows it, and only pages with a script may run this server's") func model() async throws {
    try await with(model: TestModels.mlp()) { (server: RunningServer, url: (String) -> URL) async throws -> Void in
      let page = try await get(url("/models/net"))
      #expect(page.status == 200 && page.text.contains("<script src=\"/console.js\" defer>"))
      for part in [
        "<h1>net</h1>", "data-model=\"net\" data-shape=\"6\"", "data-model=\"net@1\"", "A row of 6 numbers",
        "No audits yet.",
      ] { #expect(page.text.contains(part), "\(part)") }
      #expect(try await get(url("/models/nte")).status == 404)
      #expect(try await get(url("/console.js")).text.contains("use strict"))
      func head(_ path: String) throws -> String {
        try raw(server.httpPort, "GET \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
      }
      #expect(try head("/models/net").contains("default-src 'none'; script-src 'self'; connect-src 'self';"))
      #expect(try !head("/").contains("script-src"))
      // Who waits for an audit sees where it stands.
      try await server.services.store.jobs.create(
        Job(id: "waits", kind: "audit", subject: "net@1", spec: Array("{}".utf8), createdBy: "tester"), blobs: [])
      let waiting = try await get(url("/audits/waits"))
      #expect(waiting.status == 200 && waiting.text.contains("data-audit=\"waits\""))
      #expect(try await get(url("/models/net")).text.contains("<a href=\"/audits/waits\">"))
    }
  }

  /// A report with so much of it as pages of the console read.
  private static func report(clean: Double, robust: Double) -> [UInt8] {
    Array(
      """
      {"data": "tiny", "n": 50, "probes": [{"kind": "measurement", "probe": "clean", "clean_accuracy": \(clean)},
      {"kind": "attack", "probe": "fgsm", "parameters": {"epsilon": 0.1}, "robust_accuracy": \(robust + 0.1)},
      {"kind": "attack", "probe": "pgd", "parameters": {"epsilon": 0.1}, "robust_accuracy": \(robust)}]}
      """.utf8)
  }

  @Test("a model's page has its audits over the versions, tags, moves of aliases and the file") func trend()
    async throws
  {
    try await with(host: "0.0.0.0", model: TestModels.mlp()) {
      (server: RunningServer, url: (String) -> URL) async throws -> Void in
      let store = server.services.store, jobs = store.jobs
      let token = try await store.tokens.create("all", roles: ["audit", "publish"])
      for at in 0..<8 {
        let job = Job(id: "a\(at)", kind: "audit", subject: "net@1", spec: Array("{}".utf8), createdBy: "tester")
        try await jobs.create(job, blobs: [])
        let report = at == 7 ? Array("{}".utf8) : Self.report(clean: 0.9 + Double(at) / 100, robust: 0.25)
        _ = try await jobs.finish("a\(at)", json: report, html: [])
      }
      let change = DescriptionChange(tags: ["stage": "<trial>"])
      _ = try await store.models.describe("net", version: 1, change, by: "me")
      _ = try await store.models.setAlias("best", of: "net", to: 1, by: "mover")
      func page() async throws -> String { try await get(url("/models/net"), token: token).text }
      let first = try await page()
      #expect(first.contains("2 more audits are done"), "\(first)")
      var text = try await page()
      for _ in 0..<200 where !text.contains("Moves of aliases") {
        try await Task.sleep(for: .milliseconds(20))
        text = try await page()
      }
      for part in [
        "stage=&lt;trial&gt;", "<h3>Over the versions</h3>", "Named probes on 50 of tiny", "96.0 %", "25.0 %", "pgd",
        "class=\"trend\"",
        "<summary>Moves of aliases</summary>", "mover", "/models/net/1/file",
      ] { #expect(text.contains(part), "\(part)") }
      #expect(!text.contains("more audits are done") && !text.contains("35.0 %"))
      #expect(try await get(url("/?q=trial"), token: token).text.contains("<strong>net</strong>@1"))
      #expect(try await get(url("/?q=tried"), token: token).text.contains("No model has 'tried' in its name or tags"))
      #expect(try await get(url("/models/net/1/file"), token: token).status == 200)
      #expect(try await get(url("/models/net/7/file"), token: token).status == 404)
      #expect(try await get(url("/models/net/1/file")).status == 401)
    }
  }

  @Test("a cookie speaks for pages of this server alone, where it changes something") func ownPages() async throws {
    try await with(host: "0.0.0.0", model: TestModels.mlp()) {
      (server: RunningServer, url: (String) -> URL) async throws -> Void in
      let token = try await server.services.store.tokens.create("publisher", roles: ["publish", "predict", "audit"])
      let form = "token=\(token)"
      let session = try Self.session(
        raw(
          server.httpPort,
          "POST /sign-in HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: \(form.utf8.count)\r\n\r\n" + form)
      )
      func move(_ headers: String) throws -> String {
        let body = #"{"model": "net@1", "alias": "live"}"#
        return try raw(
          server.httpPort,
          "POST /v1/Registry/SetAlias HTTP/1.1\r\nhost: a:1\r\nconnection: close\r\ncookie: dither-session=\(session)\r\n"
            + headers + "content-length: \(body.utf8.count)\r\n\r\n" + body)
      }
      for headers in [
        "", "origin: http://a:2\r\n", "origin: null\r\n", "sec-fetch-site: same-site\r\n",
        "sec-fetch-site: cross-site\r\norigin: http://a:1\r\n",
      ] { #expect(try move(headers).hasPrefix("HTTP/1.1 401"), "\(headers)") }
      #expect(try move("sec-fetch-site: same-origin\r\n").hasPrefix("HTTP/1.1 200"))
      #expect(try move("origin: http://a:1\r\n").hasPrefix("HTTP/1.1 200"))
      // A watch of an audit that is not there.
      let watch = "/v1/Robustness/WatchAudit?audit=none"
      for (path, headers, status) in [
        (watch, "sec-fetch-site: same-site\r\nsec-fetch-mode: no-cors\r\n", 401),
        (watch, "sec-fetch-site: same-site\r\nsec-fetch-mode: navigate\r\n", 401),
        (watch, "sec-fetch-site: same-origin\r\n", 404),
        ("/", "sec-fetch-site: same-site\r\nsec-fetch-mode: no-cors\r\n", 401),
        ("/", "sec-fetch-site: same-site\r\nsec-fetch-mode: navigate\r\n", 200),
        ("/", "sec-fetch-site: none\r\nsec-fetch-mode: navigate\r\n", 200), ("/", "", 200),
      ] {
        let answer = try raw(
          server.httpPort,
          "GET \(path) HTTP/1.1\r\nhost: a:1\r\nconnection: close\r\ncookie: dither-session=\(session)\r\n"
            + headers + "\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(path), \(headers): \(answer.prefix(100))")
      }
    }
  }

  /// All that the server says to these bytes until it closes.
  private func raw(_ port: Int, _ text: String) throws -> String {
    let descriptor = try Loopback.connect(port: port)
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    var answer: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { answer += buffer[..<count] }
    return String(decoding: answer, as: UTF8.self)
  }
}
