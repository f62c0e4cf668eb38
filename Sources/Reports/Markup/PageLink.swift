/// A link above a page's title, where a server shows the page.
public struct PageLink: Sendable, Equatable {
  /// The words that lead there.
  public var title: String
  /// A path on the same server.
  public var address: String

  /// A link to a path.
  public init(_ title: String, _ address: String) { (self.title, self.address) = (title, address) }
}

extension Html {
  /// nil of none: a page that is a file leads nowhere.
  static func links(_ links: [PageLink]) -> Html? {
    guard !links.isEmpty else { return nil }
    let all = links.map { "<a href=\"\($0.address)\">\($0.title)</a>" as Html }
    return "<nav aria-label=\"Console\"><p>\(Html(joining: all, by: " · "))</p></nav>\n"
  }
}
