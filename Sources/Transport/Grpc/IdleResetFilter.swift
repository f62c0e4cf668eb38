import NIOCore

/// Drops RST_STREAM frames for streams that were never opened.
///
/// gRPC's C core (grpcio 1.66, as seen) sends one when a deadline passes between giving a stream its number and writing its
/// HEADERS. RFC 9113, 6.4, makes that a connection error, and NIOHTTP2 ends the connection with every call on it; here only
/// the frame goes.
final class IdleResetFilter: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private static let headerBytes = 9
  private enum FrameType { static let headers: UInt8 = 1, resetStream: UInt8 = 3 }

  /// Bytes that are passed on unseen: first the connection's preface, later the rest of a frame.
  private var unseen = 24
  private var highestStream: UInt32 = 0
  /// The beginning of a frame whose header has not all come.
  private var held: ByteBuffer?

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    if var whole = held {
      held = nil
      whole.writeBuffer(&buffer)
      buffer = whole
    }
    var start = buffer.readerIndex, at = start
    func pass(to end: Int) {
      if let slice = buffer.getSlice(at: start, length: end - start), slice.readableBytes > 0 {
        context.fireChannelRead(wrapInboundOut(slice))
      }
    }
    while at < buffer.writerIndex {
      let left = buffer.writerIndex - at
      if unseen > 0 {
        let count = min(unseen, left)
        unseen -= count
        at += count
        continue
      }
      guard left >= Self.headerBytes, let word: UInt32 = buffer.getInteger(at: at),
        let stream: UInt32 = buffer.getInteger(at: at + 5)
      else { break }
      let length = Self.headerBytes + Int(word >> 8), id = stream & 0x7FFF_FFFF
      switch UInt8(truncatingIfNeeded: word) {
      case FrameType.resetStream where id > highestStream && length == Self.headerBytes + 4:
        guard left >= length else {
          pass(to: at)
          held = buffer.getSlice(at: at, length: left)
          return
        }
        pass(to: at)
        at += length
        start = at
        continue
      case FrameType.headers: highestStream = max(highestStream, id)
      default: break
      }
      unseen = length
    }
    pass(to: at)
    if at < buffer.writerIndex { held = buffer.getSlice(at: at, length: buffer.writerIndex - at) }
  }
}
