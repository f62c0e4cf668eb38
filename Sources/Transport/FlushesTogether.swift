import NIOCore

/// Sends what becomes ready in one turn of the event loop, or while one read is taken apart, in one piece: answers of
/// many calls cost one packet, one record of TLS and one call of the system.
///
/// Next to the socket, or to TLS, in the pipelines of the doors and of the framed client.
///
/// Where answers are costly to write, many in one piece would reach a client that has waited for all of them, and then
/// this side waits for the client: `most` bounds it, so that both sides work.
final class FlushesTogether: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let most: Int
  private var due = 0, isReading = false

  /// - Parameter most: flushes in one piece.
  init(most: Int = .max) { self.most = most }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    isReading = true
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    context.fireChannelReadComplete()
    flushDue(context)
  }

  func flush(context: ChannelHandlerContext) {
    due += 1
    if due >= most { return flushDue(context) }
    guard due == 1, !isReading else { return }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.execute {
      let (handler, context) = bound.value
      handler.flushDue(context)
    }
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    flushDue(context)
    context.close(mode: mode, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) { due = 0 }

  private func flushDue(_ context: ChannelHandlerContext) {
    guard due > 0 else { return }
    due = 0
    context.flush()
  }
}
