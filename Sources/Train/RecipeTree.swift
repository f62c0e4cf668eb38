import DitherBasics
import Yams

/// A recipe as it is written, with the settings of a command laid over it, before it is known what it means.
struct RecipeTree {
  private var root: Node

  /// Names that other programs have for a key, at the top of a recipe or beside that key, with its place.
  static let aliases = [
    "lr": ["optimizer", "rate"], "learning_rate": ["optimizer", "rate"], "weight_decay": ["optimizer", "decay"],
  ]

  /// A path by the names that are used here.
  private static func own(_ path: [String]) -> [String] {
    guard let alias = path.last, let own = aliases[alias], path == [alias] || path == own.dropLast() + [alias] else {
      return path
    }
    return own
  }

  /// - Throws: `TrainFault.recipe` where it is no YAML, or says one thing by two names.
  init(_ text: String, _ settings: some Sequence<RecipeSetting> = []) throws(TrainError) {
    root = try Self.composed(text, at: "recipe") ?? Node([(Node, Node)]())
    guard root.mapping != nil else {
      throw TrainError(.recipe, at: "recipe", expected: "a mapping of keys", got: "something else")
    }
    try resolveAliases()
    for setting in settings {
      let value =
        setting.isText
        ? Node(setting.value, .implicit, .doubleQuoted)
        : try Self.composed(setting.value, at: setting.place) ?? Node("", .implicit)
      root = try Self.laid(value, at: Self.own(setting.path)[...], over: root, setting)
    }
    try Self.check(root, at: "recipe")
  }

  /// As YAML: the same settings on the same text give the same.
  func text() throws(TrainError) -> String {
    do { return try serialize(node: root, width: -1, allowUnicode: true) } catch {
      throw TrainError(.recipe, at: "recipe", expected: "what YAML can write", got: "\(error)".clipped())
    }
  }

  /// Keys with their values; one whose value is null is as one that is absent.
  var map: [String: Any] { (root.any as? [String: Any] ?? [:]) }

  // MARK: reading

  private static func composed(_ text: String, at place: String) throws(TrainError) -> Node? {
    do { return try BoundedYaml.compose(text, at: place) } catch { throw Self.fault(error) }
  }

  private static func check(_ root: Node, at place: String) throws(TrainError) {
    do { try BoundedYaml.check(root, at: place) } catch { throw Self.fault(error) }
  }

  private static func fault(_ error: YamlTextError) -> TrainError {
    TrainError(.recipe, at: error.place, expected: error.expected, got: error.got, advice: error.advice)
  }

  /// Gives what is said by another name the name that it has here.
  private mutating func resolveAliases() throws(TrainError) {
    for (alias, path) in Self.aliases.sorted(by: { $0.key < $1.key }) {
      for owner in [[], path.dropLast()[...]] where Self.node(at: owner, of: root)?.mapping != nil {
        guard let value = Self.node(at: owner + [alias], of: root) else { continue }
        if Self.node(at: path[...], of: root) != nil {
          throw TrainError(
            .recipe, at: "recipe, '\((owner + [alias]).joined(separator: "', '"))'",
            expected: "it once, by one name", got: "'\(path.joined(separator: "."))' too")
        }
        root = Self.removed(alias, at: owner, of: root)
        root = try Self.laid(value, at: path[...], over: root, nil)
      }
    }
  }

  /// The node at a place; keys that a mapping takes from others by `<<` among them.
  private static func node(at path: ArraySlice<String>, of node: Node) -> Node? {
    guard let key = path.first else { return node }
    let rest = path.dropFirst()
    switch node {
    case .mapping(let map): return value(of: key, in: map).flatMap { Self.node(at: rest, of: $0) }
    case .sequence(let items):
      guard let index = Int(key), items.indices.contains(index) else { return nil }
      return Self.node(at: rest, of: items[index])
    default: return nil
    }
  }

