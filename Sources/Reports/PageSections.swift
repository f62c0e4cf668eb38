/// The parts of a page, as far as it has room: pages are sent by mail and opened on telephones.
struct PageSections {
  struct Section {
    /// The words for what is left out with it, for the note that says so.
    var name: String
    var html: Html?
    /// Sections of a low rank are left out first; those without one stay.
    var rank: Int?

    init(_ name: String, _ html: Html?, rank: Int? = nil) {
      self.name = name
      self.html = html
      self.rank = rank
    }
    fileprivate var size: Int { html?.source.utf8.count ?? 0 }
  }

  /// Bytes of the sections, at most: 2 MB, less what the head and a signature take.
  static let mostBytes = 1_950_000

  private(set) var sections: [Section]

  /// - Parameter room: bytes.
  init(_ all: [Section], room: Int) {
    sections = all
    var size = all.reduce(0) { $0 + $1.size }
    for at in all.indices.filter({ all[$0].rank != nil }).sorted(by: { (all[$0].rank ?? 0) < (all[$1].rank ?? 0) }) {
      guard size > room else { break }
      size -= all[at].size
      sections[at].html = nil
    }
    leftOut = zip(all, sections).filter { $0.html != nil && $1.html == nil }.map(\.0.name)
  }

  /// Names of what there was no room for.
  let leftOut: [String]
  var size: Int { sections.reduce(0) { $0 + $1.size } }

  var note: Html? {
    guard !leftOut.isEmpty else { return nil }
    return """
      <p class="muted">The page would grow too large with: \(leftOut.joined(separator: "; ")). The numbers are in the report's other forms.</p>
      """
  }
}
