import DitherProto
import DitherTestSupport
import DitherTransport
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Testing

/// The behavior of calls is that of every door (EveryDoorTests); here is what one port adds.
@Suite("One port", .serialized)
struct SharedDoorTests {
  private static let get = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"

  private func with(
    tls: Bool, takesPlainHttp: Bool = false, patience: Duration = .seconds(20).asBuilt, limit: Int = 64,
    _ body: (Door, _ authority: String?) async throws -> Void
  ) async throws {
    let scratch = try Scratch()
    let made = tls ? try SelfSignedAuthority(in: URL(filePath: scratch.file("tls"))) : nil
    var limits = CallDispatcher.Limits()
    limits.framePatience = patience
    let dispatcher = CallDispatcher(
      table: Toys().table, authenticator: Keys(), limits: limits,
      logger: Logger(label: "toys") { _ in SwiftLogNoOpLogHandler() })
    var settings = SharedDoor.Settings(tls: try made.map { try TlsSource($0.files) })
    (settings.takesPlainHttp, settings.connectionLimit) = (takesPlainHttp, limit)
    let door = try await SharedDoor.open(
      dispatcher, .init(HttpRoutes([.always("/healthz") { _ in .text("ok") }]), isLocal: false), host: "127.0.0.1",
      port: 0, settings)
    do { try await body(door, made?.authority) } catch {
      await door.drain(grace: .zero)
      throw error
    }
    await door.drain(grace: .zero)
  }

  private func all(_ socket: RawSocket) async -> String {
    var bytes: [UInt8] = []
    while case let more = await socket.receive(), !more.isEmpty { bytes += more }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("HTTP without TLS, also byte by byte")
  func plainHttp() async throws {
    try await with(tls: false) { door, _ in
      for pieces in [1, Self.get.utf8.count] {
        let socket = try RawSocket(port: door.port), bytes = Array(Self.get.utf8)
        let size = bytes.count / pieces
        for at in stride(from: 0, to: bytes.count, by: size) {
          socket.send(Array(bytes[at..<min(at + size, bytes.count)]))
        }
        let answer = await all(socket)
        #expect(answer.hasPrefix("HTTP/1.1 200") && answer.hasSuffix("ok"), "\(answer)")
      }
    }
  }

  @Test("within TLS the protocol is the one that ALPN names; who offers none is known by the first bytes")
  func alpn() async throws {
    try await with(tls: true) { door, authority in
      for (offered, chosen) in [
        (["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), ([], nil), (["dither/1", "h2"], "dither/1"),
        (["h2"], "h2"),
      ] as [([String], String?)] {
        let (negotiated, answer) = try await ask(door.port, authority, offered, Self.get)
        #expect(negotiated == chosen, "\(offered)")
        let isHttp = chosen == nil || chosen == "http/1.1"
        #expect(answer.hasPrefix("HTTP/1.1 200") == isHttp, "\(offered): \(answer)")
      }
    }
  }

  @Test("who forgets TLS is told of it, by frames and by HTTP; the console may be open without")
  func forgottenTls() async throws {
    try await with(tls: true) { door, _ in
      let framed = try RawSocket(port: door.port)
      framed.send(WireLimits().hello)
      #expect(try await framed.farewell()?.message.contains("TLS") == true)
      let http = try RawSocket(port: door.port)
      http.send(Array(Self.get.utf8))
      let answer = await all(http)
      #expect(answer.hasPrefix("HTTP/1.1 400") && answer.contains("https://"), "\(answer)")
      let grpc = try RawSocket(port: door.port)
      grpc.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
      #expect(await all(grpc).isEmpty)
    }
    try await with(tls: true, takesPlainHttp: true) { door, _ in
      let http = try RawSocket(port: door.port)
      http.send(Array(Self.get.utf8))
      #expect(await all(http).hasPrefix("HTTP/1.1 200"))
      let framed = try RawSocket(port: door.port)
      framed.send(WireLimits().hello)
      #expect(try await framed.farewell()?.code == .failedPrecondition)
    }
  }

  @Test("TLS where there is none ends the connection")
  func needlessTls() async throws {
    try await with(tls: false) { door, _ in
      let socket = try RawSocket(port: door.port)
      socket.send([0x16, 0x03, 0x01, 0x00, 0x05])
      #expect(await all(socket).isEmpty)
    }
  }

  @Test("who does not say what it speaks is not waited for, and takes a place until then", arguments: [false, true])
  func silence(tls: Bool) async throws {
    try await with(tls: tls, patience: .milliseconds(300), limit: 4) { door, _ in
      // Nothing, and the beginning of what may be several protocols.
      let silent = try (0..<2).map { _ in try RawSocket(port: door.port) }
      let half = try RawSocket(port: door.port)
      half.send(Array("P".utf8))
      try await until { door.connectionCount == 3 }
      // Three quarters of four places are this address's: a fourth is turned away.
      #expect(await all(try RawSocket(port: door.port)).isEmpty)
      for socket in silent + [half] { #expect(await all(socket).isEmpty) }
      try await until { door.connectionCount == 0 }
    }
  }

  @Test("a drain ends connections that have said nothing yet")
  func drains() async throws {
    try await with(tls: false) { door, _ in
      let socket = try RawSocket(port: door.port)
      try await until { door.connectionCount == 1 }
      await door.drain(grace: .seconds(20).asBuilt)
      #expect(await all(socket).isEmpty)
    }
  }

  /// What ALPN came to, and all that the server says to `text` until it closes.
  private func ask(
    _ port: Int, _ authority: String?, _ offered: [String], _ text: String
  ) async throws -> (negotiated: String?, answer: String) {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(try #require(authority))
    configuration.applicationProtocols = offered
    let context = try NIOSSLContext(configuration: configuration)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let words = loop.makePromise(of: (String?, String).self)
    let channel = try await ClientBootstrap(group: loop).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
        try channel.pipeline.syncOperations.addHandler(Listener(text, words))
      }
    }.connect(host: "127.0.0.1", port: port).get()
    let (negotiated, answer) = try await words.futureResult.get()
    try? await channel.close()
    return (negotiated, answer)
  }

  /// Says its text once TLS is up; listens until the server closes, or has said something that is not HTTP.
  private final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let text: String
    private let promise: EventLoopPromise<(String?, String)>
    private var negotiated: String?, heard = ""
    init(_ text: String, _ promise: EventLoopPromise<(String?, String)>) { (self.text, self.promise) = (text, promise) }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      guard case TLSUserEvent.handshakeCompleted(let negotiated) = event else { return }
      self.negotiated = negotiated
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      heard += String(decoding: unwrapInboundIn(data).readableBytesView, as: UTF8.self)
      if !heard.hasPrefix("HTTP"), heard.utf8.count > 4 { context.close(promise: nil) }
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    func channelInactive(context: ChannelHandlerContext) { promise.succeed((negotiated, heard)) }
  }
}
