import DitherProto
import DitherTestSupport
import DitherTransport
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import SwiftProtobuf
import Synchronization
import Testing

/// The versions, suites, groups and certificates that every door takes.
@Suite("Settings of TLS", .serialized)
struct TlsSettingsTests {
  /// A way in, by the protocol that a client offers.
  private struct Way {
    var name: String
    var port: Int
    var alpn: String
  }
  private struct Doors {
    var open: [Door]
    var ways: [Way]
    func close() async { for door in open { await door.drain(grace: .zero) } }
  }

  /// Each of the three doors, and all three at one port.
  private func doors(_ tls: TlsSource, _ authenticator: any Authenticator = Keys()) async throws -> Doors {
    let dispatcher = CallDispatcher(
      table: Toys().table, authenticator: authenticator, logger: Logger(label: "toys") { _ in SwiftLogNoOpLogHandler() }
    )
    let routes = HttpRoutes([
      HttpRoute(.get, "/who", .known(.predict)) { _, context in
        .text(context.identity?.name ?? "nobody")
      }
    ])
    let http = HttpDoor.Service(routes, isLocal: false), host = "127.0.0.1"
    let framed = try await FramedDoor.open(dispatcher, host: host, port: 0, tls: tls)
    let grpc = try await GrpcDoor.open(dispatcher, host: host, port: 0, tls: tls)
    let console = try await HttpDoor.open(dispatcher, http, host: host, port: 0, tls: tls)
    let shared = try await SharedDoor.open(dispatcher, http, host: host, port: 0, SharedDoor.Settings(tls: tls))
    let names = ["dither/1", "h2", "http/1.1"]
    return Doors(
      open: [framed, grpc, console, shared],
      ways: zip(names, [framed, grpc, console]).map { Way(name: $0, port: $1.port, alpn: $0) }
        + names.map { Way(name: "\($0) at one port", port: shared.port, alpn: $0) })
  }

