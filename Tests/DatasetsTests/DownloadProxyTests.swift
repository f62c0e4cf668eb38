import DitherDatasets
import Foundation
import Testing

/// Expected: what curl 7.88 asks, as `curl --verbose` tells it.
@Suite("The proxy of downloads")
struct DownloadProxyTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var address: String
    var environment: [String: String]
    /// HOST:PORT, or nil where the host is asked itself.
    var proxy: String?
    var testDescription: String { "\(address) \(environment)" }
  }

  static let rows = [
    Row(address: "https://a.org/x", environment: [:], proxy: nil),
    Row(address: "https://a.org/x", environment: ["https_proxy": "http://p:3128"], proxy: "p:3128"),
    Row(address: "https://a.org/x", environment: ["HTTPS_PROXY": "http://p:3128/"], proxy: "p:3128"),
    Row(address: "https://a.org/x", environment: ["https_proxy": "p:3128"], proxy: "p:3128"),
    Row(address: "https://a.org/x", environment: ["https_proxy": "http://p"], proxy: "p:1080"),
    Row(address: "http://a.org/x", environment: ["https_proxy": "http://p:3128"], proxy: nil),
    Row(address: "http://a.org/x", environment: ["http_proxy": "http://p:3128"], proxy: "p:3128"),
    Row(address: "http://a.org/x", environment: ["HTTP_PROXY": "http://p:3128"], proxy: nil),
    Row(address: "http://a.org/x", environment: ["all_proxy": "http://p:3128"], proxy: "p:3128"),
    Row(
      address: "https://a.org/x", environment: ["https_proxy": "http://p:1", "no_proxy": "b.org, a.org"], proxy: nil),
    Row(address: "https://c.a.org/x", environment: ["https_proxy": "http://p:1", "no_proxy": ".a.org"], proxy: nil),
    Row(address: "https://ca.org/x", environment: ["https_proxy": "http://p:1", "no_proxy": "a.org"], proxy: "p:1"),
    Row(address: "https://a.org/x", environment: ["https_proxy": "http://p:1", "NO_PROXY": "*"], proxy: nil),
    Row(address: "https://a.org/x", environment: ["https_proxy": ""], proxy: nil),
    Row(address: "https://a.org/x", environment: ["https_proxy": "socks5://p:1"], proxy: nil),
  ]

  @Test("the environment's words", arguments: rows)
  func named(_ row: Row) throws {
    let url = try #require(URL(string: row.address))
    let proxy = DownloadProxy(for: url, in: row.environment)
    #expect(proxy.map { "\($0.host):\($0.port)" } == row.proxy)
  }

  @Test("a name and a password")
  func user() throws {
    let url = try #require(URL(string: "https://a.org/x"))
    let proxy = DownloadProxy(for: url, in: ["https_proxy": "http://me:s%40y@p:8"])
    #expect(proxy?.user == DownloadProxy.User(name: "me", password: "s@y"))
  }
}
