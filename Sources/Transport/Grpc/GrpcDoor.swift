import DitherBasics
import DitherProto
import Foundation
import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOSSL

/// gRPC over HTTP/2, for every stock client. Source: grpc/doc/PROTOCOL-HTTP2.md of the gRPC project.
public enum GrpcDoor {
  /// To the first call of a connection.
  private static let patience = TimeAmount.seconds(60)

  public static func open(
    _ dispatcher: CallDispatcher, host: String, port: Int, tls: TlsSource?, maxConcurrentStreams: Int = 256,
    connectionLimit: Int = 1024
  ) async throws -> Door {
    try await Door.open(
      name: "grpc", host: host, port: port, tls: tls, alpn: "h2", limit: connectionLimit, logger: dispatcher.logger,
      runningHandlers: { dispatcher.runningHandlers }
    ) { channel, connections in
      // Who opens no stream keeps no connection.
      let hasBegun = NIOLoopBoundBox(false, eventLoop: channel.eventLoop)
      channel.eventLoop.scheduleTask(in: patience) { if !hasBegun.value { channel.close(promise: nil) } }
      let deadlines = NIOLoopBound(DeadlineSet(channel.eventLoop), eventLoop: channel.eventLoop)
      channel.closeFuture.whenComplete { _ in deadlines.value.stop() }
      var connection = NIOHTTP2Handler.ConnectionConfiguration()
      connection.initialSettings = [
        HTTP2Setting(parameter: .maxConcurrentStreams, value: maxConcurrentStreams),
        HTTP2Setting(parameter: .maxHeaderListSize, value: 16 << 10),
        HTTP2Setting(parameter: .initialWindowSize, value: 1 << 20),
      ]
      var stream = NIOHTTP2Handler.StreamConfiguration()
      stream.targetWindowSize = 1 << 20
      let filter = NIOLoopBound(StrayFrameFilter(), eventLoop: channel.eventLoop)
      do { try channel.pipeline.syncOperations.addHandler(filter.value) } catch {
        return channel.eventLoop.makeFailedFuture(error)
      }
      return channel.configureHTTP2Pipeline(
        mode: .server, connectionConfiguration: connection, streamConfiguration: stream
      ) { child in
        hasBegun.value = true
        return child.eventLoop.makeCompletedFuture {
          try child.pipeline.syncOperations.addHandler(GrpcHandler(dispatcher, connection: channel, deadlines.value))
        }
      }.flatMapThrowing { _ in
        try channel.pipeline.syncOperations.addHandler(GrpcConnectionErrors(dispatcher))
        connections.add(channel) {
          channel.eventLoop.execute {
            filter.value.quiesce()
            let goAway = HTTP2Frame(
              streamID: .rootStream, payload: .goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil))
            channel.writeAndFlush(goAway, promise: nil)
          }
          Self.closeWhenIdle(channel, dispatcher)
        }
      }
    }
  }

  /// HTTP/2 has no event for "the last stream has ended" here, so calls in flight are watched.
  private static func closeWhenIdle(_ channel: any Channel, _ dispatcher: CallDispatcher) {
    channel.eventLoop.scheduleTask(in: .milliseconds(20)) {
      if dispatcher.callsInFlight == 0 { channel.close(promise: nil) } else { closeWhenIdle(channel, dispatcher) }
    }
  }
}

/// What breaks a connection is said in the log; NIOHTTP2 has told the client by then.
private final class GrpcConnectionErrors: ChannelInboundHandler {
  typealias InboundIn = NIOAny
  private let dispatcher: CallDispatcher
  init(_ dispatcher: CallDispatcher) { self.dispatcher = dispatcher }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    dispatcher.logger.debug("grpc connection of \(context.remoteAddress.map { "\($0)" } ?? "unknown"): \(error)")
    // What one stream did wrong is no other's fault.
    if !(error is NIOHTTP2Errors.StreamError) { context.close(promise: nil) }
  }
}

/// One HTTP/2 stream: one call.
final class GrpcHandler: ChannelDuplexHandler, CallSink {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundIn = Never
  typealias OutboundOut = HTTP2Frame.FramePayload

