import DitherProto
import Foundation
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// The framed protocol on TCP: docs/protocol.md.
public enum FramedDoor {
  public static func open(
    _ dispatcher: CallDispatcher, host: String, port: Int, tls: TlsSource?, limits: WireLimits = WireLimits(),
    connectionLimit: Int = 1024
  ) async throws -> Door {
    try await Door.open(
      name: "framed", host: host, port: port, tls: tls, alpn: "dither/1", limit: connectionLimit,
      logger: dispatcher.logger, runningHandlers: { dispatcher.runningHandlers }
    ) { channel, connections in
      channel.eventLoop.makeCompletedFuture { try serve(channel, connections, dispatcher, limits) }
    }
  }

  /// Puts the protocol at the end of a connection's pipeline.
  static func serve(
    _ channel: any Channel, _ connections: Connections, _ dispatcher: CallDispatcher, _ limits: WireLimits
  ) throws {
    let handler = FramedHandler(dispatcher, limits), eventLoop = channel.eventLoop
    try channel.pipeline.syncOperations.addHandler(handler)
    let bound = NIOLoopBound(handler, eventLoop: eventLoop)
    connections.add(channel) { eventLoop.execute { bound.value.drain() } }
  }
}

/// One framed connection: bytes to frames, frames through the state machine, actions to calls.
final class FramedHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  /// Bytes of a frame that must come in `framePatience` for it to begin anew.
  private static let worthwhileBytes = 64 << 10

  private let dispatcher: CallDispatcher
  private var connection: ServerConnection
  private var reader: FrameReader
  private var calls: [UInt32: ServerCall] = [:]
  private var context: ChannelHandlerContext?
  private var deadlines: DeadlineSet?
  private var peer = "", network = "", certificate: ClientCertificate?
  private var readIsDue = false, isDraining = false
  private var timer: Scheduled<Void>?
  private var held: ByteShare
  /// Runs while no call does.
  private var idleTimer: Scheduled<Void>?
  private var acquaintance = Acquaintance()
  /// The beginning of the frame that comes was looked at, and its caller is known.
  private var hasLooked = false, isKnownByBeginning = false
  /// Bytes since the timer was set.
  private var received = 0
  private let traces: Bool

  init(_ dispatcher: CallDispatcher, _ limits: WireLimits) {
    self.dispatcher = dispatcher
    connection = ServerConnection(limits)
    // Until Hello there is nothing larger to say.
    reader = FrameReader(limit: WireLimits.leastFrameBytes)
    held = ByteShare(dispatcher.strangersHalfRead, from: "")
    traces = dispatcher.logger.logLevel <= .trace
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin(context) }
  }
  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  private func begin(_ context: ChannelHandlerContext) {
    guard timer == nil else { return }
    peer = context.remoteAddress.map { "\($0)" } ?? "unknown"
    network = context.remoteAddress?.network ?? ""
    held = ByteShare(dispatcher.strangersHalfRead, from: network)
    deadlines = DeadlineSet(context.eventLoop)
    wait()
    waitIdle()
    write(connection.limits.hello)
  }

  private func wait() {
    guard let context else { return }
    timer?.cancel()
    received = 0
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: TimeAmount(dispatcher.limits.framePatience)) {
      let handler = bound.value
      handler.perform(handler.connection.fail(CallError(.deadlineExceeded, "no whole frame in time")))
    }
  }

  /// A connection that nobody uses is not kept: it would keep others out.
  private func waitIdle() {
    // One whose client left in the middle of a call ends the call when it is no more: a timer would hold it for hours.
    guard let context, context.channel.isActive, idleTimer == nil else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    idleTimer = context.eventLoop.scheduleTask(in: acquaintance.patience(dispatcher.limits)) {
      let handler = bound.value
      handler.perform(handler.connection.fail(CallError(.unavailable, "no call for a long time: connect anew")))
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Bytes that a client goes on to send after our farewell are not kept.
    guard !connection.isClosed else { return }
    let bytes = unwrapInboundIn(data)
    let count = bytes.readableBytes
    reader.append(bytes.readableBytesView)
    do throws(CallError) {
      while let frame = try reader.next() {
        if traces { dispatcher.logger.trace("\(peer) > \(frame.summary)") }
        perform(connection.receive(frame))
        if reader.limit < connection.limits.maxFrameBytes, connection.hasHello {
          reader.limit = connection.limits.maxFrameBytes
        }
      }
      if knowsCaller() { held.move(to: dispatcher.halfRead) }
      try held.hold(reader.pendingBytes)
    } catch { perform(connection.fail(error)) }
    if connection.isClosed {
      reader.clear()
      held.end()
    }
    if reader.pendingBytes > 0 || !connection.hasHello {
      // A byte now and then does not keep a connection; a large frame on a slow line does.
      received += count
      if timer == nil || received >= Self.worthwhileBytes { wait() }
    } else {
      timer?.cancel()
      timer = nil
    }
  }

  /// Whether a caller of this connection was known, or says so in a frame that has not all come.
  private func knowsCaller() -> Bool {
    if acquaintance.isKnown { return true }
    guard reader.pendingBytes > ByteShare.uncounted else {
      hasLooked = false
      return false
    }
    guard !hasLooked else { return isKnownByBeginning }
    hasLooked = true
    let metadata = reader.openingAuthorization.map { ["authorization": $0] } ?? [:]
    let found = try? dispatcher.identify(metadata, certificate: certificate, for: CallPolicy(role: nil))
    isKnownByBeginning = found != nil
    return isKnownByBeginning
  }

  /// A client that does not read is not read from either: its answers would pile up here.
  func read(context: ChannelHandlerContext) {
    if context.channel.isWritable { context.read() } else { readIsDue = true }
  }
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      if readIsDue {
        readIsDue = false
        context.read()
      }
      for call in calls.values { call.writable() }
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted(let negotiated) = event {
      certificate = context.channel.clientCertificate
      if negotiated != "dither/1" {
        perform(connection.fail(CallError(.failedPrecondition, "over TLS, offer the ALPN protocol dither/1")))
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    idleTimer?.cancel()
    held.end()
    let open = calls.values
    calls = [:]
    for call in open { call.abort(CallError(.cancelled, "the client has gone")) }
    deadlines?.stop()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    dispatcher.logger.debug("\(peer): \(error)")
    context.close(promise: nil)
  }

  func drain() {
    isDraining = true
    if let frame = connection.drain() { write(frame) }
    closeIfDone()
  }

  private func closeIfDone() {
    guard isDraining, calls.isEmpty else { return }
    closeBehindWrites()
  }

  /// Closes once all that was written is on its way: a close by itself drops what a slow reader has not taken.
  private func closeBehindWrites(within patience: TimeAmount? = nil) {
    context?.closeBehindWrites(within: patience)
  }

  private func perform(_ actions: [ServerConnection.Action]) {
    for action in actions {
      switch action {
      case .send(let frame): write(frame)
      case .open(let id, let method, let timeout, let metadata):
        guard let context, let deadlines else { return }
        let sink = FramedSink(self, id)
        let call = ServerCall(dispatcher, context.eventLoop, deadlines, sink)
        calls[id] = call
        call.onEnd = { [weak self] in
          self?.calls[id] = nil
          self?.callHasEnded()
        }
        idleTimer?.cancel()
        idleTimer = nil
        call.open(
          CallOpening(
            method: method, metadata: metadata, timeout: timeout == 0 ? nil : .microseconds(Int64(clamping: timeout)),
            peer: peer, network: network, door: "framed", certificate: certificate), dispatcher.table.entries[method])
        if acquaintance.meet(call) { perform(connection.fail(Acquaintance.farewell)) }
      case .message(let id, let payload): calls[id]?.message(payload)
      case .halfClose(let id): calls[id]?.halfClose()
      case .abort(let id, let error): calls.removeValue(forKey: id)?.abort(error)
      case .writable(let id): calls[id]?.writable()
      case .close: closeBehindWrites(within: .seconds(5))
      }
    }
  }

  private func callHasEnded() {
    if calls.isEmpty { waitIdle() }
    closeIfDone()
  }

  private func write(_ frame: Dither_V1_Frame) {
    guard let context else { return }
    if traces { dispatcher.logger.trace("\(peer) < \(frame.summary)") }
    let bytes = FrameCodec.encode(frame)
    context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
  }

  // MARK: what calls do

  fileprivate func canSend(_ id: UInt32) -> Bool { connection.mayWrite(id) && context?.channel.isWritable == true }
  fileprivate func send(_ id: UInt32, _ payload: Data) {
    if let frame = connection.message(id, payload) { write(frame) }
  }
  fileprivate func consumed(_ id: UInt32, _ bytes: Int) {
    if let frame = connection.consumed(id, bytes) { write(frame) }
  }
  fileprivate func finish(_ id: UInt32, _ error: CallError?, _ last: Data?) {
    if let frame = connection.end(id, error, last: last) { write(frame) }
  }
}

private final class FramedSink: CallSink {
  private weak var handler: FramedHandler?
  private let id: UInt32
  init(_ handler: FramedHandler, _ id: UInt32) {
    self.handler = handler
    self.id = id
  }
  var canSend: Bool { handler?.canSend(id) ?? false }
  func send(_ payload: Data) { handler?.send(id, payload) }
  func consumed(_ bytes: Int) { handler?.consumed(id, bytes) }
  func finish(_ error: CallError?, last: Data?) { handler?.finish(id, error, last) }
}
