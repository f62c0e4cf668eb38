import Foundation

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
/// Recipes, requests, reports, `--help` and the tests over all entries read it. Names that are not in it are refused with
/// the nearest ones that are.
public struct Catalog<Entry: Sendable>: Sendable {
  /// What the entries are, in the singular, for messages.
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

  /// The entries' names, in their order.
  public var names: [String] { entries.map(nameOf) }

  /// - Throws: `CatalogFault.unknownName`, with the nearest known names.
  public func entry(named name: String) throws(CatalogError) -> Entry {
    guard let found = entries.first(where: { nameOf($0) == name }) else {
      throw CatalogError(
        .unknownName, at: kind, expected: "one of \(names.joined(separator: ", "))", got: "'\(name.clipped())'",
        advice: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
    }
    return found
  }
}

/// Makes a value from its defaults and some parameters, as recipes, requests and the command line give them.
public enum Parameters {
  /// - Parameters:
  ///   - defaults: the value whose properties are overlaid; its coded keys are the ones taken.
  ///   - parameters: text as written by a person: `20`, `true`, `linf`, `8/255`.
  /// - Throws: `CatalogFault.unknownKey` with the nearest known key, `.badValue` when a value does not fit its property.
  public static func overlay<Value: Codable>(
    _ parameters: [String: String], on defaults: Value, of owner: String
  ) throws(CatalogError) -> Value {
    guard !parameters.isEmpty else { return defaults }
    var object: [String: Any]
    do {
      let data = try JSONEncoder().encode(defaults)
      object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    } catch {
      throw CatalogError(.badValue, at: owner, expected: "parameters with defaults", got: "\(error)")
    }
    for (key, text) in parameters.sorted(by: { $0.key < $1.key }) {
      guard let standing = object[key] else {
        let known = object.keys.sorted()
        throw CatalogError(
          .unknownKey, at: owner, expected: "one of \(known.joined(separator: ", "))", got: "'\(key.clipped())'",
          advice: nearest(to: key, among: known).map { "did you mean '\($0)'?" })
      }
      object[key] = try value(text, like: standing, at: "\(owner) \(key)")
    }
    do {
      return try JSONDecoder().decode(Value.self, from: JSONSerialization.data(withJSONObject: object))
    } catch {
      throw CatalogError(
        .badValue, at: owner, expected: "parameters of the kinds that the defaults have",
        got: parameters.sorted(by: { $0.key < $1.key }).map { "\($0)=\($1.clipped())" }.joined(separator: ","))
    }
  }

  private static func value(_ text: String, like standing: Any, at place: String) throws(CatalogError) -> Any {
    if standing is String { return text }
    if let number = standing as? NSNumber {
      // JSONSerialization gives booleans and numbers alike as NSNumber; only the type tells them apart.
      if String(cString: number.objCType) == "c" {
        if ["true", "yes", "1"].contains(text) { return true }
        if ["false", "no", "0"].contains(text) { return false }
        throw CatalogError(.badValue, at: place, expected: "true or false", got: "'\(text.clipped())'")
      }
      guard let parsed = Self.number(text) else {
        throw CatalogError(
          .badValue, at: place, expected: "a number, as 0.1 or 8/255", got: "'\(text.clipped())'")
      }
      return parsed.rounded() == parsed && abs(parsed) < 1e15 ? NSNumber(value: Int64(parsed)) : NSNumber(value: parsed)
    }
    guard let data = text.data(using: .utf8),
      let parsed = try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
    else { throw CatalogError(.badValue, at: place, expected: "a JSON value", got: "'\(text.clipped())'") }
    return parsed
  }

  /// A finite number, or a quotient of two: `0.3`, `8/255`.
  public static func number(_ text: String) -> Double? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let values = parts.compactMap { Double($0) }
    guard values.count == parts.count, values.allSatisfy(\.isFinite) else { return nil }
    switch values.count {
    case 1: return values[0]
    case 2 where values[1] != 0: return values[0] / values[1]
    default: return nil
    }
  }
}

/// The candidate nearest to `word`, if one is near enough to be a slip of the hand.
public func nearest(to word: String, among candidates: [String]) -> String? {
  let ranked = candidates.map { ($0, editDistance(word, $0)) }.min { $0.1 < $1.1 }
  guard let (candidate, distance) = ranked, distance <= max(2, candidate.count / 3) else { return nil }
  return candidate
}

/// Levenshtein's distance.
func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.prefix(64).lowercased()), b = Array(b.prefix(64).lowercased())
  var row = Array(0...b.count)
  for i in a.indices {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let cost = a[i] == b[j] ? diagonal : 1 + min(diagonal, row[j], row[j + 1])
      diagonal = row[j + 1]
      row[j + 1] = cost
    }
  }
  return row[b.count]
}
