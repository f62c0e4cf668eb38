import DitherProto
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// One port for the framed protocol, gRPC and HTTP. TLS is known by its first bytes; within it ALPN says which protocol
/// follows. Without TLS, and of HTTP/1.1 within it, the first bytes do.
public enum SharedDoor {
  /// How it is opened, beside what each protocol takes.
  public struct Settings: Sendable {
    /// nil: everything comes without TLS.
    public var tls: TlsSource?
    /// Whether HTTP is taken without TLS where the others are not: for the browser of this machine.
    public var takesPlainHttp = false
    /// Connections, whatever they speak.
    public var connectionLimit = 1024
    /// Event loops: as many as three doors have.
    public var threads = 3
    /// - Parameter tls: nil: everything comes without TLS.
    public init(tls: TlsSource?) { self.tls = tls }
  }

  /// - Parameters:
  ///   - http: the routes, and who may use them.
  ///   - limits: on frames.
  public static func open(
    _ dispatcher: CallDispatcher, _ http: HttpDoor.Service, host: String, port: Int, _ settings: Settings,
    limits: WireLimits = WireLimits()
  ) async throws -> Door {
    try await Door.open(
      name: "shared", host: host, port: port, tls: nil, alpn: "", limit: settings.connectionLimit,
      logger: dispatcher.logger, threads: settings.threads, mostFlushes: nil,
      runningHandlers: { dispatcher.runningHandlers }
    ) { channel, connections in
      // Counted from the first moment; the protocol that takes it over replaces how it is told to end.
      connections.add(channel) { channel.close(promise: nil) }
      let ways = GreetingHandler.Ways(settings: settings, dispatcher: dispatcher) { kind, channel in
        do {
          let most = kind == .http2 ? GrpcDoor.mostFlushes : .max
          try channel.pipeline.syncOperations.addHandler(FlushesTogether(most: most))
          switch kind {
          case .framed, .tls: try FramedDoor.serve(channel, connections, dispatcher, limits)
          case .http2: return GrpcDoor.serve(channel, connections, dispatcher)
          case .http1: return HttpDoor.serve(channel, connections, dispatcher, http)
          }
          return channel.eventLoop.makeSucceededVoidFuture()
        } catch { return channel.eventLoop.makeFailedFuture(error) }
      }
      return channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(GreetingHandler(ways, isWithinTls: false))
      }
    }
  }
}

/// Waits for the first bytes of a connection, and hands it to the protocol that they are of. It keeps no more than what
/// is read at once, and waits as long as for a frame.
final class GreetingHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  struct Ways: Sendable {
    var settings: SharedDoor.Settings
    var dispatcher: CallDispatcher
    /// Puts the handlers of a protocol at the end of the pipeline.
    var serve: @Sendable (Greeting, any Channel) -> EventLoopFuture<Void>
  }

  private let ways: Ways
  private let isWithinTls: Bool
  private var held: ByteBuffer?
  /// The end of the handshake, which the protocol's handlers want to hear of too.
  private var handshake: Any?
  private var isDecided = false
  /// Until it is closed, what comes is not kept.
  private var isRefused = false
  private var timer: Scheduled<Void>?

  init(_ ways: Ways, isWithinTls: Bool) {
    self.ways = ways
    self.isWithinTls = isWithinTls
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    timer = context.eventLoop.scheduleTask(in: TimeAmount(ways.dispatcher.limits.framePatience)) {
      channel.close(promise: nil)
    }
  }
  func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }
  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isRefused else { return }
    var bytes = unwrapInboundIn(data)
    if held == nil { held = bytes } else { held?.writeBuffer(&bytes) }
    look(context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard !isDecided, case TLSUserEvent.handshakeCompleted(let negotiated) = event else {
      return context.fireUserInboundEventTriggered(event)
    }
    handshake = event
    if let kind = negotiated.flatMap({ Greeting(alpn: $0) }) { handOver(to: kind, context) } else { look(context) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    ways.dispatcher.logger.debug("\(context.remoteAddress.map { "\($0)" } ?? "unknown"): \(error)")
    context.close(promise: nil)
  }

  private func look(_ context: ChannelHandlerContext) {
    guard !isDecided, let held, let kind = Greeting(of: held.readableBytesView) else { return }
    guard !isWithinTls else {
      // gRPC has to agree on its ALPN, as at its own door; the framed protocol says so itself.
      if kind == .http2 {
        giveUp()
        return context.close(promise: nil)
      }
      return handOver(to: kind == .tls ? .framed : kind, context)
    }
    switch (kind, ways.settings.tls) {
    case (.tls, let tls?): secure(by: tls, context)
    // Its handshake would be taken for a frame.
    case (.tls, nil): context.close(promise: nil)
    case (.http1, _?) where ways.settings.takesPlainHttp: handOver(to: kind, context)
    case (_, nil): handOver(to: kind, context)
    case (_, _?): refuse(kind, context)
    }
  }

  private func giveUp() {
    (isDecided, isRefused) = (true, true)
    held = nil
  }

  private func secure(by tls: TlsSource, _ context: ChannelHandlerContext) {
    isDecided = true
    do {
      let handler = NIOSSLServerHandler(context: try tls.context(alpn: Greeting.alpnNames))
      try context.pipeline.syncOperations.addHandler(handler)
      try context.pipeline.syncOperations.addHandler(GreetingHandler(ways, isWithinTls: true))
      leave(context)
    } catch { errorCaught(context: context, error: error) }
  }

  private func handOver(to kind: Greeting, _ context: ChannelHandlerContext) {
    isDecided = true
    ways.serve(kind, context.channel).assumeIsolated().whenComplete { [self] result in
      switch result {
      case .success: leave(context)
      case .failure(let error): errorCaught(context: context, error: error)
      }
    }
  }

  private func leave(_ context: ChannelHandlerContext) {
    if let handshake { context.fireUserInboundEventTriggered(handshake) }
    if let held {
      self.held = nil
      context.fireChannelRead(wrapInboundOut(held))
      context.fireChannelReadComplete()
    }
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  /// In the words of a client that has forgotten TLS; those of HTTP/2 could read nothing before its settings.
  private func refuse(_ kind: Greeting, _ context: ChannelHandlerContext) {
    giveUp()
    let words = "this server speaks TLS"
    var answer = context.channel.allocator.buffer(capacity: 256)
    switch kind {
    case .framed:
      var connection = ServerConnection(WireLimits())
      answer.writeBytes(FrameCodec.encode(connection.limits.hello))
      let error = CallError(.failedPrecondition, "\(words): connect by dither:// in the place of dither+plain://")
      for case .send(let frame) in connection.fail(error) { answer.writeBytes(FrameCodec.encode(frame)) }
    case .http1:
      let text = "\(words): ask by https://\n"
      answer.writeString(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: \(text.utf8.count)\r\n"
          + "connection: close\r\n\r\n\(text)")
    case .http2, .tls: break
    }
    context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    context.closeBehindWrites(within: .seconds(1))
  }
}
