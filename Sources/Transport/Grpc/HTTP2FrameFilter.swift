import NIOCore

/// Stands between the socket and NIOHTTP2. Drops frames for streams that are not there, for which NIOHTTP2 would end
/// the connection with every call on it:
///
/// * a RST_STREAM for a stream that was never opened. RFC 9113, 6.4, makes that a connection error, but gRPC's C core
///   (grpcio 1.66, as seen) sends one when a deadline passes between giving a stream its number and writing its
///   HEADERS. * after our GOAWAY, whatever follows the HEADERS of a stream that NIOHTTP2 has refused, which RFC 9113,
///   6.8, lets us ignore. The HEADERS themselves pass: they change the state of HPACK, and are answered with
///   REFUSED_STREAM. * after our GOAWAY and the last call, all but such HEADERS: a client that reads its answer still
///   says PING and WINDOW_UPDATE, which NIOHTTP2 takes for an error of a connection that is over, and closes on an
///   answer that is half read.
///
/// A GOAWAY that tells of an error names the highest stream that was taken: NIOHTTP2 says 0, from which clients
/// conclude that no call was begun, and make them all again. RFC 9113, 6.8.
///
/// Large headers that come before the client has acknowledged our settings wait for that: until then NIOHTTP2 decodes
/// no header list above 16 KiB, and would end the connection instead of letting their call be refused. So it does where
/// the acknowledgement has not come after ten seconds.
///
/// Confined to its event loop: not Sendable.
package final class HTTP2FrameFilter: ChannelDuplexHandler {
  package typealias InboundIn = ByteBuffer
  package typealias InboundOut = ByteBuffer
  package typealias OutboundIn = IOData
  package typealias OutboundOut = IOData

  package init() {}

  private static let headerBytes = 9
  private enum FrameType {
    static let headers: UInt8 = 1, resetStream: UInt8 = 3, settings: UInt8 = 4, ping: UInt8 = 6, goAway: UInt8 = 7
    static let continuation: UInt8 = 9
  }
  /// Compressed size below which headers cannot exceed 16 KiB, unless by names and values that came before.
  private static let largeHeaders = 8 << 10
  /// The most that waits for the acknowledgement.
  private static let mostParked = 2 << 20
  /// For the acknowledgement, from the first large headers on.
  package static let patience = TimeAmount.seconds(10)

  /// Bytes that are passed on unseen: first the connection's preface, later the rest of a frame.
  private var passing = 24
  /// Bytes of a frame that is dropped.
  private var dropping = 0
  private(set) var highestStream: UInt32 = 0
  private var lastAccepted: UInt32?
  /// Whether streams above the last one are refused here, as NIOHTTP2 passes them over in silence.
  private var refuses = false
  /// To be told once the client has read that the connection will end.
  private var endIsRead: (() -> Void)?
  /// No call is open, and after our GOAWAY none will be.
  var isOver = false
  private var hasSettings = false
  /// The beginning of a frame whose header has not all come.
  private var held: ByteBuffer?
  /// A GOAWAY has told of an error.
  private(set) var hasFailed = false
  private var isAcknowledged = false
  /// From a frame of large headers on.
  private var parked: ByteBuffer?
  /// Bytes of a frame that are still to be written.
  private var writing = 0
  private var context: ChannelHandlerContext?

  package func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  package func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// Closes the connection once all that was written is on its way.
  func closeBehindWrites() { context?.closeBehindWrites() }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .byteBuffer(var buffer) = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
    var at = buffer.readerIndex
    var isChanged = false
    while at < buffer.writerIndex {
      guard writing == 0 else {
        let count = min(writing, buffer.writerIndex - at)
        writing -= count
        at += count
        continue
      }
      // NIOHTTP2 writes headers of frames whole.
      guard let word: UInt32 = buffer.getInteger(at: at) else { break }
      if UInt8(truncatingIfNeeded: word) == FrameType.goAway,
        let code: UInt32 = buffer.getInteger(at: at + Self.headerBytes + 4), code != 0
      {
        buffer.setInteger(lastAccepted ?? highestStream, at: at + Self.headerBytes)
        isChanged = true
        hasFailed = true
      }
      writing = Self.headerBytes + Int(word >> 8)
    }
    context.write(isChanged ? wrapOutboundOut(.byteBuffer(buffer)) : data, promise: promise)
  }

  /// From now on no stream begins: to be called where GOAWAY is written.
  /// - Parameter refuses: whether the GOAWAY names the highest stream, above which NIOHTTP2 answers nothing.
  func quiesce(refuses: Bool) {
    lastAccepted = lastAccepted ?? highestStream
    self.refuses = refuses
  }

  /// Writes the first of two GOAWAY, which says that the connection will end and takes whatever is on its way, and a
  /// PING, which comes back when the client has read it. NIOHTTP2 does not hear of it: it would refuse those calls. RFC
  /// 9113, 6.8.
  func announceEnd(_ isRead: @escaping () -> Void) {
    endIsRead = isRead
    var bytes = ByteBuffer()
    Self.write(FrameType.goAway, stream: 0, [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], to: &bytes)
    Self.write(FrameType.ping, stream: 0, Array("farewell".utf8), to: &bytes)
    context?.writeAndFlush(wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
  }

  private func refuse(_ stream: UInt32, _ context: ChannelHandlerContext) {
    var bytes = ByteBuffer()
    Self.write(FrameType.resetStream, stream: stream, [0, 0, 0, Self.refusedStream], to: &bytes)
    context.writeAndFlush(wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
  }

  private static func write(_ type: UInt8, stream: UInt32, _ payload: [UInt8], to buffer: inout ByteBuffer) {
    buffer.writeInteger(UInt32(payload.count) << 8 | UInt32(type))
    buffer.writeInteger(UInt8(0))
    buffer.writeInteger(stream)
    buffer.writeBytes(payload)
  }

  /// The code of RFC 9113, 7: the stream was not begun, and may be made again.
  private static let refusedStream: UInt8 = 7

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    if parked != nil {
      parked?.writeBuffer(&buffer)
      return unpark(context)
    }
    if var whole = held {
      held = nil
      whole.writeBuffer(&buffer)
      buffer = whole
    }
    var start = buffer.readerIndex
    var at = start
    func pass() {
      if at > start, let slice = buffer.getSlice(at: start, length: at - start) {
        context.fireChannelRead(wrapInboundOut(slice))
      }
      start = at
    }
    while at < buffer.writerIndex {
      let left = buffer.writerIndex - at
      if passing > 0 {
        let count = min(passing, left)
        passing -= count
        at += count
      } else if dropping > 0 {
        pass()
        let count = min(dropping, left)
        dropping -= count
        at += count
        start = at
      } else {
        guard left >= Self.headerBytes, let word: UInt32 = buffer.getInteger(at: at),
          let stream: UInt32 = buffer.getInteger(at: at + 5)
        else { break }
        let length = Self.headerBytes + Int(word >> 8)
        let type = UInt8(truncatingIfNeeded: word)
        if type == FrameType.settings { isAcknowledged = isAcknowledged || Self.isAcknowledgement(buffer, at) }
        if type == FrameType.ping { hearPing(flags: buffer.getInteger(at: at + 4) ?? 0, context) }
        if type == FrameType.headers, refuses, let lastAccepted, stream & 0x7FFF_FFFF > lastAccepted {
          refuse(stream & 0x7FFF_FFFF, context)
        }
        if !isAcknowledged, type == FrameType.headers, length > Self.largeHeaders {
          pass()
          parked = buffer.getSlice(at: at, length: left)
          context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { [weak self] in
            guard let self, let waiting = self.parked, let context = self.context else { return }
            self.passUnacknowledged(waiting, context)
            context.fireChannelReadComplete()
          }
          return unpark(context)
        }
        if isStray(type, stream & 0x7FFF_FFFF) { dropping = length } else { passing = length }
      }
    }
    pass()
    if at < buffer.writerIndex { held = buffer.getSlice(at: at, length: buffer.writerIndex - at) }
  }

  private func hearPing(flags: UInt8, _ context: ChannelHandlerContext) {
    guard flags & 1 == 1, let told = endIsRead else { return }
    endIsRead = nil
    // Behind the streams that came before it.
    context.eventLoop.assumeIsolated().execute(told)
  }

  private static func isAcknowledgement(_ buffer: ByteBuffer, _ at: Int) -> Bool {
    buffer.getInteger(at: at, as: UInt64.self).map { $0 >> 24 == 0x00_0000_0401 } ?? false
  }

  /// Goes on once the acknowledgement is among what waits: it first, then the rest.
  private func unpark(_ context: ChannelHandlerContext) {
    guard var waiting = parked else { return }
    var at = waiting.readerIndex
    while let word: UInt32 = waiting.getInteger(at: at), at + Self.headerBytes <= waiting.writerIndex {
      guard !Self.isAcknowledgement(waiting, at) else {
        parked = nil
        isAcknowledged = true
        var rest = waiting.readSlice(length: at - waiting.readerIndex) ?? ByteBuffer()
        if let acknowledgement = waiting.readSlice(length: Self.headerBytes) {
          context.fireChannelRead(wrapInboundOut(acknowledgement))
        }
        rest.writeBuffer(&waiting)
        return channelRead(context: context, data: NIOAny(rest))
      }
      at += Self.headerBytes + Int(word >> 8)
    }
    guard waiting.readableBytes > Self.mostParked else { return }
    passUnacknowledged(waiting, context)
  }

  /// Waits no longer: NIOHTTP2 judges by what it knows.
  private func passUnacknowledged(_ waiting: ByteBuffer, _ context: ChannelHandlerContext) {
    parked = nil
    isAcknowledged = true
    channelRead(context: context, data: NIOAny(waiting))
  }

  private func isStray(_ type: UInt8, _ stream: UInt32) -> Bool {
    if type == FrameType.headers {
      highestStream = max(highestStream, stream)
      return false
    }
    if type == FrameType.settings, !hasSettings {
      hasSettings = true
      return false
    }
    if isOver, type != FrameType.continuation { return true }
    if type == FrameType.resetStream, stream > highestStream { return true }
    return type != FrameType.continuation && lastAccepted.map { stream > $0 } == true
  }
}
