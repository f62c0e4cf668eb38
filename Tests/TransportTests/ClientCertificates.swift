import DitherBasics
import DitherTransport
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Testing

/// Certificates of clients, by the openssl program.
struct ClientCertificates {
  static let openssl = "/usr/bin/openssl"
  static let isPresent = FileManager.default.isExecutableFile(atPath: openssl)

  let folder: URL
  /// The client CA's.
  var authority: String { path("ca.pem") }

  /// A CA in a folder of its own.
  init(in folder: URL) throws {
    self.folder = folder
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try run(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=clients"
    )
  }

  func path(_ name: String) -> String { folder.appending(path: name).path }

  /// - Parameters:
  ///   - subject: as openssl writes it, without blanks: `/CN=robot`.
  ///   - names: alternative ones: `URI:spiffe://a/b,DNS:c`; empty: none.
  /// - Returns: the files of a certificate that the CA has signed, and of its key.
  func make(_ file: String, subject: String, names: String = "") throws -> (certificate: String, key: String) {
    try run(
      "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(file).key -out \(file).csr -subj \(subject)")
    try Data(names.isEmpty ? "".utf8 : "subjectAltName=\(names)\n".utf8).write(
      to: folder.appending(path: "\(file).ext"))
    try run(
      "x509 -req -in \(file).csr -CA ca.pem -CAkey ca.key -CAcreateserial -out \(file).pem -days 2 -extfile \(file).ext"
    )
    return (path("\(file).pem"), path("\(file).key"))
  }

  private func run(_ arguments: String) throws {
    let command = [Self.openssl] + arguments.split(separator: " ").map(String.init)
    let (status, words) = try ChildProcess.run(command, in: folder.path)
    try #require(status == 0, "\(words)")
  }
}

/// A TLS client that sees what becomes of a handshake, and can send some bytes.
enum TlsClient {
  /// - Parameter authority: whom it trusts.
  static func configuration(
    _ authority: String, alpn: [String] = ["dither/1"], _ change: (inout TLSConfiguration) throws -> Void = { _ in }
  ) throws -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(authority)
    configuration.applicationProtocols = alpn
    try change(&configuration)
    return configuration
  }

  /// - Throws: where there is no handshake.
  static func handshake(_ port: Int, _ configuration: TLSConfiguration) async throws {
    let done = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
    let channel = try await connect(port, configuration, Handshake(done), on: done.futureResult.eventLoop)
    defer { channel.close(promise: nil) }
    try await done.futureResult.get()
  }

  /// - Returns: all that comes until the connection closes.
  static func ask(_ port: Int, _ configuration: TLSConfiguration, _ text: String) async throws -> String {
    let words = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: [UInt8].self)
    let channel = try await connect(port, configuration, Listener(words), on: words.futureResult.eventLoop)
    channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    return String(decoding: try await words.futureResult.get(), as: UTF8.self)
  }

  private static func connect(
    _ port: Int, _ configuration: TLSConfiguration, _ handler: some ChannelInboundHandler & Sendable,
    on loop: any EventLoop
  ) async throws -> any Channel {
    let context = try NIOSSLContext(configuration: configuration)
    return try await ClientBootstrap(group: loop).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
        try channel.pipeline.syncOperations.addHandler(handler)
      }
    }.connect(host: "127.0.0.1", port: port).get()
  }

  private final class Handshake: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<Void>
    init(_ promise: EventLoopPromise<Void>) { self.promise = promise }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case TLSUserEvent.handshakeCompleted = event { promise.succeed() }
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      promise.fail(error)
      context.close(promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
  }

  private final class Listener: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<[UInt8]>
    private var bytes: [UInt8] = []
    init(_ promise: EventLoopPromise<[UInt8]>) { self.promise = promise }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { bytes += unwrapInboundIn(data).readableBytesView }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    func channelInactive(context: ChannelHandlerContext) { promise.succeed(bytes) }
  }
}
