import DitherProto
import Foundation
import Logging
import NIOCore
import NIOHTTP1

public struct HttpRequest: Sendable {
  public let path: String
  public let query: [String: String]
  public let authorization: String?
}

public struct HttpResponse: Sendable {
  public var status: Int
  public var contentType: String
  public var body: [UInt8]
  public init(_ status: Int = 200, _ contentType: String, _ body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
  public static func text(_ text: String, status: Int = 200) -> HttpResponse {
    HttpResponse(status, "text/plain; charset=utf-8", Array(text.utf8))
  }
  public static func html(_ html: [UInt8]) -> HttpResponse { HttpResponse(200, "text/html; charset=utf-8", html) }
}

/// Pages and figures over HTTP/1.1: GET and HEAD only, no bodies in.
public enum HttpDoor {
  public static func open(
    host: String, port: Int, tls: TlsSource?, logger: Logger, connectionLimit: Int = 256,
    _ handler: @escaping @Sendable (HttpRequest) async -> HttpResponse
  ) async throws -> Door {
    try await Door.open(
      name: "http", host: host, port: port, tls: tls, alpn: "http/1.1", limit: connectionLimit, logger: logger
    ) { channel, connections in
      connections.add(channel) { channel.close(promise: nil) }
      return channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
        try channel.pipeline.syncOperations.addHandler(HttpHandler(handler))
      }
    }
  }
}

private final class HttpHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let handler: @Sendable (HttpRequest) async -> HttpResponse
  private var head: HTTPRequestHead?
  init(_ handler: @escaping @Sendable (HttpRequest) async -> HttpResponse) { self.handler = handler }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    case .body: break
    case .end:
      guard let head else { return }
      self.head = nil
      answer(head, context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let eventLoop = context.eventLoop, bound = NIOLoopBound((self, context), eventLoop: eventLoop)
    guard head.method == .GET || head.method == .HEAD else {
      return write(.text("only GET is answered here\n", status: 405), head, context)
    }
    guard let parts = URLComponents(string: head.uri) else {
      return write(.text("no address: \(head.uri.prefix(80))\n", status: 400), head, context)
    }
    let query = Dictionary(
      (parts.queryItems ?? []).map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { _, last in last })
    let request = HttpRequest(path: parts.path, query: query, authorization: head.headers["authorization"].first)
    let handler = handler
    Task {
      let response = await handler(request)
      eventLoop.execute {
        let (this, context) = bound.value
        this.write(response, head, context)
      }
    }
  }

  private func write(_ response: HttpResponse, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    var headers = HTTPHeaders([
      ("content-type", response.contentType), ("content-length", "\(response.body.count)"),
      ("x-content-type-options", "nosniff"), ("cache-control", "no-store"),
      // Pages carry their own styles and pictures and ask nobody for anything.
      ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"),
    ])
    if !head.isKeepAlive { headers.add(name: "connection", value: "close") }
    let status = HTTPResponseStatus(statusCode: response.status)
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: status, headers: headers))), promise: nil)
    if head.method != .HEAD {
      context.write(
        wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: response.body)))), promise: nil)
    }
    let done = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: done)
    let channel = context.channel
    if !head.isKeepAlive { done.futureResult.whenComplete { _ in channel.close(promise: nil) } }
  }
}
