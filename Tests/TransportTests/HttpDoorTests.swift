import DitherProto
import DitherTestSupport
import DitherTransport
import Foundation
import Logging
import Synchronization
import Testing

/// A server of toy routes, and what its dispatcher has seen.
private final class ToyHttp: Sendable {
  let dispatcher: CallDispatcher
  let door: Door
  let keys = Keys()

  init(
    isLocal: Bool = false, patience: Duration = Duration.seconds(10).asBuilt, limits: CallDispatcher.Limits = .init()
  ) async throws {
    let log = Logger(label: "toys") { _ in SwiftLogNoOpLogHandler() }
    let seen = Seen()
    dispatcher = CallDispatcher(
      table: CallTable(mapError: { CallError(.internalError, "\($0)") }), authenticator: keys,
      limits: limits, rates: .frozen, logger: log,
      observe: { record in seen.records.withLock { $0.append(record) } })
    self.seen = seen
    let stops = stops
    let routes = HttpRoutes([
      .always("/healthz") { _ in .text("ok") },
      HttpRoute(.get, "/things/{id}.json", .known(.predict)) { request, _ in
        HttpResponse(200, "application/json", Array("{\"id\":\"\(request.parameters["id"] ?? "")\"}".utf8))
      },
      HttpRoute(.get, "/things/{id}", .known(.predict)) { request, context in
        .text("\(request.parameters["id"] ?? "") for \(context.identity?.name ?? "-"), q=\(request.query["q"] ?? "")")
      },
      HttpRoute(.post, "/things/{id}", .known(.predict), bodyBytes: 1000) { request, _ in
        .text("\(request.body.count) \(request.form["a"] ?? "-")")
      }, HttpRoute(.get, "/secret", .known(.admin)) { _, _ in .text("secret") },
      HttpRoute(.post, "/api/{id}", .known(.predict), bodyBytes: 1000) { _, _ in
        HttpResponse(200, "application/json", Array("{}".utf8))
      }.tellingErrors(as: .json),
      HttpRoute(.get, "/local", .local(.admin)) { _, _ in .text("local") },
      HttpRoute(.get, "/count", .all) { _, _ in
        HttpResponse(
          200, "text/event-stream",
          .stream { write in for number in 0..<5 { try await write(Data("n\(number);".utf8)) } })
      },
      HttpRoute(.get, "/forever", .known(.predict), deadline: nil) { _, _ in
        HttpResponse(
          200, "text/event-stream",
          .stream { write in
            while true {
              try await write(Data("tick;".utf8))
              try await Task.sleep(for: .milliseconds(5))
            }
          })
      },
      HttpRoute(.get, "/half", .all) { _, _ in
        HttpResponse(
          200, "text/plain",
          .stream { write in
            try await write(Data("half".utf8))
            throw CallError(.dataLoss, "no more")
          })
      },
      HttpRoute(.get, "/slow", .all, deadline: .milliseconds(100)) { _, _ in
        do { try await Task.sleep(for: .seconds(20)) } catch {
          stops.count.add(1, ordering: .relaxed)
          throw error
        }
        return .text("slow")
      },
      HttpRoute(.get, "/fault", .all) { _, _ in
        throw CallError(.resourceExhausted, "too much", details: [.retry(afterMilliseconds: 1500)])
      },
    ])
    door = try await HttpDoor.open(
      dispatcher, .init(routes, isLocal: isLocal, signInPath: "/sign-in", patience: patience), host: "127.0.0.1",
      port: 0, tls: nil)
  }

  final class Seen: Sendable { let records = Mutex<[CallRecord]>([]) }
  final class Stops: Sendable { let count = Atomic(0) }
  let seen: Seen
  let stops = Stops()

  func ask(_ text: String) async throws -> Answer {
    let socket = try RawSocket(port: door.port)
    socket.send(Array(text.utf8))
    return try await Answer(socket)
  }

