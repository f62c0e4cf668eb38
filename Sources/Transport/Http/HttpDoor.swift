import DitherBasics
import DitherProto
import Foundation
import Logging
import NIOCore
import NIOHTTP1

/// Routes over HTTP/1.1, through the dispatcher of the other doors.
public enum HttpDoor {
  /// The cookie that a browser's session is in.
  public static let cookie = "dither-session"
  /// How the text of a session begins.
  public static let sessionPrefix = "session_"

  /// - Parameter header: the value of a request's `cookie`.
  /// - Returns: what the cookie holds; nil: there is none.
  public static func cookie(in header: String?) -> String? {
    for part in header?.split(separator: ";") ?? [] {
      let pair = part.split(separator: "=", maxSplits: 1)
      if pair.count == 2, pair[0].trimmingCharacters(in: .whitespaces) == cookie { return String(pair[1]) }
    }
    return nil
  }

  /// The routes, and to whom they are served.
  public struct Service: Sendable {
    /// All of them.
    public var routes: HttpRoutes
    /// The door is for this machine alone: routes with `local` access are open to who names this machine.
    public var isLocal: Bool
    /// Where browsers without a token are sent to.
    public var signInPath: String?
    /// The page that a browser is shown in place of one that fails; nil: it gets the same text as everybody.
    public var errorPage: (@Sendable (CallError) -> [UInt8])?
    /// To the first byte of a request, and between two bytes of one.
    public var patience: Duration
    /// - Parameters:
    ///   - isLocal: whether the door is for this machine alone.
    ///   - signInPath: where browsers without a token are sent to.
    public init(_ routes: HttpRoutes, isLocal: Bool, signInPath: String? = nil, patience: Duration = .seconds(10)) {
      (self.routes, self.isLocal, self.signInPath, self.patience) = (routes, isLocal, signInPath, patience)
    }
  }

  /// - Parameter connectionLimit: a browser takes several.
  public static func open(
    _ dispatcher: CallDispatcher, _ service: Service, host: String, port: Int, tls: TlsSource?,
    connectionLimit: Int = 256
  ) async throws -> Door {
    try await Door.open(
      name: "http", host: host, port: port, tls: tls, alpn: "http/1.1", limit: connectionLimit,
      logger: dispatcher.logger, runningHandlers: { dispatcher.runningHandlers }
    ) { channel, connections in serve(channel, connections, dispatcher, service) }
  }

  /// Puts the protocol at the end of a connection's pipeline.
  static func serve(
    _ channel: any Channel, _ connections: Connections, _ dispatcher: CallDispatcher, _ service: Service
  ) -> EventLoopFuture<Void> {
    // The answer to what is no HTTP is the handler's: that of the pipeline has no words.
    channel.pipeline.configureHTTPServerPipeline(withErrorHandling: false).flatMapThrowing {
      let pipeline = channel.pipeline.syncOperations, watch = HttpHeadWatch()
      let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
      try pipeline.addHandler(watch, position: ChannelPipeline.SynchronousOperations.Position.before(decoder))
      let handler = HttpHandler(dispatcher, service, channel, watch)
      try pipeline.addHandler(handler)
      let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
      connections.add(channel) { channel.eventLoop.execute { bound.value.drain() } }
    }
  }
}

/// One HTTP/1.1 connection: requests through `HttpExchange`, its actions to calls, one after the other.
final class HttpHandler: ChannelDuplexHandler, CallSink {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = Never
  typealias OutboundOut = HTTPServerResponsePart

