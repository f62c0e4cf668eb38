import DitherBasics
import DitherProto
import Foundation
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization

extension Bench {
  /// The floor under every call: the kernel's loopback and the waking of two threads.
  static let echo = Bench(
    "service/echo", "as many bytes as a Predict, there and back between two bare NIO event loops",
    measure: { seconds in
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
      defer { try? group.syncShutdownGracefully() }
      let server = try ServerBootstrap(group: group.next())
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(EchoHandler()) }
        }.bind(host: "127.0.0.1", port: 0).wait()
      let times = Mutex<[Double]>([]), request = try ServerProcess.request.serializedBytes() as [UInt8]
      let client = try ClientBootstrap(group: group.next())
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              RoundTripHandler(request, until: .now + .seconds(seconds)) { found in times.withLock { $0 = found } })
          }
        }.connect(host: "127.0.0.1", port: server.localAddress?.port ?? 0).wait()
      try client.closeFuture.wait()
      try server.close().wait()
      return Measurement(times: times.withLock { $0 })
    })
}

private final class EchoHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.writeAndFlush(data, promise: nil)
  }
}

/// Sends again as soon as all is back.
private final class RoundTripHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let request: ByteBuffer
  private let end: ContinuousClock.Instant
  private let report: ([Double]) -> Void
  private var received = 0
  private var sent = ContinuousClock.now
  private var times: [Double] = []

  init(_ request: [UInt8], until end: ContinuousClock.Instant, _ report: @escaping ([Double]) -> Void) {
    self.request = ByteBuffer(bytes: request)
    self.end = end
    self.report = report
  }

  func channelActive(context: ChannelHandlerContext) { send(context) }

  private func send(_ context: ChannelHandlerContext) {
    received = 0
    sent = .now
    context.writeAndFlush(wrapOutboundOut(request), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    received += unwrapInboundIn(data).readableBytes
    guard received == request.readableBytes else { return }
    times.append((ContinuousClock.now - sent).seconds)
    guard sent < end else {
      report(times)
      return context.close(promise: nil)
    }
    send(context)
  }
}