  /// A request that is the connection's last.
  func get(_ path: String, method: String = "GET", token: String? = nil, headers: [String] = [], body: String = "")
    async throws -> Answer
  {
    var lines = ["\(method) \(path) HTTP/1.1", "host: toys.example", "connection: close"] + headers
    if let token { lines.append("authorization: Bearer \(token)") }
    if !body.isEmpty { lines.append("content-length: \(body.utf8.count)") }
    return try await ask(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
  }

  func close() async { await door.drain(grace: .zero) }
}

/// All that a connection says until it closes.
private struct Answer {
  var status: Int
  var headers: [String: String] = [:]
  var body: String

  init(_ socket: RawSocket) async throws {
    var bytes: [UInt8] = []
    while case let more = await socket.receive(), !more.isEmpty { bytes += more }
    let text = String(decoding: bytes, as: UTF8.self)
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    let lines = parts[0].split(separator: "\r\n")
    status = lines.first.flatMap { Int($0.dropFirst(9).prefix(3)) } ?? 0
    for line in lines.dropFirst() {
      let pair = line.split(separator: ":", maxSplits: 1)
      if pair.count == 2 { headers[pair[0].lowercased()] = pair[1].trimmingCharacters(in: .whitespaces) }
    }
    body = parts.count > 1 ? String(parts[1]) : ""
  }
}

@Suite("The HTTP door", .serialized) struct HttpDoorTests {
  private func with(
    isLocal: Bool = false, patience: Duration = .seconds(300), limits: CallDispatcher.Limits = .init(),
    _ body: (ToyHttp) async throws -> Void
  ) async throws {
    let server = try await ToyHttp(isLocal: isLocal, patience: patience, limits: limits)
    do { try await body(server) } catch {
      await server.close()
      throw error
    }
    await server.close()
  }

