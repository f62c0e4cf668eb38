import DitherBasics
import DitherProto
import Foundation
import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2

/// gRPC over HTTP/2, for every stock client. Source: grpc/doc/PROTOCOL-HTTP2.md of the gRPC project.
public enum GrpcDoor {
  /// Header lists above `GrpcRequest.metadataBytes` are refused for their call alone; what is above this cannot be
  /// decoded, and ends the connection.
  private static let headerBytes = 1 << 20
  /// Streams that clients reset within 30 s. Deadlines that pass under load are resets too, so this only stops a flood;
  /// what reset calls still compute is bounded by the caller's share.
  private static let resets = 20_000
  /// Answers in one piece: an HTTP/2 answer takes as long to write as to read.
  static let mostFlushes = 4
  /// Calls of one connection.
  public static let maxConcurrentStreams = 256

  public static func open(
    _ dispatcher: CallDispatcher, host: String, port: Int, tls: TlsSource?,
    maxConcurrentStreams: Int = GrpcDoor.maxConcurrentStreams, connectionLimit: Int = 1024
  ) async throws -> Door {
    try await Door.open(
      name: "grpc", host: host, port: port, tls: tls, alpn: "h2", limit: connectionLimit, logger: dispatcher.logger,
      insistsOnAlpn: true, mostFlushes: mostFlushes, runningHandlers: { dispatcher.runningHandlers }
    ) { channel, connections in
      serve(channel, connections, dispatcher, maxConcurrentStreams: maxConcurrentStreams)
    }
  }

  /// Puts the protocol at the end of a connection's pipeline.
  static func serve(
    _ channel: any Channel, _ connections: Connections, _ dispatcher: CallDispatcher,
    maxConcurrentStreams: Int = GrpcDoor.maxConcurrentStreams
  ) -> EventLoopFuture<Void> {
    let shared = NIOLoopBound(GrpcConnection(dispatcher, channel), eventLoop: channel.eventLoop)
    do { try channel.pipeline.syncOperations.addHandler(shared.value.filter) } catch {
      return channel.eventLoop.makeFailedFuture(error)
    }
    let (connection, stream) = configuration(maxConcurrentStreams)
    return channel.configureHTTP2Pipeline(
      mode: .server, connectionConfiguration: connection, streamConfiguration: stream
    ) { child in
      child.eventLoop.makeCompletedFuture {
        shared.value.streamOpens(child)
        try child.pipeline.syncOperations.addHandler(GrpcHandler(shared.value))
      }
    }.flatMapThrowing { _ in
      try channel.pipeline.syncOperations.addHandler(GrpcConnectionErrors(shared.value))
      connections.add(channel) { channel.eventLoop.execute { shared.value.drain() } }
    }
  }

  private static func configuration(_ maxConcurrentStreams: Int) -> (
    NIOHTTP2Handler.ConnectionConfiguration, NIOHTTP2Handler.StreamConfiguration
  ) {
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: maxConcurrentStreams),
      HTTP2Setting(parameter: .maxHeaderListSize, value: headerBytes),
      HTTP2Setting(parameter: .initialWindowSize, value: 1 << 20),
    ]
    // Their frames that cross our answer are no fault of the client's.
    connection.maximumRecentlyResetStreams = 1024
    connection.maximumSequentialContinuationFrames = headerBytes >> 14
    var stream = NIOHTTP2Handler.StreamConfiguration()
    stream.targetWindowSize = 1 << 20
    stream.streamResetFrameRateLimit.maximumCount = resets
    return (connection, stream)
  }
}

/// The state that the calls of one connection share. Confined to its event loop: not Sendable.
final class GrpcConnection {
  /// Longest that the client may take to read that the connection will end.
  static let longestWay = TimeAmount.seconds(1)
  /// For calls that cross our GOAWAY on the wire.
  private static let farewell = TimeAmount.milliseconds(20)
  /// From the last answer to the close: what a busy client takes to read it.
  private static let reading = TimeAmount.milliseconds(300)

  let dispatcher: CallDispatcher
  let channel: any Channel
  let deadlines: DeadlineSet
  let filter = HTTP2FrameFilter()
  let peer: String, network: String
  /// The client's, once TLS is up.
  private(set) lazy var certificate: ClientCertificate? = channel.clientCertificate
  private var streams = 0, isToldOfEnd = false, isDraining = false, isEnding = false, isLeaving = false
  private var isGone = false
  private var acquaintance = Acquaintance()
  private var idle: Scheduled<Void>?

  init(_ dispatcher: CallDispatcher, _ channel: any Channel) {
    self.dispatcher = dispatcher
    self.channel = channel
    deadlines = DeadlineSet(channel.eventLoop)
    peer = channel.remoteAddress.map { "\($0)" } ?? "unknown"
    network = channel.remoteAddress?.network ?? ""
    waitIdle()
    channel.closeFuture.assumeIsolated().whenComplete { [weak self] _ in
      self?.isGone = true
      self?.deadlines.stop()
      self?.idle?.cancel()
    }
  }

