import NIOCore

/// Sends what becomes ready in one turn of the event loop, or while one read is taken apart, in one piece: answers of
/// many calls cost one packet, one record of TLS and one call of the system.
///
/// Next to the socket, or to TLS, in the pipelines of the doors and of the framed client.
final class FlushesTogether: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var isDue = false, isReading = false

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
    guard !isDue else { return }
    isDue = true
    guard !isReading else { return }
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

  func handlerRemoved(context: ChannelHandlerContext) { isDue = false }

  private func flushDue(_ context: ChannelHandlerContext) {
    guard isDue else { return }
    isDue = false
    context.flush()
  }
}
