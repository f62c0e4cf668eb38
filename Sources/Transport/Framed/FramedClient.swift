import DitherProto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// A framed connection from the client's side. Calls on it run at once and end in any order.
public final class FramedClient: Sendable {
  /// Whom to call, and how.
  public struct Target: Sendable {
    /// A name or an address.
    public var host: String
    /// The framed door's.
    public var port: Int
    /// Whether the connection is encrypted.
    public var usesTls: Bool
    /// PEM file of the CA; nil: the system's.
    public var authority: String?
    /// PEM files of the client's own, for a server that asks for a certificate.
    public var certificate: String?
    /// PEM file of the client certificate's key.
    public var key: String?
    /// For the connection and its handshake.
    public var connectTimeout: TimeAmount
    public init(
      host: String, port: Int, usesTls: Bool, authority: String?, certificate: String? = nil, key: String? = nil,
      connectTimeout: TimeAmount
    ) {
      self.host = host
      self.port = port
      self.usesTls = usesTls
      self.authority = authority
      self.certificate = certificate
      self.key = key
      self.connectTimeout = connectTimeout
    }
  }

  private let channel: any Channel
  private let handler: NIOLoopBound<FramedClientHandler>

  private init(_ channel: any Channel, _ handler: NIOLoopBound<FramedClientHandler>) {
    self.channel = channel
    self.handler = handler
  }

  /// Connects, and waits for the server's Hello.
  /// - Throws: UNAVAILABLE with the reason, or what the server's GoAway says.
  public static func connect(to target: Target, limits: WireLimits = WireLimits(), on group: any EventLoopGroup)
    async throws
    -> FramedClient
  {
    let eventLoop = group.next(), ready = eventLoop.makePromise(of: Void.self)
    let tls: NIOSSLContext?
    do {
      tls = target.usesTls ? try context(target) : nil
    } catch {
      ready.succeed()
      throw ConnectionTrouble.files(error, target)
    }
    let made = NIOLoopBoundBox.makeEmptyBox(valueType: FramedClientHandler.self, eventLoop: eventLoop)
    let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(target.connectTimeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            // A name is checked against the certificate; an address is too, but is not sent as a name.
            let isAddress = target.host.contains(":") || target.host.allSatisfy { $0.isNumber || $0 == "." }
            try channel.pipeline.syncOperations.addHandler(
              NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : target.host))
          }
          try channel.pipeline.syncOperations.addHandler(FlushesTogether())
          let handler = FramedClientHandler(limits, target, ready: ready)
          try channel.pipeline.syncOperations.addHandler(handler)
          made.value = handler
        }
      }
    do {
      let channel = try await bootstrap.connect(host: target.host, port: target.port).get()
      let timer = eventLoop.scheduleTask(in: target.connectTimeout) {
        ready.fail(ConnectionTrouble.silent(target))
      }
      defer { timer.cancel() }
      do {
        try await ready.futureResult.get()
      } catch {
        channel.close(promise: nil)
        throw error
      }
      let handler = try await eventLoop.submit { made.value.map { NIOLoopBound($0, eventLoop: eventLoop) } }.get()
      guard let handler else { throw ConnectionTrouble.closed(target) }
      return FramedClient(channel, handler)
    } catch {
      ready.fail(error)
      throw ConnectionTrouble.error(error, target)
    }
  }

  private static func context(_ target: Target) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv13
    configuration.applicationProtocols = ["dither/1"]
    if let authority = target.authority { configuration.trustRoots = .file(authority) }
    if let certificate = target.certificate, let key = target.key {
      configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
      configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
    }
    return try NIOSSLContext(configuration: configuration)
  }

  /// Whether the connection stands.
  public var isActive: Bool { channel.isActive }
  /// Calls in flight fail with `unavailable`.
  public func close() async { try? await channel.close() }

  /// One call. `receive` gets its messages, then its end, on the connection's event loop.
  public struct CallHandle: Sendable {
    fileprivate let client: FramedClient
    fileprivate let id: UInt32

    /// Waits until the server takes more.
    /// - Throws: when the call is over.
    public func send(_ payload: Data) async throws {
      let (handler, id) = (client.handler, id)
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        client.channel.eventLoop.execute { handler.value.send(id, payload, continuation) }
      }
    }
    /// Nothing more follows from the client.
    public func halfClose() {
      let (handler, id) = (client.handler, id)
      client.channel.eventLoop.execute { handler.value.halfClose(id) }
    }
    /// The call ends; what comes for it later is dropped.
    public func cancel() {
      let (handler, id) = (client.handler, id)
      client.channel.eventLoop.execute { handler.value.cancel(id) }
    }
    /// Lets the server send as many more bytes.
    public func consumed(_ bytes: Int) {
      let (handler, id) = (client.handler, id)
      client.channel.eventLoop.execute { handler.value.consumed(id, bytes) }
    }
  }

  /// News of a call.
  public enum Event: Sendable {
    case message(Data)
    /// The last message, where the end carries one, and how the call ended.
    case end(last: Data?, CallError?)
  }

  /// - Parameters:
  ///   - timeout: told to the server, and kept here as well.
  ///   - end: whether `first` is the only message.
  public func open(
    _ method: String, metadata: [String: String], timeout: TimeAmount?, first: Data?, end: Bool,
    receive: @escaping @Sendable (Event) -> Void
  ) async throws -> CallHandle {
    let handler = handler
    let id = try await channel.eventLoop.submit {
      try handler.value.open(method, metadata: metadata, timeout: timeout, first: first, end: end, receive: receive)
    }.get()
    return CallHandle(client: self, id: id)
  }

  /// A unary call without a task in between: `completion` is called once, on the connection's event loop.
  /// - Returns: what cancels the call.
  @discardableResult
  public func unary(
    _ method: String, metadata: [String: String], timeout: TimeAmount?, request: Data,
    completion: @escaping @Sendable (Result<Data, CallError>) -> Void
  ) -> @Sendable () -> Void {
    let handler = handler, eventLoop = channel.eventLoop
    let call = NIOLoopBoundBox.makeEmptyBox(valueType: UnaryState.self, eventLoop: eventLoop)
    eventLoop.execute {
      if case .cancelled? = call.value { return completion(.failure(CallError(.cancelled, "cancelled"))) }
      do {
        let id = try handler.value.open(method, metadata: metadata, timeout: timeout, first: request, end: true) {
          event in
          switch event {
          case .message(let answer): call.value = .answered(answer)
          case .end(_, let error?): completion(.failure(error))
          case .end(let last?, nil): completion(.success(last))
          case .end(nil, nil):
            guard case .answered(let answer)? = call.value else {
              return completion(.failure(CallError(.internalError, "the server ended \(method) without an answer")))
            }
            completion(.success(answer))
          }
        }
        call.value = .open(id)
      } catch {
        completion(.failure(error as? CallError ?? CallError(.unavailable, "\(error)")))
      }
    }
    return {
      eventLoop.execute {
        if case .open(let id)? = call.value { handler.value.cancel(id) }
        call.value = .cancelled
      }
    }
  }

  private enum UnaryState {
    case open(UInt32)
    case answered(Data)
    case cancelled
  }
}