  private let dispatcher: CallDispatcher
  private let settings: HttpDoor.Service
  private let deadlines: DeadlineSet
  private let watch: HttpHeadWatch
  private let peer: String, network: String
  private var acquaintance = Acquaintance()
  private var isClosing = false
  private var exchange = HttpExchange()
  private var held: ByteShare
  private var context: ChannelHandlerContext?
  private var call: ServerCall?
  /// The answer as far as the handler has given it; the head has been written.
  private var response: HttpResponse?
  private var hasHead = false, isKeptAlive = true, version = HTTPVersion.http1_1
  private var refusal: HttpExchange.Refusal?
  private var isDraining = false, isOver = true
  private var timer: Scheduled<Void>?
  /// The client's, once TLS is up: it is when a request has come.
  private lazy var certificate: ClientCertificate? = context?.channel.clientCertificate
  /// Done when the last answer is on its way.
  private var lastAnswer: EventLoopFuture<Void>?

  /// From an answer that ends the connection to its end.
  private static let lingering = TimeAmount.seconds(1)

  init(
    _ dispatcher: CallDispatcher, _ settings: HttpDoor.Service, _ channel: any Channel, _ watch: HttpHeadWatch
  ) {
    self.dispatcher = dispatcher
    self.settings = settings
    self.watch = watch
    deadlines = DeadlineSet(channel.eventLoop)
    peer = channel.remoteAddress.map { "\($0)" } ?? "unknown"
    network = channel.remoteAddress?.network ?? ""
    held = ByteShare(dispatcher.strangersHalfRead, from: channel.remoteAddress?.network ?? "")
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    wait()
  }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// A connection on which nothing comes keeps no place.
  private func wait() {
    timer?.cancel()
    guard let channel = context?.channel else { return }
    timer = channel.eventLoop.scheduleTask(in: TimeAmount(settings.patience)) { channel.close(promise: nil) }
  }