  private func waitIdle() {
    guard !isGone else { return }
    let channel = channel
    idle = channel.eventLoop.scheduleTask(in: acquaintance.patience(dispatcher.limits)) {
      channel.close(promise: nil)
    }
  }

  /// Whether no more than one call is open.
  var isAlone: Bool { streams <= 1 }

  func streamOpens(_ stream: any Channel) {
    streams += 1
    stream.closeFuture.assumeIsolated().whenComplete { [weak self] _ in self?.streamHasClosed() }
  }

  func callHasBegun(_ call: ServerCall) {
    if acquaintance.meet(call), !isEnding {
      isEnding = true
      // Not from within the read that opens the stream.
      channel.eventLoop.assumeIsolated().execute { self.takeNoMore(.enhanceYourCalm) }
    }
    guard acquaintance.isKnown, let idle else { return }
    idle.cancel()
    self.idle = nil
  }

  private func streamHasClosed() {
    streams -= 1
    guard streams == 0 else { return }
    filter.isOver = isDraining
    if isLeaving { leave() } else if idle == nil { waitIdle() }
  }

  /// Closes a moment after the last answer: what the client has on its way would otherwise turn the close into a reset,
  /// which takes an answer that it has not read with it.
  private func leave() {
    channel.eventLoop.assumeIsolated().scheduleTask(in: Self.reading) { [self] in
      if streams == 0 { filter.closeBehindWrites() }
    }
  }

  /// Tells the client that the connection will end, and takes calls until it has read so: none is lost on its way. Then
  /// takes no more, and closes once those that are open have ended and what they said is on its way. RFC 9113, 6.8.
  func drain() {
    guard !isToldOfEnd, !isDraining else { return }
    isToldOfEnd = true
    filter.announceEnd { [weak self] in self?.takeNoMore() }
    channel.eventLoop.assumeIsolated().scheduleTask(in: Self.longestWay) { [weak self] in self?.takeNoMore() }
  }

  /// - Parameter reason: other than `.noError`: at once, without a first word.
  private func takeNoMore(_ reason: HTTP2ErrorCode = .noError) {
    guard !isDraining else { return }
    isDraining = true
    filter.quiesce(refuses: reason == .noError)
    filter.isOver = streams == 0
    // Where it is an error, the filter names the stream.
    let last = reason == .noError ? HTTP2StreamID(Int(filter.highestStream)) : .maxID
    let goAway = HTTP2Frame(
      streamID: .rootStream, payload: .goAway(lastStreamID: last, errorCode: reason, opaqueData: nil))
    channel.writeAndFlush(goAway, promise: nil)
    channel.eventLoop.assumeIsolated().scheduleTask(in: Self.farewell) { [self] in
      isLeaving = true
      if streams == 0 { leave() }
    }
  }
}

/// Logs errors that break a connection; NIOHTTP2 has told the client by then.
private final class GrpcConnectionErrors: ChannelInboundHandler {
  typealias InboundIn = NIOAny
  private let connection: GrpcConnection
  init(_ connection: GrpcConnection) { self.connection = connection }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    connection.dispatcher.logger.debug("grpc connection of \(connection.peer): \(error)")
    // A stream's error is no other stream's fault; nor is an answer to a stream that the client has just reset.
    // NIOHTTP2 tells of both, and sends GOAWAY where the connection is at its end. Its StreamError is no NIOHTTP2Error.
    if error is any NIOHTTP2Error || error is NIOHTTP2Errors.StreamError, !connection.filter.hasFailed { return }
    // Not from within the read that failed: streams that it opens after the close would never be told of it, and stay.
    let channel = context.channel
    context.eventLoop.execute { channel.close(promise: nil) }
  }
}

/// One HTTP/2 stream, one call: frames through `GrpcStream`, its actions to the call.
final class GrpcHandler: ChannelDuplexHandler, CallSink {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundIn = Never
  typealias OutboundOut = HTTP2Frame.FramePayload

  /// Bytes of messages that the handler has not taken: past it, no more are read.
  private static let readBound = 1 << 20
  private static let head = HPACKHeaders([(":status", "200"), ("content-type", "application/grpc")])
  private static let gzipHead = HPACKHeaders([
    (":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip"),
  ])
  private static let success = HPACKHeaders([("grpc-status", "0")])

  private let connection: GrpcConnection
  private var stream: GrpcStream
  private var held: ByteShare
  private var context: ChannelHandlerContext?
  private var call: ServerCall?
  private var untaken = 0, readIsDue = false, answersByGzip = false
  private let traces: Bool
  private var logger: Logger { connection.dispatcher.logger }