  struct Offer: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var minimum = TlsSource.Version.tls13
    var isTaken: Bool
    var oldest = TLSVersion.tlsv1, newest: TLSVersion
    var suites: String?
    var groups: [NIOTLSCurve]?
  }

  static let offers = [
    Offer(testDescription: "TLS 1.1", isTaken: false, newest: .tlsv11),
    Offer(testDescription: "TLS 1.2", isTaken: false, newest: .tlsv12),
    Offer(testDescription: "TLS 1.3", isTaken: true, newest: .tlsv13),
    Offer(testDescription: "1.3 with P-384", isTaken: true, newest: .tlsv13, groups: [.secp384r1]),
    Offer(testDescription: "1.3 with P-521", isTaken: false, newest: .tlsv13, groups: [.secp521r1]),
    Offer(testDescription: "TLS 1.1 where 1.2 is taken", minimum: .tls12, isTaken: false, newest: .tlsv11),
    Offer(testDescription: "TLS 1.0 where 1.2 is taken", minimum: .tls12, isTaken: false, newest: .tlsv1),
    Offer(
      testDescription: "1.2, an ephemeral key and GCM", minimum: .tls12, isTaken: true, newest: .tlsv12,
      suites: "ECDHE-ECDSA-AES128-GCM-SHA256"),
    Offer(
      testDescription: "1.2, an ephemeral key and ChaCha20", minimum: .tls12, isTaken: true, newest: .tlsv12,
      suites: "ECDHE-ECDSA-CHACHA20-POLY1305"),
    Offer(
      testDescription: "1.2 with CBC", minimum: .tls12, isTaken: false, newest: .tlsv12,
      suites: "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"),
    Offer(
      testDescription: "1.2 without an ephemeral key", minimum: .tls12, isTaken: false, newest: .tlsv12,
      suites: "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:AES256-SHA"),
    Offer(testDescription: "1.3 where 1.2 is taken", minimum: .tls12, isTaken: true, oldest: .tlsv13, newest: .tlsv13),
  ]

  @Test("old versions, weak suites and other groups are refused at every door", arguments: offers)
  func versions(_ offer: Offer) async throws {
    let scratch = try Scratch(), made = try SelfSignedAuthority(in: URL(filePath: scratch.file("tls")))
    let doors = try await doors(try TlsSource(made.files, minimum: offer.minimum))
    for way in doors.ways {
      let configuration = try TlsClient.configuration(made.authority, alpn: [way.alpn]) {
        ($0.minimumTLSVersion, $0.maximumTLSVersion) = (offer.oldest, offer.newest)
        if let suites = offer.suites { $0.cipherSuites = suites }
        $0.curves = offer.groups
      }
      let isTaken: Bool
      do {
        try await TlsClient.handshake(way.port, configuration)
        isTaken = true
      } catch { isTaken = false }
      #expect(isTaken == offer.isTaken, "\(way.name)")
    }
    await doors.close()
  }

  @Test("a certificate that is renewed on disk is served at every door")
  func renewed() async throws {
    let scratch = try Scratch()
    let old = try SelfSignedAuthority(in: URL(filePath: scratch.file("old")))
    let new = try SelfSignedAuthority(in: URL(filePath: scratch.file("new")))
    let doors = try await doors(try TlsSource(old.files))
    for way in doors.ways {
      try await TlsClient.handshake(way.port, TlsClient.configuration(old.authority, alpn: [way.alpn]))
    }
    for (from, to) in [(new.files.certificate, old.files.certificate), (new.files.key, old.files.key)] {
      try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to))
    }
    // Files are looked at once a second.
    try await Task.sleep(for: .milliseconds(1100))
    for way in doors.ways {
      let before = try TlsClient.configuration(old.authority, alpn: [way.alpn])
      await #expect(throws: (any Error).self, "\(way.name)") { try await TlsClient.handshake(way.port, before) }
      try await TlsClient.handshake(way.port, TlsClient.configuration(new.authority, alpn: [way.alpn]))
    }
    await doors.close()
  }

  /// Lets everybody in who shows a certificate, and remembers the last one.
  private final class Porter: Authenticator {
    let seen = Mutex<ClientCertificate?>(nil)
    func identify(bearer token: String) -> Identity? { nil }
    func identify(certificate: ClientCertificate) -> Identity? {
      seen.withLock { $0 = certificate }
      return Identity(name: "known", roles: [.predict])
    }
    func take() -> ClientCertificate? {
      seen.withLock { seen in
        defer { seen = nil }
        return seen
      }
    }
  }

  @Test(
    "a client certificate's names reach every door",
    .enabled(if: ClientCertificates.isPresent, "the openssl program is absent"))
  func names() async throws {
    let scratch = try Scratch(), porter = Porter()
    let clients = try ClientCertificates(in: URL(filePath: scratch.file("clients")))
    let made = try SelfSignedAuthority(in: URL(filePath: scratch.file("tls")))
    var files = made.files
    files.clientAuthority = clients.authority
    let doors = try await doors(try TlsSource(files), porter)
    let uri = "spiffe://example.org/lab/1"
    let shown: [(names: ClientCertificate, pair: (certificate: String, key: String))] = [
      (
        ClientCertificate(commonName: "robot", uris: [uri, "urn:a:b"]),
        try clients.make("robot", subject: "/O=lab/CN=robot", names: "DNS:robot.example,URI:\(uri),URI:urn:a:b")
      ),
      (ClientCertificate(commonName: "plain"), try clients.make("plain", subject: "/CN=plain")),
      // Of two names nobody knows which is meant.
      (ClientCertificate(commonName: nil), try clients.make("two", subject: "/CN=plain/CN=admin")),
      (
        ClientCertificate(commonName: nil, uris: [uri]),
        try clients.make("none", subject: "/O=lab", names: "URI:\(uri)")
      ),
    ]
    for (names, pair) in shown {
      for way in doors.ways {
        let configuration = try TlsClient.configuration(made.authority, alpn: [way.alpn]) {
          $0.certificateChain = try NIOSSLCertificate.fromPEMFile(pair.certificate).map { .certificate($0) }
          $0.privateKey = .privateKey(try NIOSSLPrivateKey(file: pair.key, format: .pem))
        }
        switch way.alpn {
        case "http/1.1":
          let get = "GET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
          #expect(try await TlsClient.ask(way.port, configuration, get).hasSuffix("known"), "\(way.name)")
        case "h2":
          let client = try await GrpcToyClient(port: way.port, tls: NIOSSLContext(configuration: configuration))
          #expect(try await client.call("toy/Echo", token: nil).error == nil, "\(way.name)")
          await client.vanish()
        default:
          let target = FramedClient.Target(
            host: "127.0.0.1", port: way.port, usesTls: true, authority: made.authority, certificate: pair.certificate,
            key: pair.key, connectTimeout: .seconds(10))
          let client = try await FramedClient.connect(to: target, on: MultiThreadedEventLoopGroup.singleton)
          let request = try Bytes(Data("x".utf8)).serializedData()
          let result = await withCheckedContinuation { continuation in
            client.unary("toy/Echo", metadata: [:], timeout: .seconds(10), request: request) {
              continuation.resume(returning: $0)
            }
          }
          await client.close()
          #expect(throws: Never.self, "\(way.name)") { _ = try result.get() }
        }
        #expect(porter.take() == names, "\(way.name)")
      }
    }
    await doors.close()
  }

  @Test(
    "a client CA that is replaced on disk is asked from then on",
    .enabled(if: ClientCertificates.isPresent, "the openssl program is absent"))
  func replacedAuthority() async throws {
    let scratch = try Scratch(), porter = Porter()
    let old = try ClientCertificates(in: URL(filePath: scratch.file("old")))
    let new = try ClientCertificates(in: URL(filePath: scratch.file("new")))
    let made = try SelfSignedAuthority(in: URL(filePath: scratch.file("tls")))
    var files = made.files
    files.clientAuthority = old.authority
    let doors = try await doors(try TlsSource(files), porter), get = "GET /who HTTP/1.0\r\n\r\n"
    func answer(_ pair: (certificate: String, key: String), _ way: Way) async throws -> String {
      let configuration = try TlsClient.configuration(made.authority, alpn: [way.alpn]) {
        $0.certificateChain = try NIOSSLCertificate.fromPEMFile(pair.certificate).map { .certificate($0) }
        $0.privateKey = .privateKey(try NIOSSLPrivateKey(file: pair.key, format: .pem))
      }
      return try await TlsClient.ask(way.port, configuration, get)
    }
    let first = try old.make("first", subject: "/CN=first"), second = try new.make("second", subject: "/CN=second")
    let ways = doors.ways.filter { $0.alpn == "http/1.1" }
    for way in ways {
      let (known, unknown) = (try await answer(first, way), try await answer(second, way))
      #expect(known.hasSuffix("known") && unknown.isEmpty, "\(way.name)")
    }
    try Data(contentsOf: URL(filePath: new.authority)).write(to: URL(filePath: old.authority))
    try await Task.sleep(for: .milliseconds(1100))
    for way in ways {
      let (known, unknown) = (try await answer(second, way), try await answer(first, way))
      #expect(known.hasSuffix("known") && unknown.isEmpty, "\(way.name)")
    }
    await doors.close()
  }
}