  // MARK: what the client does

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Requests that were read with the last one are not answered.
    guard !isClosing else { return }
    let action: HttpExchange.Action
    switch unwrapInboundIn(data) {
    case .head(let head):
      begin(head)
      action = exchange.receive(
        method: head.method.rawValue, target: head.uri, headers: head.headers.lazy.map { ($0.name, $0.value) },
        routes: settings.routes)
    case .body(let bytes):
      wait()
      action = exchange.receive(body: bytes.readableBytesView)
    case .end:
      if isOver { wait() } else { timer?.cancel() }
      action = exchange.end()
    }
    perform(action, context)
    do { try held.hold(exchange.request.body.count) } catch { refuse(.init(status: 429, error: error, closes: true)) }
  }

  private func begin(_ head: HTTPRequestHead) {
    wait()
    response = nil
    refusal = nil
    hasHead = false
    isOver = false
    // The decoder reads nothing behind a request that offers another protocol, as clients of HTTP/2 do on their first.
    isKeptAlive = head.isKeepAlive && head.method != .CONNECT && !head.headers.contains(name: "upgrade")
    version = head.version
  }

  private func perform(_ action: HttpExchange.Action, _ context: ChannelHandlerContext) {
    switch action {
    case .none: break
    case .refuse(let refusal): refuse(refusal)
    case .open:
      guard let route = exchange.route else { return }
      let call = start(context)
      call.open(opening(route.name), entry(route))
      held.move(to: call.isIdentified ? dispatcher.halfRead : dispatcher.strangersHalfRead)
      if acquaintance.meet(call) { closeBehindAnswer() }
    case .run(let body):
      // Its task has the only copy from here on.
      held.end()
      call?.message(body)
      call?.halfClose()
    }
  }

  private func start(_ context: ChannelHandlerContext) -> ServerCall {
    let call = ServerCall(dispatcher, context.eventLoop, deadlines, self)
    call.onEnd = { [weak self] in self?.call = nil }
    self.call = call
    return call
  }

  private func refuse(_ refusal: HttpExchange.Refusal) {
    guard !isOver, let context else { return }
    self.refusal = refusal
    isKeptAlive = isKeptAlive && !refusal.closes
    if let call { call.fail(refusal.error) } else { start(context).refuse(opening("unknown"), refusal.error) }
  }

  private func opening(_ name: String) -> CallOpening {
    var metadata = exchange.request.headers
    if metadata["authorization"] == nil, Self.countsCookie(of: exchange.request),
      let token = HttpDoor.cookie(in: metadata["cookie"])
    {
      metadata["authorization"] = "Bearer \(token)"
    }
    return CallOpening(
      method: name, metadata: metadata, timeout: nil, peer: peer, network: network, door: "http",
      certificate: certificate)
  }

  /// Whether the session's cookie says who asks: for what a page of this server asks, and for pages themselves, to
  /// which one may come from elsewhere. Calls begin work by GET too: a page of another port shall begin none.
  private static func countsCookie(of request: HttpRequest) -> Bool {
    if request.isOfOwnPage { return true }
    guard request.method == .get else { return false }
    // No browser, or an old one: it does not say.
    guard let site = request.headers["sec-fetch-site"] else { return true }
    let isPage = request.headers["sec-fetch-mode"] == "navigate" && !request.path.hasPrefix("/v")
    return site == "none" || isPage
  }

  /// The route as the dispatcher knows calls.
  private func entry(_ route: HttpRoute) -> CallTable.Entry {
    var policy = CallPolicy(role: nil, defaultDeadline: route.deadline)
    switch route.access {
    case .always, .all: policy.isOpen = true
    case .known(let role): policy.role = role
    case .local(let role):
      policy.role = role
      policy.isOpen = settings.isLocal && Self.namesThisMachine(exchange.request.headers["host"])
    }
    let bound = NIOLoopBound(self, eventLoop: deadlines.eventLoop)
    let eventLoop = deadlines.eventLoop
    let bodiless = exchange.request
    if case .always(let answer) = route.access {
      policy.isVital = true
      return .init(
        policy: policy, shape: .unary,
        handler: .prompt { _, _, finish in finish(Result { bound.value.say(answer(bodiless)) }) })
    }
    return .init(
      policy: policy, shape: .serverStreaming,
      handler: .task { body, context, port in
        var request = bodiless
        request.body = body ?? Data()
        let response = try await route.answer(request, context)
        // In order with what is sent behind it: both go through the event loop's queue.
        eventLoop.execute { _ = bound.value.say(response) }
        switch response.body {
        case .bytes(let bytes): return Data(bytes)
        case .stream(let write):
          try await write(port.send)
          return nil
        }
      })
  }

  static func namesThisMachine(_ host: String?) -> Bool {
    guard let host else { return false }
    let name = host.hasPrefix("[") ? String(host.prefix { $0 != "]" }) + "]" : String(host.prefix { $0 != ":" })
    return name == "localhost" || name == "[::1]" || name == "127.0.0.1"
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
    context.fireChannelReadComplete()
  }
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { call?.writable() }
    context.fireChannelWritabilityChanged()
  }
  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    held.end()
    isOver = true
    call?.abort(CallError(.cancelled, "the client has gone"))
    deadlines.stop()
    context.fireChannelInactive()
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Bytes behind a request that is no HTTP are of no use.
    guard !isClosing else { return }
    dispatcher.logger.debug("http connection of \(peer): \(error)")
    guard let error = error as? HTTPParserError, error != .invalidEOFState, isOver || !hasHead else {
      return context.close(promise: nil)
    }
    if isOver {
      // It may come while the last answer's end is written: that call is told of nothing any more.
      call = nil
      exchange = HttpExchange()
      begin(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"))
    }
    refuse(HttpExchange.Refusal(error, watch.size.excess))
  }

  func drain() {
    isDraining = true
    if isOver { closeBehindAnswer() }
  }

  // MARK: what calls do

  /// - Returns: the body, where it is whole.
  private func say(_ response: HttpResponse) -> Data {
    self.response = response
    if case .bytes(let bytes) = response.body { return Data(bytes) }
    return Data()
  }

  var canSend: Bool { context?.channel.isWritable ?? false }

  func send(_ payload: Data) {
    guard !isOver, let context else { return }
    if !hasHead { writeHead(length: nil, context) }
    writeBody(payload, context)
    context.flush()
  }

  func consumed(_ bytes: Int) {}

  func finish(_ error: CallError?, last: Data?) {
    guard !isOver, let context else { return }
    guard error == nil || !hasHead else {
      // Half an answer is not to be taken for a whole one.
      isOver = true
      return context.close(promise: nil)
    }
    if let error {
      let form = exchange.route?.errorForm ?? refusal?.form ?? .text
      response = failure(error)
      var body = form == .json ? error.json : Data(error.httpText.utf8)
      if form == .json { response?.contentType = "application/json" }
      if form == .text, response?.status ?? 0 >= 400, asksForPage, let page = settings.errorPage {
        response?.contentType = HttpResponse.html([]).contentType
        body = Data(page(error))
      }
      writeHead(length: body.count, context)
      writeBody(body, context)
    } else if hasHead {
      if let last { writeBody(last, context) }
    } else {
      writeHead(length: last?.count ?? 0, context)
      writeBody(last ?? Data(), context)
    }
    complete(context)
  }

  /// The whole answer is written.
  private func complete(_ context: ChannelHandlerContext) {
    isOver = true
    let written = context.eventLoop.makePromise(of: Void.self)
    lastAnswer = written.futureResult
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    if isKeptAlive, !isDraining { wait() } else { closeBehindAnswer() }
  }

  private func closeBehindAnswer() {
    isClosing = true
    guard let channel = context?.channel else { return }
    guard let lastAnswer else { return channel.close(promise: nil) }
    guard refusal?.closes == true else { return lastAnswer.whenComplete { _ in channel.close(promise: nil) } }
    // To a client that still sends, a connection that closes is reset, and the answer lost: it has a moment to read.
    timer?.cancel()
    timer = channel.eventLoop.scheduleTask(in: Self.lingering) { channel.close(promise: nil) }
    lastAnswer.whenComplete { _ in channel.close(mode: .output, promise: nil) }
  }

  private func failure(_ error: CallError) -> HttpResponse {
    var response = HttpResponse.text("", status: refusal?.status ?? error.code.httpStatus)
    if let allowed = refusal?.allowed, !allowed.isEmpty {
      response.headers.append(("allow", allowed.map(\.rawValue).joined(separator: ", ")))
    }
    if let wait = error.retryAfterMilliseconds { response.headers.append(("retry-after", "\((wait + 999) / 1000)")) }
    if error.code == .unauthenticated {
      if let signIn = settings.signInPath, asksForPage { return .seeOther(signIn) }
      response.headers.append(("www-authenticate", "Bearer"))
    }
    return response
  }

  /// Whether a browser asks, for a page.
  private var asksForPage: Bool {
    exchange.request.method == .get && exchange.request.headers["accept"]?.contains("text/html") == true
  }

  private func writeHead(length: Int?, _ context: ChannelHandlerContext) {
    hasHead = true
    let response = response ?? .text("")
    var headers = HTTPHeaders([
      ("content-type", response.contentType), ("x-content-type-options", "nosniff"), ("cache-control", "no-store"),
      ("referrer-policy", "no-referrer"),
      // Pages carry their own styles and pictures, ask nobody but this server, and stand in nobody's frame.
      (
        "content-security-policy",
        "default-src 'none'; \(response.isScripted ? "script-src 'self'; connect-src 'self'; " : "")"
          + "\(response.scriptHash.map { "script-src '\($0)'; " } ?? "")"
          + "style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'"
      ),
    ])
    for (name, value) in response.headers { headers.add(name: name, value: value) }
    // Without a length NIO sends chunks.
    if let length { headers.add(name: "content-length", value: "\(length)") }
    if !isKeptAlive || isDraining { headers.add(name: "connection", value: "close") }
    let head = HTTPResponseHead(
      version: version, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
  }

  private func writeBody(_ payload: Data, _ context: ChannelHandlerContext) {
    guard !exchange.isHead, !payload.isEmpty else { return }
    let bytes = context.channel.allocator.buffer(bytes: payload)
    context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
  }
}