  private static func value(of key: String, in map: Node.Mapping) -> Node? {
    if let own = map.first(where: { $0.key.scalar?.string == key }) { return own.value }
    guard let merged = map.first(where: { $0.key.scalar?.string == "<<" })?.value else { return nil }
    let sources = merged.sequence.map(Array.init) ?? [merged]
    return sources.lazy.compactMap(\.mapping).compactMap { value(of: key, in: $0) }.first
  }

  // MARK: writing

  private static func removed(_ key: String, at path: ArraySlice<String>, of node: Node) -> Node {
    guard var map = node.mapping else { return node }
    if let next = path.first {
      guard let index = map.firstIndex(where: { $0.key.scalar?.string == next }) else { return node }
      map[index].value = removed(key, at: path.dropFirst(), of: map[index].value)
      return .mapping(map)
    }
    return .mapping(Node.Mapping(map.filter { $0.key.scalar?.string != key }, map.tag, map.style, map.mark))
  }

  /// `node` with `value` at a place within it. A name with a key behind it becomes a mapping of that kind.
  private static func laid(
    _ value: Node, at path: ArraySlice<String>, over node: Node?, _ setting: RecipeSetting?
  ) throws(TrainError) -> Node {
    guard let key = path.first else { return value }
    let rest = path.dropFirst(), named = Node(key)
    switch node {
    case .mapping(var map)?:
      let next = try laid(value, at: rest, over: Self.value(of: key, in: map), setting)
      if let index = map.firstIndex(where: { $0.key.scalar?.string == key }) {
        map[index].value = next
        return .mapping(map)
      }
      return .mapping(Node.Mapping(Array(map) + [(named, next)], map.tag, map.style, map.mark))
    case .sequence(let sequence)?:
      var items = Array(sequence)
      guard let index = Int(key), (0...items.count).contains(index) else {
        throw refuse(setting, key, "the position of an item, 0 to \(items.count)")
      }
      let next = try laid(value, at: rest, over: index < items.count ? items[index] : nil, setting)
      items.replaceSubrange(index..<min(index + 1, items.count), with: [next])
      return .sequence(Node.Sequence(items, sequence.tag, sequence.style, sequence.mark))
    case .scalar(let word)? where !isNull(word):
      return .mapping(
        Node.Mapping([(Node("kind"), .scalar(word)), (named, try laid(value, at: rest, over: nil, setting))]))
    default:
      let next = try laid(value, at: rest, over: nil, setting)
      guard Int(key) != nil else { return .mapping(Node.Mapping([(named, next)])) }
      guard key == "0" else { throw refuse(setting, key, "0, as there is no list yet") }
      return .sequence(Node.Sequence([next]))
    }
  }

  private static func isNull(_ word: Node.Scalar) -> Bool { Node.scalar(word).null != nil }

  private static func refuse(_ setting: RecipeSetting?, _ key: String, _ expected: String) -> TrainError {
    TrainError(.recipe, at: setting?.place ?? "recipe", expected: expected, got: "'\(key.clipped())'")
  }

  // MARK: places

  /// The line, from 1, that a fault is about, as far as its words name keys and positions; nil: of none,
  /// or of a text that is no YAML.
  static func line(of fault: any AnyFault, in text: String) -> Int? {
    // The place of such a fault has the line.
    guard var node = try? composed(text, at: "recipe") else { return nil }
    func pair(_ word: String) -> (key: Node, value: Node)? {
      let names = [word] + aliases.filter { $0.value.last == word }.map(\.key)
      return names.lazy.compactMap { name in node.mapping?.first { $0.key.scalar?.string == name } }.first
    }
    var line: Int?
    let words = fault.place.split { !($0.isLetter || $0.isNumber || "_.-".contains($0)) }.map(String.init)
    for (at, word) in words.enumerated() {
      if let items = node.sequence, ["term", "item"].contains(word), at + 1 < words.count,
        let number = Int(words[at + 1]), number > 0, number <= items.count
      {
        node = items[number - 1]
        line = node.mark?.line ?? line
      } else if let found = pair(word) {
        node = found.value
        line = found.key.mark?.line ?? line
      }
    }
    // A key that is not known is named by what came.
    return pair(fault.got.filter { $0 != "'" })?.key.mark?.line ?? line
  }
}
