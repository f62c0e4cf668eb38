import DitherProto
import DitherTransport
import Foundation
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL

/// A small gRPC client on HTTP/2, with its hand on every header.
struct GrpcToyClient: ToyClient {
  private let channel: any Channel
  private let streams: NIOHTTP2Handler.StreamMultiplexer
  private let farewell: NIOLoopBound<Farewell>

  init(_ server: ToyServer) async throws {
    let tls = try server.authority.map { authority in
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.trustRoots = .file(authority)
      configuration.applicationProtocols = ["h2"]
      return try NIOSSLContext(configuration: configuration)
    }
    try await self.init(port: server.door.port, tls: tls)
  }

  /// - Parameter tls: offers h2; nil: without TLS.
  init(port: Int, tls: NIOSSLContext?) async throws {
    let (connection, stream) = Self.configuration
    let connected = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil))
          }
        }.flatMap {
          channel.configureHTTP2Pipeline(
            mode: .client, connectionConfiguration: connection, streamConfiguration: stream
          ) { $0.eventLoop.makeSucceededVoidFuture() }
        }.flatMapThrowing { streams in
          let farewell = Farewell()
          try channel.pipeline.syncOperations.addHandler(farewell)
          return (channel, streams, NIOLoopBound(farewell, eventLoop: channel.eventLoop))
        }
      }
    (channel, streams, farewell) = connected
  }

  /// A late answer to a call whose end has not come resets its stream, and may cross the client's own reset. NIOHTTP2
  /// takes 200 of the former in 30 s, and an answer to any but the last 32 of the latter, for an attack, and ends the
  /// connection.
  private static var configuration: (NIOHTTP2Handler.ConnectionConfiguration, NIOHTTP2Handler.StreamConfiguration) {
    var connection = NIOHTTP2Handler.ConnectionConfiguration(), stream = NIOHTTP2Handler.StreamConfiguration()
    connection.maximumRecentlyResetStreams = 1024
    stream.streamResetFrameRateLimit.maximumCount = 10_000
    return (connection, stream)
  }

  private struct Call: ToyCall {
    let stream: any Channel
    let collector: Collector
    func cancel() { stream.close(promise: nil) }
    func outcome() async -> Outcome { await collector.outcome() }
    func send(_ message: Data) async throws {
      try await stream.writeAndFlush(GrpcToyClient.frame(message, stream)).get()
    }
    func resumeReading() async {
      try? await stream.setOption(.autoRead, value: true).get()
      stream.read()
    }
    func halfClose() {
      let end = HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true))
      stream.writeAndFlush(end, promise: nil)
    }
  }

  private static func frame(_ message: Data, _ stream: any Channel) -> HTTP2Frame.FramePayload {
    var bytes = stream.allocator.buffer(capacity: message.count + 5)
    bytes.writeInteger(UInt8(0))
    bytes.writeInteger(UInt32(message.count))
    bytes.writeBytes(message)
    return .data(.init(data: .byteBuffer(bytes)))
  }

  func begin(
    _ method: String, _ messages: [Data], token: String?, timeout: TimeAmount?, isRead: Bool
  ) async throws -> any ToyCall {
    let call = try await stream(
      method, metadata: token.map { ["authorization": "Bearer \($0)"] } ?? [:], timeout: timeout, isRead: isRead)
    for message in messages { call.stream.write(Self.frame(message, call.stream), promise: nil) }
    // The end of the stream in a frame of its own, as stock clients send it.
    call.halfClose()
    return call
  }

  func open(
    _ method: String, metadata: [String: String], timeout: TimeAmount?, isRead: Bool
  ) async throws -> any ToyCall {
    try await stream(method, metadata: metadata, timeout: timeout, isRead: isRead)
  }

  private func stream(
    _ method: String, metadata: [String: String], timeout: TimeAmount?, isRead: Bool
  ) async throws -> Call {
    let collector = Collector(), farewell = farewell
    // As every client: NIOHTTP2 ends the whole connection when a stream is opened after the GOAWAY has come.
    let hasLeft = try await channel.eventLoop.submit { farewell.value.isSaid }.get()
    if hasLeft { throw CallError(.unavailable, "the server takes no more calls") }
    let stream = try await streams.createStreamChannel { stream in
      stream.setOption(.autoRead, value: isRead).flatMapThrowing {
        try stream.pipeline.syncOperations.addHandler(GrpcStreamHandler(collector))
      }
    }.get()
    var headers = HPACKHeaders([
      (":method", "POST"), (":path", "/\(method)"), (":scheme", "http"), (":authority", "toys"),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ])
    for (name, value) in metadata { headers.add(name: name, value: value) }
    if let timeout { headers.add(name: "grpc-timeout", value: "\(timeout.nanoseconds / 1_000_000)m") }
    stream.closeFuture.whenComplete { _ in collector.end(CallError(.unavailable, "the stream was closed")) }
    // Nothing may follow headers that a drain has refused: NIOHTTP2 would end the client's whole connection.
    do { try await stream.writeAndFlush(HTTP2Frame.FramePayload.headers(.init(headers: headers))).get() } catch {
      throw CallError(.unavailable, "\(error)")
    }
    return Call(stream: stream, collector: collector)
  }

  func vanish() async { try? await channel.close() }
}

/// Whether the server has said GOAWAY. Confined to its event loop.
private final class Farewell: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  private(set) var isSaid = false
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .goAway = unwrapInboundIn(data).payload { isSaid = true }
    context.fireChannelRead(data)
  }
}

/// Confined to its event loop.
private final class GrpcStreamHandler: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  private let collector: Collector
  private var buffer = ByteBuffer()

  init(_ collector: Collector) { self.collector = collector }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .data(let frame):
      guard case .byteBuffer(var bytes) = frame.data else { return }
      buffer.writeBuffer(&bytes)
      while let length: UInt32 = buffer.getInteger(at: buffer.readerIndex + 1),
        buffer.readableBytes >= 5 + Int(length)
      {
        buffer.moveReaderIndex(forwardBy: 5)
        collector.add(Data(buffer.readBytes(length: Int(length)) ?? []))
      }
    case .headers(let frame):
      guard let text = frame.headers.first(name: "grpc-status"), let number = UInt32(text) else { return }
      let code = StatusCode(rawValue: number) ?? .unknown
      let message = frame.headers.first(name: "grpc-message")?.removingPercentEncoding ?? ""
      collector.end(code == .ok ? nil : CallError(code, message))
    default: break
    }
  }
  func channelInactive(context: ChannelHandlerContext) {
    collector.end(CallError(.unavailable, "the stream was closed"))
    context.fireChannelInactive()
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    collector.end(CallError(.unavailable, "\(error)"))
    context.close(promise: nil)
  }
}
