import DitherClient
import DitherProto
import Testing

/// Where a client finds its server.
@Suite("Addresses of servers")
struct ClientOptionsTests {
  @Test(
    "taken",
    arguments: [
      ("dither://host", "host", 7447, true), ("dither://host/", "host", 7447, true),
      ("dither+plain://127.0.0.1:1", "127.0.0.1", 1, false), ("dither://[::1]:65535", "::1", 65_535, true),
      ("dither://a.b-c.example:7447", "a.b-c.example", 7447, true),
    ])
  func taken(_ address: String, _ host: String, _ port: Int, _ usesTls: Bool) throws {
    let options = try ClientOptions(address: address, authority: "ca.pem", token: "t")
    #expect(options.host == host && options.port == port && options.usesTls == usesTls)
    #expect(options.authority == "ca.pem" && options.token == "t")
  }

  @Test(
    "refused with what was expected",
    arguments: [
      ("", "dither://host:port"), ("host:7447", "did you mean 'dither://host:7447'?"),
      ("dither://", "dither://host:port"),
      ("dither://:7447", "dither://host:port"), ("http://host", "dither://host:port"),
      ("DITHER+TLS://host", "dither://host:port"), ("dither://host/models", "dither://host:port"),
      ("dither://host:x", "dither://host:port"), ("dither://h ost", "dither://host:port"),
      // What would be dropped in silence.
      ("dither://ann:secret@host", "dither://host:port"), ("dither://token@host:7447", "dither://host:port"),
      ("dither://host:7447?insecure=1", "dither://host:port"), ("dither://host#tls", "dither://host:port"),
      // Such a port would be taken modulo 65536.
      ("dither://127.0.0.1:0", "a port from 1 to 65535, got 0"),
      ("dither://127.0.0.1:65536", "a port from 1 to 65535, got 65536"),
      ("dither+plain://[::1]:99999", "a port from 1 to 65535, got 99999"),
    ])
  func refused(_ address: String, _ words: String) {
    let error = #expect(throws: CallError.self) { try ClientOptions(address: address) }
    #expect(error?.code == .invalidArgument && error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test("the environment says where and who; what is empty says nothing")
  func environment() throws {
    let none = try ClientOptions.fromEnvironment([:])
    #expect(none == ClientOptions(host: "127.0.0.1", port: ClientOptions.defaultPort))
    #expect(try ClientOptions.fromEnvironment(["DITHER_ADDRESS": "", "DITHER_CA": "", "DITHER_TOKEN": ""]) == none)
    let all = try ClientOptions.fromEnvironment(
      ["DITHER_ADDRESS": "dither+plain://h:9", "DITHER_CA": "c", "DITHER_TOKEN": "t"])
    #expect(all == ClientOptions(host: "h", port: 9, usesTls: false, authority: "c", token: "t"))
    let mutual = try ClientOptions.fromEnvironment(["DITHER_CERTIFICATE": "c.pem", "DITHER_KEY": "c.key"])
    #expect(mutual.certificate == "c.pem" && mutual.key == "c.key" && mutual.token == nil)
    for wrong in [["DITHER_ADDRESS": "h:9"], ["DITHER_CERTIFICATE": "c.pem"], ["DITHER_KEY": "c.key"]] {
      #expect(throws: CallError.self) { try ClientOptions.fromEnvironment(wrong) }
    }
  }
}
