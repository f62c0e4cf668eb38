/// The parts of a page, as far as it has room: pages are sent by mail and opened on telephones.
struct PageSections {
  struct Section {
    /// The target of links to it.
    var id: String
    /// Its heading; in lower case for the note that says what is left out.
    var title: String
    /// A few words beside the heading.
    var hint = ""
    /// Whether it is open, and printed.
    var isOpen = false
    /// Sections of a low rank are left out first; those without one stay.
    var rank: Int?
    /// nil: the report has nothing of the kind.
    var body: Html?

    fileprivate var size: Int { body?.source.utf8.count ?? 0 }
    var html: Html? { body.map { Html.part(id, title, hint: hint, isOpen: isOpen, $0) } }
  }

  /// Bytes of the sections, at most: 2 MB, less what the head, the first page and a signature take.
  static let mostBytes = 1_900_000

  /// The page's, in their order.
  private(set) var sections: [Section]
  /// Titles of what there was no room for.
  let leftOut: [String]
  var size: Int { sections.reduce(0) { $0 + $1.size } }

  /// - Parameter room: bytes.
  init(_ all: [Section], room: Int) {
    var size = all.reduce(0) { $0 + $1.size }, kept = all.filter { $0.body != nil }, left = Set<String>()
    let ranked = kept.filter { $0.rank != nil }.sorted { ($0.rank ?? 0) < ($1.rank ?? 0) }
    for section in ranked where size > room {
      size -= section.size
      left.insert(section.id)
    }
    leftOut = kept.filter { left.contains($0.id) }.map(\.title)
    kept.removeAll { left.contains($0.id) }
    sections = kept
  }

  var note: Html? {
    guard !leftOut.isEmpty else { return nil }
    return """
      <p class="muted">The page would grow too large with: \(leftOut.joined(separator: "; ")). The numbers are in the report's other forms.</p>
      """
  }

  /// Links to all of them.
  var contents: Html {
    let links = sections.map { "<li><a href=\"#\($0.id)\">\($0.title)</a></li>" as Html }
    return """
      <nav aria-label="Contents"><ul class="contents">\(links)</ul>
      <p class="tools" hidden><button type="button" data-open="all">Open all sections</button> \
      <button type="button" data-open="none">Close all</button></p></nav>

      """
  }
}
