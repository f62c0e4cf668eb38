import DitherProto
import DitherTestSupport
import DitherTransport
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import SwiftProtobuf
import Testing

@Suite("TLS", .serialized) struct TlsTests {
  @Test("an authority that is not the server's, and TLS 1.2, are refused") func refused() async throws {
    let server = try await ToyServer(.framedTls)
    let other = try await ToyServer(.framedTls)
    for (authority, version) in [(other.authority, nil), (server.authority, TLSVersion.tlsv12)] {
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.trustRoots = .file(try #require(authority))
      configuration.applicationProtocols = ["dither/1"]
      configuration.maximumTLSVersion = version
      let context = try NIOSSLContext(configuration: configuration)
      let failed = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
      let channel = try await ClientBootstrap(group: failed.futureResult.eventLoop).channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          try channel.pipeline.syncOperations.addHandler(FailureHandler(failed))
        }
      }.connect(host: "127.0.0.1", port: server.door.port).get()
      await #expect(throws: (any Error).self) { try await failed.futureResult.get() }
      try? await channel.close()
    }
    await server.close()
    await other.close()
  }

  private func call(_ target: FramedClient.Target, _ method: String) async throws -> CallError? {
    let client = try await FramedClient.connect(to: target, on: MultiThreadedEventLoopGroup.singleton)
    let request = try Bytes(Data("x".utf8)).serializedData()
    let result = await withCheckedContinuation { continuation in
      client.unary(method, metadata: [:], timeout: .seconds(10), request: request) {
        continuation.resume(returning: $0)
      }
    }
    await client.close()
    if case .failure(let error) = result { return error }
    return nil
  }

  @Test(
    "a client certificate names its caller, and without one there is no connection",
    .enabled(if: ClientCertificates.isPresent, "the openssl program is absent"))
  func clientCertificates() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "dither-tls-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let clients = try ClientCertificates(in: folder), robot = try clients.make("robot", subject: "/CN=robot")
    let made = try SelfSignedAuthority(in: folder.appending(path: "server"))
    var files = made.files
    files.clientAuthority = clients.authority
    let dispatcher = CallDispatcher(
      table: Toys().table, authenticator: Keys(), logger: Logger(label: "toys") { _ in SwiftLogNoOpLogHandler() })
    let door = try await FramedDoor.open(dispatcher, host: "127.0.0.1", port: 0, tls: try TlsSource(files))
    var target = FramedClient.Target(
      host: "127.0.0.1", port: door.port, usesTls: true, authority: made.authority, connectTimeout: .seconds(10))
    await #expect(throws: CallError.self) { try await call(target, "toy/Echo") }
    (target.certificate, target.key) = (robot.certificate, robot.key)
    #expect(try await call(target, "toy/Echo") == nil)
    #expect(try await call(target, "toy/Secret")?.code == .permissionDenied)
    await door.drain(grace: .zero)
  }

  @Test("a certificate that is renewed on disk is served to who connects next") func reload() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "dither-tls-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let old = try SelfSignedAuthority(in: folder.appending(path: "old"))
    let new = try SelfSignedAuthority(in: folder.appending(path: "new"))
    let dispatcher = CallDispatcher(
      table: Toys().table, authenticator: Keys(), logger: Logger(label: "toys") { _ in SwiftLogNoOpLogHandler() })
    let door = try await FramedDoor.open(dispatcher, host: "127.0.0.1", port: 0, tls: try TlsSource(old.files))
    var target = FramedClient.Target(
      host: "127.0.0.1", port: door.port, usesTls: true, authority: old.authority, connectTimeout: .seconds(10))
    #expect(try await call(target, "toy/Echo")?.code == .unauthenticated)
    for (from, to) in [(new.files.certificate, old.files.certificate), (new.files.key, old.files.key)] {
      try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to))
    }
    // Files are looked at once a second.
    try await Task.sleep(for: .milliseconds(1100))
    await #expect(throws: CallError.self) { try await call(target, "toy/Echo") }
    target.authority = new.authority
    #expect(try await call(target, "toy/Echo")?.code == .unauthenticated)
    await door.drain(grace: .zero)
  }

  @Test("who offers no ALPN protocol, or another, is told which") func alpn() async throws {
    let server = try await ToyServer(.framedTls)
    for offered in [[], ["foo"]] {
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.trustRoots = .file(try #require(server.authority))
      configuration.applicationProtocols = offered
      let context = try NIOSSLContext(configuration: configuration)
      let words = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: [UInt8].self)
      let channel = try await ClientBootstrap(group: words.futureResult.eventLoop).channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          try channel.pipeline.syncOperations.addHandler(Listener(words))
        }
      }.connect(host: "127.0.0.1", port: server.door.port).get()
      var reader = FrameReader(limit: 1 << 20)
      var reason: CallError?
      reader.append(try await words.futureResult.get())
      while let frame = try reader.next() {
        if case .goAway(let goAway) = frame.kind { reason = CallError(goAway.status) }
      }
      #expect(reason?.code == .failedPrecondition && reason?.message.contains("dither/1") == true)
      try? await channel.close()
    }
    await server.close()
  }

  @Test("who offers gRPC's door no ALPN protocol, or another, has no connection", arguments: [[], ["foo"]])
  func grpcAlpn(_ offered: [String]) async throws {
    let server = try await ToyServer(.grpcTls)
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(try #require(server.authority))
    configuration.applicationProtocols = offered
    let context = try NIOSSLContext(configuration: configuration), begun = ContinuousClock.now
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer {
      channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
      }
    }.connect(host: "127.0.0.1", port: server.door.port).get()
    // A stranger's connection that is let in is closed after a minute.
    try? await channel.closeFuture.get()
    #expect(ContinuousClock.now - begun < .seconds(30))
    await server.close()
  }

  @Test("the framed client at gRPC's door is told that another protocol is there")
  func framedClientAtGrpc() async throws {
    let server = try await ToyServer(.grpcTls)
    let target = FramedClient.Target(
      host: "127.0.0.1", port: server.door.port, usesTls: true, authority: server.authority,
      connectTimeout: .seconds(30))
    let error = await #expect(throws: CallError.self) { try await call(target, "toy/Echo") }
    #expect(error?.code == .failedPrecondition && error?.message.contains("another protocol") == true)
    await server.close()
  }

  @Test(
    "no call of gRPC's is done over TLS without its ALPN, also of those that come with the end of the handshake",
    arguments: [DoorKind.grpcTls, .sharedGrpcTls], [[], ["foo"]])
  func grpcAlpnCalls(_ kind: DoorKind, _ offered: [String]) async throws {
    let server = try await ToyServer(kind)
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(try #require(server.authority))
    configuration.applicationProtocols = offered
    let context = try NIOSSLContext(configuration: configuration), hasAnswer: Bool
    do {
      let client = try await GrpcToyClient(port: server.door.port, tls: context)
      hasAnswer = try await client.call("toy/Echo").error == nil
    } catch { hasAnswer = false }
    let begun = server.traced.all.withLock { $0 }
    #expect(!hasAnswer && begun.isEmpty && server.toys.echoed.load(ordering: .relaxed) == 0)
    await server.close()
  }

  @Test("a pair of files that does not fit keeps the old one at every door, also at one that has served nobody yet")
  func brokenReload() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "dither-tls-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let made = try SelfSignedAuthority(in: folder)
    let source = try TlsSource(made.files)
    let dispatcher = CallDispatcher(
      table: Toys().table, authenticator: Keys(), logger: Logger(label: "toys") { _ in SwiftLogNoOpLogHandler() })
    // Another ALPN protocol than the one that was tried first.
    let door = try await FramedDoor.open(dispatcher, host: "127.0.0.1", port: 0, tls: source)
    let http = try await HttpDoor.open(
      dispatcher, .init(HttpRoutes([.always("/healthz") { _ in .text("ok") }]), isLocal: false), host: "127.0.0.1",
      port: 0, tls: source)
    try Data("no PEM".utf8).write(to: URL(filePath: made.files.certificate))
    try await Task.sleep(for: .milliseconds(1100))
    let target = FramedClient.Target(
      host: "127.0.0.1", port: door.port, usesTls: true, authority: made.authority, connectTimeout: .seconds(10))
    #expect(try await call(target, "toy/Echo")?.code == .unauthenticated)
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(made.authority)
    let context = try NIOSSLContext(configuration: configuration)
    let words = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: [UInt8].self)
    let channel = try await ClientBootstrap(group: words.futureResult.eventLoop).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
        try channel.pipeline.syncOperations.addHandler(Listener(words))
      }
    }.connect(host: "127.0.0.1", port: http.port).get()
    try await channel.writeAndFlush(ByteBuffer(string: "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
    #expect(String(decoding: try await words.futureResult.get(), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
    await door.drain(grace: .zero)
    await http.drain(grace: .zero)
  }

  /// All that comes until the connection closes.
  private final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<[UInt8]>
    private var bytes: [UInt8] = []
    init(_ promise: EventLoopPromise<[UInt8]>) { self.promise = promise }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { bytes += unwrapInboundIn(data).readableBytesView }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    func channelInactive(context: ChannelHandlerContext) { promise.succeed(bytes) }
  }

  /// Fails its promise with the first error, and keeps it if there is data.
  private final class FailureHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<Void>
    init(_ promise: EventLoopPromise<Void>) { self.promise = promise }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { promise.succeed() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      promise.fail(error)
      context.close(promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
  }
}
