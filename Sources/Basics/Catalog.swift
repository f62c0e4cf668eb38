/// Faults of a catalog: a name, a parameter, a value.
public enum CatalogFault: FaultCode {
  case unknownName, unknownKey, badValue
  /// The caller's mistake, always.
  public var category: FaultCategory { .invalidArgument }
}
/// An error of a catalog, with the nearest known name.
public typealias CatalogError = Fault<CatalogFault>

/// The list of all things of one kind: the only place where they are registered.
///
/// Recipes, requests, reports, `--help` and the tests over all entries read it. Names that are not in it are refused
/// with the nearest ones that are.
public struct Catalog<Entry: Sendable>: Sendable {
  /// The kind of the entries in the singular, as messages name it: "attack".
  public let kind: String
  /// In the order in which they are listed to people.
  public let entries: [Entry]
  private let nameOf: @Sendable (Entry) -> String

  /// - Parameter kind: in the singular, for errors: "attack".
  public init(_ kind: String, _ entries: [Entry], name: @escaping @Sendable (Entry) -> String) {
    self.kind = kind
    self.entries = entries
    self.nameOf = name
    precondition(Set(entries.map(name)).count == entries.count, "two entries of the catalog of \(kind)s share a name")
  }

  /// Names that an error lists beside the nearest one.
  private static var mostListed: Int { 16 }

  /// The entries' names, in their order.
  public var names: [String] { entries.map(nameOf) }

  /// - Parameter place: where the name was found, for messages; nil: the kind.
  /// - Throws: `CatalogFault.unknownName`, with the nearest known names.
  public func entry(named name: String, at place: String? = nil) throws(CatalogError) -> Entry {
    guard let found = entries.first(where: { nameOf($0) == name }) else {
      let near = nearest(to: name, among: names)
      // A long list would hide the name that is meant.
      let isLong = near != nil && names.count > Self.mostListed
      throw CatalogError(
        .unknownName, at: place ?? kind,
        expected: isLong ? "one of \(names.count) names of \(kind)s" : "one of \(names.joined(separator: ", "))",
        got: "'\(name.clipped())'", advice: near.map { "did you mean '\($0)'?" })
    }
    return found
  }
}

/// The candidate nearest to `word`: one that a single slip of the hand makes it, else the only one that begins with it
/// (`eps` is meant for `epsilon`, also beside `steps`), else one within a few slips.
public func nearest(to word: String, among candidates: [String]) -> String? {
  let ranked = candidates.map { ($0, editDistance(word, $0)) }.min { $0.1 < $1.1 }
  let begun = candidates.filter { word.count >= 2 && $0.lowercased().hasPrefix(word.lowercased()) }
  if begun.count == 1, ranked?.1 ?? 0 > 1 { return begun[0] }
  // A word of four letters with two others is another word.
  if let (candidate, distance) = ranked, distance <= max(2, candidate.count / 3),
    distance < 2 || 2 * distance < max(word.count, candidate.count)
  {
    return candidate
  }
  return nil
}

/// Levenshtein's distance, in which two neighbors that have changed places are one slip (Damerau 1964).
func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.prefix(64).lowercased()), b = Array(b.prefix(64).lowercased())
  var before = [Int](repeating: 0, count: b.count + 1)
  var row = Array(0...b.count)
  for i in a.indices {
    var next = row
    next[0] = i + 1
    for j in b.indices {
      next[j + 1] = a[i] == b[j] ? row[j] : 1 + min(row[j], next[j], row[j + 1])
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { next[j + 1] = min(next[j + 1], before[j - 1] + 1) }
    }
    (before, row) = (row, next)
  }
  return row[b.count]
}
