import Foundation

/// The proxy that the environment names for an address: `https_proxy`, `http_proxy` and `all_proxy`, and in `no_proxy`
/// the hosts that are asked directly. Source: curl's manual, "ENVIRONMENT"; `HTTP_PROXY` is not read, as a server could
/// set it for its scripts by a header.
package struct DownloadProxy: Sendable, Equatable {
  /// Name and password, where the proxy wants them.
  package struct User: Sendable, Equatable {
    package var name: String
    package var password: String
    package init(name: String, password: String) { (self.name, self.password) = (name, password) }
  }
  package var host: String
  package var port: Int
  package var user: User?

  /// Where an address of a proxy has none, as curl takes it.
  private static let defaultPort = 1080

  /// - Returns: nil where none is named, or what is named is no address.
  package init?(for url: URL, in environment: [String: String]) {
    func value(_ names: String...) -> String? { names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty } }
    let isSecure = url.scheme == "https"
    guard let target = url.host(), !Self.isDirect(target, value("no_proxy", "NO_PROXY") ?? ""),
      let text = (isSecure ? value("https_proxy", "HTTPS_PROXY") : value("http_proxy"))
        ?? value("all_proxy", "ALL_PROXY"),
      let proxy = URL(string: text.contains("://") ? text : "http://\(text)"), proxy.scheme == "http",
      let host = proxy.host(), !host.isEmpty
    else { return nil }
    self.host = host
    port = proxy.port ?? Self.defaultPort
    user = proxy.user().map {
      User(name: $0.removingPercentEncoding ?? $0, password: proxy.password(percentEncoded: false) ?? "")
    }
  }

  /// A host of the list, or below a domain of it; `*` is all.
  private static func isDirect(_ host: String, _ list: String) -> Bool {
    list.split { $0 == "," || $0 == " " }.contains { entry in
      let domain = entry.drop { $0 == "." }.lowercased(), asked = host.lowercased()
      return entry == "*" || asked == domain || asked.hasSuffix(".\(domain)")
    }
  }
}
