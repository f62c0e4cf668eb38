import DitherProto
import SwiftProtobuf
import Testing

@Suite("Greetings")
struct GreetingTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var bytes: [UInt8]
    /// nil: more bytes are needed.
    var kind: Greeting?
    init(_ bytes: [UInt8], _ kind: Greeting?) { (self.bytes, self.kind) = (bytes, kind) }
    init(_ text: String, _ kind: Greeting?) { self.init(Array(text.utf8), kind) }
    var testDescription: String { "\(bytes.prefix(20))" }
  }

  static let rows = [
    Row("", nil), Row("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .http2), Row("PRI * HTTP/2.0\r", nil),
    Row("PRI * HTTP/1.1\r\n", .framed), Row("G", nil), Row("GET", nil), Row("GET ", .http1), Row("GETS", .framed),
    Row("POST /v2/models HTTP/1.1\r\n", .http1), Row("OPTIONS * HTTP/1.1", .http1), Row("get / HTTP/1.1", .framed),
    Row("P", nil), Row("PU", nil), Row("\r\nGET / HTTP/1.1", .framed),
    // RFC 8446: handshake, legacy_record_version 0x0301.
    Row([0x16], nil), Row([0x16, 0x03], .tls), Row([0x16, 0x03, 0x01, 0x02, 0x00, 0x01], .tls),
    Row([0x16, 0x0A], .framed), Row([0x00], .framed), Row([0xFF, 0xFF], .framed),
    // The Hello of docs/protocol.md.
    Row([0x11, 0x0A, 0x0F, 0x08, 0x01], .framed),
  ]

  @Test("first bytes", arguments: rows)
  func bytes(_ row: Row) { #expect(Greeting(of: row.bytes) == row.kind) }

  @Test("it is known after few bytes, and stays what it is", arguments: rows)
  func stable(_ row: Row) {
    let more = row.bytes + [UInt8](repeating: 0x20, count: Greeting.mostBytes)
    #expect(Greeting(of: more) != nil)
    if let kind = row.kind { #expect(Greeting(of: more) == kind) }
  }

  @Test("every length that a Hello can have is told from letters and from TLS")
  func hellos() {
    for agent in 0..<240 {
      var frame = WireLimits().hello
      frame.hello.agent = String(repeating: "a", count: agent)
      #expect(Greeting(of: FrameCodec.encode(frame)) == .framed, "\(agent)")
    }
  }

  @Test("names of ALPN")
  func alpn() {
    #expect(Greeting(alpn: "dither/1") == .framed && Greeting(alpn: "h2") == .http2)
    #expect(Greeting(alpn: "http/1.1") == .http1 && Greeting(alpn: "spdy/3") == nil)
    #expect(Greeting.alpnNames == ["dither/1", "http/1.1", "h2"])
  }
}