/// Frames through the client's state machine. Confined to its event loop.
final class FramedClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private struct Open {
    let receive: @Sendable (FramedClient.Event) -> Void
    var deadline: Int?
    var waiting: [(Data, CheckedContinuation<Void, any Error>)] = []
    var halfCloses = false
  }

  private var connection: ClientConnection
  private var reader: FrameReader
  private var calls: [UInt32: Open] = [:]
  private var ready: EventLoopPromise<Void>?
  private var deadlines: DeadlineSet?
  private var context: ChannelHandlerContext?
  private var lost: CallError?
  /// Within TLS: whether the server has agreed on the framed protocol by ALPN. A framed door always does.
  private var isAgreed = true
  private let target: FramedClient.Target

  /// - Parameter ready: done with the server's Hello.
  init(_ limits: WireLimits, _ target: FramedClient.Target, ready: EventLoopPromise<Void>) {
    connection = ClientConnection(limits)
    reader = FrameReader(limit: limits.maxFrameBytes)
    self.target = target
    self.ready = ready
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    deadlines = DeadlineSet(context.eventLoop)
    if context.channel.isActive { write(connection.limits.hello) }
  }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }
  func channelActive(context: ChannelHandlerContext) {
    write(connection.limits.hello)
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted(let negotiated) = event { isAgreed = negotiated == "dither/1" }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    reader.append(unwrapInboundIn(data).readableBytesView)
    do throws(CallError) {
      while let frame = try reader.next() {
        // Bytes of another protocol may read as a frame.
        guard ready == nil || frame.greets else { return perform(connection.fail(ConnectionTrouble.foreign(target))) }
        perform(connection.receive(frame))
      }
    } catch {
      perform(connection.fail(ready == nil ? error : ConnectionTrouble.foreign(target)))
    }
  }
  func channelInactive(context: ChannelHandlerContext) {
    perform(
      connection.fail(
        lost ?? (ready != nil ? closedEarly : CallError(.unavailable, "the connection was closed"))))
    deadlines?.stop()
    context.fireChannelInactive()
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // TLS's word for a peer that went without a goodbye.
    let isGone = error as? NIOSSLError == .uncleanShutdown
    if ready != nil {
      lost = isGone ? closedEarly : ConnectionTrouble.error(error, target)
    } else {
      lost = CallError(.unavailable, isGone ? "the connection was lost" : "the connection failed: \(error)")
    }
    context.close(promise: nil)
  }

  /// Before its Hello. What stands before a framed door and ends its TLS may agree on nothing: the Hello counts, where
  /// one comes.
  private var closedEarly: CallError {
    isAgreed ? ConnectionTrouble.closed(target) : ConnectionTrouble.foreign(target)
  }

  private func perform(_ actions: [ClientConnection.Action]) {
    for action in actions {
      switch action {
      case .send(let frame): write(frame)
      case .ready:
        ready?.succeed()
        ready = nil
      case .message(let id, let payload): calls[id]?.receive(.message(payload))
      case .end(let id, let last, let error): finish(id, last, error)
      case .writable(let id): drain(id)
      case .draining: break
      case .close(let error):
        lost = error
        ready?.fail(error)
        ready = nil
        context?.close(promise: nil)
      }
    }
  }

  private func finish(_ id: UInt32, _ last: Data?, _ error: CallError?) {
    guard let call = calls.removeValue(forKey: id) else { return }
    if let deadline = call.deadline { deadlines?.remove(deadline) }
    for (_, continuation) in call.waiting {
      continuation.resume(throwing: error ?? CallError(.cancelled, "the server has ended the call"))
    }
    call.receive(.end(last: last, error))
  }

  func open(
    _ method: String, metadata: [String: String], timeout: TimeAmount?, first: Data?, end: Bool,
    receive: @escaping @Sendable (FramedClient.Event) -> Void
  ) throws -> UInt32 {
    guard let context, context.channel.isActive, connection.isReady else {
      throw lost ?? CallError(.unavailable, "the connection takes no new calls")
    }
    guard connection.room > 0 else {
      throw CallError(
        .resourceExhausted, "the server takes no more calls at once on this connection",
        details: [.retry(afterMilliseconds: 10)])
    }
    if let first, first.count + 4096 > connection.peerFrameBytes {
      throw CallError(
        .invalidArgument, "a message of \(first.count) bytes; the server takes frames of \(connection.peerFrameBytes)")
    }
    let microseconds = timeout.map { UInt64(max($0.nanoseconds / 1000, 1)) } ?? 0
    let (id, frame) = connection.open(
      method, metadata: metadata, timeoutMicroseconds: microseconds, first: first, end: end)
    var call = Open(receive: receive)
    if let timeout {
      // A little later than the server's own: its answer says more.
      call.deadline = deadlines?.add(.now() + timeout + .milliseconds(250)) { [weak self] in
        self?.end(id, CallError(.deadlineExceeded, "no answer in time"))
      }
    }
    calls[id] = call
    write(frame)
    return id
  }

  func send(_ id: UInt32, _ payload: Data, _ continuation: CheckedContinuation<Void, any Error>) {
    guard calls[id] != nil else {
      return continuation.resume(throwing: lost ?? CallError(.cancelled, "the call is over"))
    }
    calls[id]?.waiting.append((payload, continuation))
    drain(id)
  }

  private func drain(_ id: UInt32) {
    while connection.mayWrite(id), let call = calls[id], let (payload, continuation) = call.waiting.first {
      calls[id]?.waiting.removeFirst()
      if let frame = connection.message(id, payload) { write(frame) }
      continuation.resume()
    }
    if let call = calls[id], call.halfCloses, call.waiting.isEmpty {
      calls[id]?.halfCloses = false
      if let frame = connection.halfClose(id) { write(frame) }
    }
  }

  func halfClose(_ id: UInt32) {
    calls[id]?.halfCloses = true
    drain(id)
  }
  func cancel(_ id: UInt32) { end(id, CallError(.cancelled, "cancelled")) }
  func consumed(_ id: UInt32, _ bytes: Int) {
    if let frame = connection.consumed(id, bytes) { write(frame) }
  }

  private func end(_ id: UInt32, _ error: CallError) {
    if let frame = connection.cancel(id) { write(frame) }
    finish(id, nil, error)
  }

  private func write(_ frame: Dither_V1_Frame) {
    guard let context else { return }
    context.writeAndFlush(
      wrapOutboundOut(context.channel.allocator.buffer(bytes: FrameCodec.encode(frame))), promise: nil)
  }
}

extension Dither_V1_Frame {
  /// Whether a server may begin with it.
  fileprivate var greets: Bool {
    switch kind {
    case .hello, .goAway: true
    default: false
    }
  }
}
