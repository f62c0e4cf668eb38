/// The protocol that a connection is of, by its first bytes or by ALPN: several share one port.
public enum Greeting: Sendable, Equatable, CaseIterable {
  /// A record of a TLS handshake. Source: RFC 8446, 5.1.
  case tls
  /// The connection's preface. Source: RFC 9113, 3.4.
  case http2
  /// A request line of HTTP/1: a method and a blank. Source: RFC 9112, 3.
  case http1
  /// Whatever else: the framed protocol says itself what is wrong with it.
  case framed

  /// How each begins. A frame that is as long as one of these letters says has a frame's tag behind it, and no letter.
  private static let beginnings: [(kind: Greeting, bytes: [UInt8])] =
    [(.tls, [0x16, 0x03]), (.http2, Array("PRI * HTTP/2.0\r\n".utf8))]
    + ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"].map {
      (.http1, Array("\($0) ".utf8))
    }
  /// Bytes after which it is known.
  public static let mostBytes = beginnings.map(\.bytes.count).max() ?? 0

  /// - Parameter bytes: all that has come.
  /// - Returns: nil where it takes more bytes to tell.
  public init?(of bytes: some Collection<UInt8>) {
    let first = Array(bytes.prefix(Self.mostBytes))
    if let known = Self.beginnings.first(where: { first.starts(with: $0.bytes) }) {
      self = known.kind
    } else if Self.beginnings.contains(where: { $0.bytes.starts(with: first) }) {
      return nil
    } else {
      self = .framed
    }
  }

  /// - Parameter alpn: as TLS has negotiated it. Source: IANA, "TLS ALPN Protocol IDs"; docs/protocol.md.
  public init?(alpn: String) {
    guard let known = Self.alpn.first(where: { $0.name == alpn }) else { return nil }
    self = known.kind
  }

  /// In the order in which a server prefers them: browsers offer HTTP/2 too, and what they ask for is served by
  /// HTTP/1.1.
  private static let alpn: [(name: String, kind: Greeting)] = [
    ("dither/1", .framed), ("http/1.1", .http1), ("h2", .http2),
  ]
  /// Names for ALPN, the preferred first.
  public static var alpnNames: [String] { alpn.map(\.name) }
}