  @Test("who goes beyond the pace of his token gets 429 and the seconds to wait") func pace() async throws {
    let server = try await ToyHttp()
    for _ in 0..<2 { #expect(try await server.get("/things/a", token: "paced").status == 200) }
    let answer = try await server.get("/things/a", token: "paced")
    #expect(answer.status == 429 && answer.headers["retry-after"] == "1" && answer.body.contains("2 calls"))
    #expect(try await server.get("/things/a", token: "app").status == 200)
    // The record has the caller's name, for logs.
    let records = server.seen.records.withLock { $0 }
    #expect(records.contains { $0.code == .resourceExhausted && $0.context.identity?.name == "paced" })
    await server.close()
  }

  @Test("a path finds its route, and what its pattern names") func routes() async throws {
    try await with { server in
      let plain = try await server.get("/things/a%20b?q=1+2", token: "app")
      #expect(plain.status == 200 && plain.body == "a b for app, q=1+2")
      #expect(try await server.get("/things/7.json", token: "app").body == "{\"id\":\"7\"}")
      #expect(try await server.get("/things/.json", token: "app").body == ".json for app, q=")
      for path in ["/", "/things", "/things/", "/things/1/2", "/healthz/", "//healthz", "/../healthz"] {
        #expect(try await server.get(path, token: "app").status == 404, "\(path)")
      }
      for path in [
        "/things/%ff", "/%ff", "/things/%e2%82", "/things/%zz", "/things/%", "/things/%4", "/things/1?q=%ff",
      ] {
        #expect(try await server.get(path, token: "app").status == 400, "\(path)")
      }
      #expect(try await server.get("/things/%C3%A9?q=%c3%a9", token: "app").body == "é for app, q=é")
      let wrong = try await server.get("/things/7", method: "DELETE", token: "app")
      #expect(wrong.status == 405 && wrong.headers["allow"] == "GET, POST")
      let head = try await server.get("/things/7", method: "HEAD", token: "app")
      #expect(head.status == 200 && head.body.isEmpty && head.headers["content-length"] == "13")
    }
  }

  @Test(
    "the dispatcher says who may ask, as at the other doors",
    arguments: [
      ("/things/1", nil, 401), ("/things/1", "nobody", 401), ("/things/1", "app", 200), ("/secret", "app", 403),
      ("/secret", "root", 200), ("/healthz", nil, 200), ("/count", nil, 200), ("/local", nil, 401),
    ] as [(String, String?, Int)]) func roles(_ path: String, _ token: String?, _ status: Int) async throws
  {
    try await with { server in
      let answer = try await server.get(path, token: token)
      #expect(answer.status == status)
      #expect((answer.headers["www-authenticate"] == "Bearer") == (status == 401))
      // A token in the address is none.
      #expect(try await server.get("/secret?token=root").status == 401)
      #expect(try await server.get("/secret", headers: ["cookie: x"]).status == 401)
      #expect(try await server.get("/secret", headers: ["cookie: a=b; \(HttpDoor.cookie)=root"]).status == 200)
      let browser = try await server.get("/secret", headers: ["accept: text/html"])
      #expect(browser.status == 303 && browser.headers["location"] == "/sign-in")
    }
  }

  @Test("a session whose token has ended shuts no page that is open to all, and leads to the sign-in elsewhere")
  func endedSession() async throws {
    try await with { server in
      for (path, status) in [("/count", 200), ("/things/1", 303)] {
        let answer = try await server.get(
          path, headers: ["accept: text/html", "cookie: \(HttpDoor.cookie)=session_of-ended"])
        #expect(answer.status == status, "\(path)")
      }
      // A token is no session: who sends one wants to be known.
      let stranger = try await server.get("/count", token: "nobody")
      #expect(stranger.status == 401)
    }
  }

  @Test("who lacks a role is named in the record of the refusal") func refusedByName() async throws {
    try await with { server in
      let answer = try await server.get("/secret", token: "app")
      #expect(answer.status == 403)
      let records = server.seen.records.withLock { $0 }
      #expect(records.contains { $0.code == .permissionDenied && $0.context.identity?.name == "app" })
    }
  }

  @Test("what is open on this machine is open to who names this machine") func local() async throws {
    try await with(isLocal: true) { server in
      for (host, status) in [
        ("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("evil.example", 401), ("localhost.evil", 401),
      ] {
        let answer = try await server.ask("GET /local HTTP/1.1\r\nhost: \(host)\r\nconnection: close\r\n\r\n")
        #expect(answer.status == status, "\(host)")
      }
    }
  }

  @Test("bodies are bounded, whether they say their length or not") func bodies() async throws {
    try await with { server in
      let form = try await server.get("/things/1", method: "POST", token: "app", body: "a=x+y%21&b=2")
      #expect(form.body == "12 x y!")
      #expect(
        try await server.get("/things/1", method: "POST", token: "app", body: String(repeating: "x", count: 1000)).body
          == "1000 -")
      let long = try await server.get(
        "/things/1", method: "POST", token: "app", body: String(repeating: "x", count: 1001))
      #expect(long.status == 413)
      let chunk = "190\r\n" + String(repeating: "x", count: 400) + "\r\n"
      let head = "POST /things/1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer app\r\ntransfer-encoding: chunked\r\n\r\n"
      #expect(try await server.ask(head + chunk + chunk + chunk + "0\r\n\r\n").status == 413)
      let bodied = try await server.get("/things/1", token: "app", body: "x")
      #expect(bodied.status == 413)
    }
  }

  @Test("an answer may come bit by bit; one that breaks off is not taken for whole") func streams() async throws {
    try await with { server in
      let whole = try await server.get("/count")
      #expect(whole.headers["transfer-encoding"] == "chunked")
      #expect(whole.body.contains("n4;") && whole.body.hasSuffix("0\r\n\r\n"))
      let half = try await server.get("/half")
      #expect(half.body.contains("half") && !half.body.hasSuffix("0\r\n\r\n"))
    }
  }

  @Test("deadlines, faults and figures are the dispatcher's") func faults() async throws {
    try await with { server in
      #expect(try await server.get("/slow").status == 504)
      let fault = try await server.get("/fault")
      #expect(fault.status == 429 && fault.headers["retry-after"] == "2" && fault.body.contains("too much"))
      _ = try await server.get("/things/1", token: "app")
      // A record follows its answer.
      try await until { server.seen.records.withLock { $0.count } == 3 }
      let seen = server.seen.records.withLock { $0.map { "\($0.context.method) \($0.code) \($0.context.door)" } }
      #expect(
        seen == ["GET /slow DEADLINE_EXCEEDED http", "GET /fault RESOURCE_EXHAUSTED http", "GET /things/{id} OK http"])
      let end = ContinuousClock.now + Duration.seconds(10).asBuilt
      while server.stops.count.load(ordering: .relaxed) == 0, ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(2))
      }
      #expect(server.stops.count.load(ordering: .relaxed) == 1, "the handler was not told")
    }
  }

  @Test("unknown callers are told to wait, then their connection ends; a known one is let in")
  func strangers() async throws {
    var limits = CallDispatcher.Limits()
    (limits.strangerTries, limits.strangerTriesPerSecond) = (4, 0)
    try await with(limits: limits) { server in
      let one = "GET /things/1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer wrong\r\n\r\n"
      // It would stay open, were it a friend's.
      let answer = try await server.ask(String(repeating: one, count: 60))
      #expect(answer.body.components(separatedBy: "HTTP/1.1 401").count == 4, "the first is taken off")
      let waits = answer.body.components(separatedBy: "HTTP/1.1 429").count - 1
      #expect((1...20).contains(waits), "\(waits)")
      let late = try await server.get("/things/1", token: "wrong")
      #expect(late.status == 429 && late.headers["retry-after"] != nil)
      #expect(try await server.get("/things/1", token: "app").status == 200)
    }
  }

  @Test("a stream of a token that is revoked ends") func revoked() async throws {
    var limits = CallDispatcher.Limits()
    limits.recognition = .milliseconds(10)
    try await with(limits: limits) { server in
      let socket = try RawSocket(port: server.door.port)
      socket.send(Array("GET /forever HTTP/1.1\r\nhost: a\r\nauthorization: Bearer app\r\n\r\n".utf8))
      #expect(String(decoding: await socket.receive(), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
      server.keys.areRevoked.store(true, ordering: .relaxed)
      // Else it never ends.
      while await !socket.receive().isEmpty {}
      try await until { server.seen.records.withLock { $0.last?.code } == .unauthenticated }
    }
  }

  /// The request, the status of its answer, and words of it.
  private static let strange: [(String, Int, String)] = [
    (
      "GET /\(String(repeating: "a", count: 400_000)) HTTP/1.1\r\nhost: a\r\n\r\n", 414,
      "address: expected at most 81920 bytes"
    ),
    ("HEAD /\(String(repeating: "a", count: 81_921)) HTTP/1.1\r\nhost: a\r\n\r\n", 414, "got 819"),
    (
      "GET / HTTP/1.1\r\nlong: \(String(repeating: "a", count: 100_000))\r\n\r\n", 431,
      "the header 'long': expected at most 81920 bytes, got "
    ),
    (
      "GET / HTTP/1.1\r\n\(String(repeating: "x: 1\r\n", count: 10_000))\r\n", 431,
      "expected at most 256 headers, got 257 or more"
    ),
    (
      "GET / HTTP/1.1\r\n\(String(repeating: "x: \(String(repeating: "a", count: 80_000))\r\n", count: 40))\r\n", 431,
      "expected at most 2097152 bytes in all"
    ),
    ("nothing at all\r\n\r\n", 400, "expected HTTP/1.1"), ("GET / HTTP/1.1\r\n: x\r\n\r\n", 400, "expected HTTP/1.1"),
    ("GET / HTTP/2.0\r\nhost: a\r\n\r\n", 400, "invalid HTTP version"),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "expected HTTP/1.1, got HTTP/2"),
    (
      "POST /things/1 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", 400,
      "a body whose length its headers do not say, or say twice"
    ),
    (
      "POST /api/1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer app\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400,
      "expected HTTP/1.1"
    ),
  ]

  @Test("requests that are no HTTP, or too much of it, are told why, in JSON", arguments: strange)
  func noHttp(_ request: String, _ status: Int, _ words: String) async throws {
    try await with { server in
      let answer = try await server.ask(request)
      let told = try JSONDecoder().decode([String: String].self, from: Data(answer.body.utf8))
      #expect(answer.status == status && told["error"]?.contains(words) == true, "\(answer.status) \(told)")
      #expect(told["code"] == (status == 400 ? "INVALID_ARGUMENT" : "RESOURCE_EXHAUSTED"))
      #expect(answer.headers["connection"] == "close" && answer.headers["content-type"] == "application/json")
      // Of too many headers behind another request the decoder ends the connection before that one is answered.
      guard !words.contains("headers, got") else { return }
      // Behind another one, with a body.
      let body = String(repeating: "x", count: 999) + "\n"
      let first =
        "POST /things/1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer app\r\ncontent-length: \(body.utf8.count)\r\n\r\n"
      let second = try await server.ask(first + body + request)
      #expect(second.status == 200 && second.body.contains("HTTP/1.1 \(status)"), "\(second.body.prefix(300))")
      #expect(second.body.contains(words), "\(second.body.suffix(300))")
    }
  }

  @Test("where programs ask, what is not there is told in their form")
  func missing() async throws {
    try await with { server in
      for (path, method, status) in [("/api/1/2", "GET", 404), ("/api/1", "PUT", 405), ("/api/%zz", "GET", 400)] {
        let answer = try await server.get(path, method: method)
        let told = try? JSONDecoder().decode([String: String].self, from: Data(answer.body.utf8))
        #expect(answer.status == status && told?["error"]?.isEmpty == false, "\(path): \(answer.status) \(answer.body)")
      }
      let page = try await server.get("/nothing")
      #expect(page.status == 404 && page.headers["content-type"] == "text/plain; charset=utf-8")
    }
  }

  @Test("a client that offers another protocol is answered, and told that nothing behind it is read")
  func upgrade() async throws {
    try await with { server in
      let answer = try await server.ask(
        "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
          + "http2-settings: AAMAAABk\r\n\r\nGET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
      #expect(answer.status == 200 && answer.headers["connection"] == "close" && answer.body == "ok")
    }
  }

  @Test("requests follow each other on a connection, also those that are refused") func keepAlive() async throws {
    try await with { server in
      let one = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
      let none = "GET /nothing HTTP/1.1\r\nhost: a\r\n\r\n"
      let last = "GET /count HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
      let answer = try await server.ask(one + none + one + last)
      #expect(answer.status == 200)
      #expect(answer.body.components(separatedBy: "HTTP/1.1 200").count == 3)
      #expect(answer.body.components(separatedBy: "HTTP/1.1 404").count == 2)
    }
  }

  @Test("what must always answer does while the server drains; the rest is refused") func draining() async throws {
    try await with { server in
      server.dispatcher.drain()
      let vital = try await server.get("/healthz")
      let other = try await server.get("/count")
      #expect(vital.status == 200 && other.status == 503)
    }
  }

  @Test("a connection on which nothing comes is closed, and leaves its place") func silence() async throws {
    try await with(patience: .milliseconds(100)) { server in
      let silent = try RawSocket(port: server.door.port)
      let slow = try RawSocket(port: server.door.port)
      slow.send(Array("GET /he".utf8))
      #expect(await silent.receive().isEmpty)
      #expect(await slow.receive().isEmpty)
      #expect(try await server.get("/healthz").status == 200)
    }
  }

  @Test("what is no HTTP ends its connection and no other") func malformed() async throws {
    try await with { server in
      for text in ["\u{1}\u{2}\u{3}\r\n\r\n", "GET\r\n\r\n", "GET * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"] {
        let answer = try await server.ask(text)
        #expect(answer.status == 400 || answer.status == 0, "\(text): \(answer.status)")
      }
      #expect(try await server.get("/healthz").status == 200)
    }
  }
}