  private let dispatcher: CallDispatcher
  private let connection: any Channel
  private let deadlines: DeadlineSet
  private var context: ChannelHandlerContext?
  private var call: ServerCall?
  private var buffer = ByteBuffer()
  private var hasHeaders = false, isOver = false
  /// Nothing follows from the client.
  private var isWhole = false
  /// Bytes of messages that the handler has not taken: past a bound, no more are read.
  private var untaken = 0, readIsDue = false
  private static let readBound = 1 << 20
  private let traces: Bool

  init(_ dispatcher: CallDispatcher, connection: any Channel, _ deadlines: DeadlineSet) {
    self.dispatcher = dispatcher
    self.deadlines = deadlines
    self.connection = connection
    traces = dispatcher.logger.logLevel <= .trace
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let frame):
      isWhole = isWhole || frame.endStream
      if call == nil { begin(frame.headers, context) }
      if frame.endStream { call?.halfClose() }
    case .data(let frame):
      isWhole = isWhole || frame.endStream
      guard !isOver, case .byteBuffer(var bytes) = frame.data else { return }
      buffer.writeBuffer(&bytes)
      takeMessages()
      if frame.endStream, !isOver {
        guard buffer.readableBytes == 0 else {
          return refuse(CallError(.invalidArgument, "the stream ends inside a message"))
        }
        call?.halfClose()
      }
    default: break
    }
  }

  private func begin(_ headers: HPACKHeaders, _ context: ChannelHandlerContext) {
    if traces {
      dispatcher.logger.trace(
        "grpc > HEADERS \(headers.first(name: ":path") ?? "") timeout=\(headers.first(name: "grpc-timeout") ?? "-")")
    }
    guard headers.first(name: ":method") == "POST" else { return httpError(405, context) }
    guard headers.first(name: "content-type")?.hasPrefix("application/grpc") == true else {
      return httpError(415, context)
    }
    var metadata: [String: String] = [:]
    for header in headers where !header.name.hasPrefix(":") { metadata[header.name.lowercased()] = header.value }
    let call = ServerCall(dispatcher, context.eventLoop, deadlines, self)
    self.call = call
    if let encoding = metadata["grpc-encoding"], encoding != "identity" {
      return refuse(CallError(.unimplemented, "compression '\(encoding.clipped())' is not taken: send identity"))
    }
    var timeout: TimeAmount?
    if let text = metadata["grpc-timeout"] {
      guard let parsed = Self.timeout(text) else {
        return refuse(CallError(.invalidArgument, "grpc-timeout '\(text.clipped())' is no time: expected as 100m"))
      }
      timeout = parsed
    }
    let certificate = connection.eventLoop === context.eventLoop ? connection.peerCommonName : nil
    call.open(
      method: String((headers.first(name: ":path") ?? "").drop { $0 == "/" }), metadata: metadata, timeout: timeout,
      peer: connection.remoteAddress.map { "\($0)" } ?? "unknown", door: "grpc", certificate: certificate)
  }

  private func takeMessages() {
    while !isOver, let flag: UInt8 = buffer.getInteger(at: buffer.readerIndex),
      let length: UInt32 = buffer.getInteger(at: buffer.readerIndex + 1)
    {
      guard flag == 0 else {
        return refuse(CallError(.unimplemented, "compressed messages are not taken: send identity"))
      }
      guard Int(length) <= dispatcher.limits.messageBytes else {
        return refuse(
          CallError(
            .resourceExhausted, "a message of at most \(dispatcher.limits.messageBytes) bytes is taken, \(length) came")
        )
      }
      guard buffer.readableBytes >= 5 + Int(length) else { return }
      buffer.moveReaderIndex(forwardBy: 5)
      let payload = buffer.readBytes(length: Int(length)) ?? []
      if traces { dispatcher.logger.trace("grpc > MESSAGE bytes=\(payload.count)") }
      untaken += payload.count
      call?.message(Data(payload))
    }
    if buffer.readableBytes == 0 { buffer.clear(minimumCapacity: 0) }
  }

  /// A number of at most eight digits and a unit: H, M, S, m, u, n.
  static func timeout(_ text: String) -> TimeAmount? {
    guard let unit = text.last, text.count <= 9, let value = Int64(text.dropLast()), value >= 0 else { return nil }
    switch unit {
    case "H": return .hours(value)
    case "M": return .minutes(value)
    case "S": return .seconds(value)
    case "m": return .milliseconds(value)
    case "u": return .microseconds(value)
    case "n": return .nanoseconds(value)
    default: return nil
    }
  }

  func read(context: ChannelHandlerContext) {
    if untaken <= Self.readBound { context.read() } else { readIsDue = true }
  }
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { call?.writable() }
    context.fireChannelWritabilityChanged()
  }
  func channelInactive(context: ChannelHandlerContext) {
    isOver = true
    call?.abort(CallError(.cancelled, "the client has cancelled or gone"))
    call = nil
    context.fireChannelInactive()
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    dispatcher.logger.debug("grpc stream: \(error)")
    context.close(promise: nil)
  }

  // MARK: CallSink

  var canSend: Bool { context?.channel.isWritable ?? false }

  func send(_ payload: Data) {
    guard !isOver, let context else { return }
    writeHeaders(context)
    writeMessage(payload, context)
    context.flush()
  }

  func consumed(_ bytes: Int) {
    untaken -= bytes
    guard readIsDue, untaken <= Self.readBound, let context else { return }
    readIsDue = false
    context.read()
  }

  func finish(_ error: CallError?, last: Data?) {
    guard !isOver, let context else { return }
    if let last {
      writeHeaders(context)
      writeMessage(last, context)
    }
    var trailers = HPACKHeaders()
    if !hasHeaders {
      // Trailers alone: the answer has no message.
      trailers.add(name: ":status", value: "200")
      trailers.add(name: "content-type", value: "application/grpc")
    }
    trailers.add(name: "grpc-status", value: "\(error?.code.rawValue ?? 0)")
    if let error {
      trailers.add(name: "grpc-message", value: Self.percentEncoded(error.message))
      trailers.add(name: "grpc-status-details-bin", value: GrpcStatus.encode(error).base64EncodedString())
      if error.code == .unimplemented { trailers.add(name: "grpc-accept-encoding", value: "identity") }
    }
    if traces { dispatcher.logger.trace("grpc < TRAILERS status=\(error?.code ?? .ok)") }
    isOver = true
    context.write(wrapOutboundOut(.headers(.init(headers: trailers, endStream: true))), promise: nil)
    // A client that is still sending would otherwise keep the stream half open. NO_ERROR, as RFC 9113, 8.1, has it: at any other code
    // gRPC's C core may take the reset for the answer.
    if error != nil, !isWhole { context.write(wrapOutboundOut(.rstStream(.noError)), promise: nil) }
    context.flush()
  }

  private func refuse(_ error: CallError) {
    finish(error, last: nil)
    call?.abort(error)
    call = nil
  }

  private func httpError(_ status: Int, _ context: ChannelHandlerContext) {
    isOver = true
    let headers = HPACKHeaders([(":status", "\(status)")])
    context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
  }

  private func writeHeaders(_ context: ChannelHandlerContext) {
    guard !hasHeaders else { return }
    hasHeaders = true
    let headers = HPACKHeaders([(":status", "200"), ("content-type", "application/grpc")])
    context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
  }

  private func writeMessage(_ payload: Data, _ context: ChannelHandlerContext) {
    if traces { dispatcher.logger.trace("grpc < MESSAGE bytes=\(payload.count)") }
    var bytes = context.channel.allocator.buffer(capacity: payload.count + 5)
    bytes.writeInteger(UInt8(0))
    bytes.writeInteger(UInt32(payload.count))
    bytes.writeBytes(payload)
    context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(bytes)))), promise: nil)
  }

  /// As grpc-message is written: bytes outside space to tilde, and percent signs, as %XX.
  static func percentEncoded(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      if byte >= 0x20, byte <= 0x7E, byte != UInt8(ascii: "%") {
        out.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }
}