  init(_ connection: GrpcConnection) {
    self.connection = connection
    stream = GrpcStream(messageBytes: connection.dispatcher.limits.messageBytes)
    held = ByteShare(connection.dispatcher.strangersHalfRead, from: connection.network)
    traces = connection.dispatcher.logger.logLevel <= .trace
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let frame):
      if traces { trace(frame.headers) }
      let headers = frame.headers.lazy.map { (name: $0.name, value: $0.value) }
      if let action = stream.receive(headers: headers, endStream: frame.endStream) { perform(action, context) }
    case .data(let frame):
      guard case .byteBuffer(let bytes) = frame.data else { return }
      stream.receive(bytes.readableBytesView, endStream: frame.endStream)
    default: return
    }
    while let action = stream.next() { perform(action, context) }
    do { try held.hold(stream.pendingBytes) } catch { refuse(error) }
  }

  private func perform(_ action: GrpcStream.Action, _ context: ChannelHandlerContext) {
    switch action {
    case .open(let request):
      let call = ServerCall(connection.dispatcher, context.eventLoop, connection.deadlines, self)
      self.call = call
      answersByGzip = request.isAnsweredByGzip
      call.open(
        CallOpening(
          method: request.method, metadata: request.metadata, timeout: request.timeout.map { TimeAmount($0) },
          peer: connection.peer, network: connection.network, door: "grpc", certificate: connection.certificate,
          // Taking an HTTP/2 call apart keeps the thread as long as the handing over that this saves.
          hasTime: connection.isAlone, sendsGzip: request.sendsGzip, isAnsweredByGzip: answersByGzip),
        connection.dispatcher.table.entries[request.method])
      if call.isIdentified { held.move(to: connection.dispatcher.halfRead) }
      connection.callHasBegun(call)
    case .message(let payload):
      if traces { logger.trace("grpc > MESSAGE bytes=\(payload.count)") }
      untaken += payload.count + GrpcFraming.prefixBytes
      call?.message(payload)
    case .halfClose: call?.halfClose()
    case .refuse(let error): refuse(error)
    case .http(let status):
      let headers = HPACKHeaders([(":status", "\(status)")])
      context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
    }
  }

  private func refuse(_ error: CallError) {
    finish(error, last: nil)
    call?.abort(error)
    call = nil
  }

  private func trace(_ headers: HPACKHeaders) {
    logger.trace(
      "grpc > HEADERS \(headers.first(name: ":path") ?? "") timeout=\(headers.first(name: "grpc-timeout") ?? "-")")
  }

  func read(context: ChannelHandlerContext) {
    if untaken <= Self.readBound { context.read() } else { readIsDue = true }
  }
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { call?.writable() }
    context.fireChannelWritabilityChanged()
  }
  func channelInactive(context: ChannelHandlerContext) {
    stream.close()
    held.end()
    call?.abort(CallError(.cancelled, "the client has cancelled or gone"))
    call = nil
    context.fireChannelInactive()
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    logger.debug("grpc stream: \(error)")
    context.close(promise: nil)
  }

  // MARK: CallSink

  var canSend: Bool { context?.channel.isWritable ?? false }

  func send(_ payload: Data) {
    guard let context else { return }
    write(payload, context)
    context.flush()
  }

  func consumed(_ bytes: Int) {
    untaken -= bytes + GrpcFraming.prefixBytes
    guard readIsDue, untaken <= Self.readBound, let context else { return }
    readIsDue = false
    context.read()
  }

  func finish(_ error: CallError?, last: Data?) {
    guard let context else { return }
    if let last { write(last, context) }
    guard let end = stream.finish() else { return }
    held.end()
    if traces { logger.trace("grpc < TRAILERS status=\(error?.code ?? .ok)") }
    let trailers =
      error == nil && !end.isAlone
      ? Self.success : HPACKHeaders(GrpcTrailers.headers(error, isAlone: end.isAlone).map { ($0.name, $0.value) })
    context.write(wrapOutboundOut(.headers(.init(headers: trailers, endStream: true))), promise: nil)
    if end.resets { context.write(wrapOutboundOut(.rstStream(.noError)), promise: nil) }
    context.flush()
  }

  private func write(_ payload: Data, _ context: ChannelHandlerContext) {
    guard let message = stream.message() else { return }
    if message.isFirst {
      let head = answersByGzip ? Self.gzipHead : Self.head
      context.write(wrapOutboundOut(.headers(.init(headers: head))), promise: nil)
    }
    if traces { logger.trace("grpc < MESSAGE bytes=\(payload.count)") }
    var bytes = context.channel.allocator.buffer(capacity: payload.count + GrpcFraming.prefixBytes)
    let prefix = GrpcFraming.prefix(
      payload.count, isCompressed: answersByGzip && PackedMessages.isPacked(payload))
    bytes.writeInteger(prefix.compressed)
    bytes.writeInteger(prefix.length)
    bytes.writeBytes(payload)
    context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(bytes)))), promise: nil)
  }
}
