import DitherBasics
import DitherGraph
import DitherInference
import Yams

/// The mapping of a recipe file, whose keys are all known.
struct RecipeReader {
  private let map: [String: Any]

  init(_ text: String) throws(TrainError) {
    guard let map = try Self.loaded(text) as? [String: Any] else {
      throw TrainError(.recipe, at: "recipe", expected: "a mapping of keys", got: "something else")
    }
    for key in map.keys.sorted() where !Recipe.keys.contains(key) {
      throw TrainError(
        .recipe, at: "recipe", expected: "one of \(Recipe.keys.joined(separator: ", "))", got: "'\(key.clipped())'",
        advice: nearest(to: key, among: Recipe.keys).map { "did you mean '\($0)'?" })
    }
    self.map = map
  }

  /// Nodes of a recipe, those counted again that an alias repeats.
  private static let mostNodes = 1 << 16

  /// Yams ends the process where a key is a list or a mapping, and goes through what an alias repeats each time.
  private static func loaded(_ text: String) throws(TrainError) -> Any? {
    let root: Yams.Node?
    do { root = try Yams.compose(yaml: text) } catch {
      throw TrainError(.recipe, at: "recipe", expected: "YAML", got: "\(error)".clipped(to: 300))
    }
    var open = root.map { [$0] } ?? [], count = 0
    while let node = open.popLast() {
      count += 1
      guard count + open.count <= mostNodes else {
        throw TrainError(.recipe, at: "recipe", expected: "at most \(mostNodes) values, with all aliases", got: "more")
      }
      if let items = node.sequence { open += items }
      guard let mapping = node.mapping else { continue }
      for (key, value) in mapping {
        guard key.scalar != nil else {
          throw TrainError(.recipe, at: "recipe", expected: "keys that are words", got: "a list or a mapping as a key")
        }
        open.append(value)
      }
    }
    return root?.any
  }

  subscript(key: String) -> Any? { map[key] }

  func refuse(_ key: String, _ expected: String, advice: String? = nil) -> TrainError {
    TrainError(
      .recipe, at: "recipe, '\(key)'", expected: expected, got: map[key].map { "\($0)".clipped() } ?? "nothing",
      advice: advice)
  }

  func name() throws(TrainError) -> String {
    guard let name = map["name"] as? String, Self.isName(name) else { throw refuse("name", Self.nameWords) }
    return name
  }
  static let nameWords = "lower-case letters, digits, dots and dashes, 64 at most"
  /// Files are called so: no name leads out of their folder.
  static func isName(_ text: String) -> Bool { text.wholeMatch(of: /[a-z0-9][a-z0-9._-]{0,63}/) != nil }

  func text(_ key: String, _ expected: String) throws(TrainError) -> String {
    guard let text = map[key] as? String else { throw refuse(key, expected) }
    return text
  }

  func integer(_ key: String, _ range: ClosedRange<Int>) throws(TrainError) -> Int? {
    guard let value = map[key] else { return nil }
    guard let number = value as? Int, range.contains(number) else {
      throw refuse(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// One of a few words.
  func word<Word: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Word.Type
  ) throws(TrainError) -> Word? where Word.RawValue == String {
    guard let value = map[key] else { return nil }
    let known = Word.allCases.map(\.rawValue)
    guard let text = value as? String, let word = Word(rawValue: text) else {
      throw refuse(
        key, "one of \(known.joined(separator: ", "))",
        advice: (value as? String).flatMap { nearest(to: $0, among: known) }.map { "did you mean '\($0)'?" })
    }
    return word
  }

  /// A member of a catalog with its parameters.
  func entry<Entry, Value>(
    _ key: String, of catalog: Catalog<Entry>, _ make: (Entry) -> Value
  ) throws(CatalogError) -> Value? {
    guard let value = map[key] else { return nil }
    return try catalog.value(Setting(value), at: key, make)
  }

  func noise(_ key: String) throws -> NoiseModel? {
    try map[key].map { try NoiseModel(Setting($0), at: "recipe, '\(key)'") }
  }

  /// The terms of `served_noise`, each at a site that models are served with.
  func servedNoise() throws -> NoiseModel? {
    let noise = try noise("served_noise")
    for (at, term) in (noise?.terms ?? []).enumerated() where !term.site.isServed {
      let served = Catalog<NoiseSite>.sites.entries.filter(\.isServed).map(\.name)
      throw TrainError(
        .recipe, at: "recipe, 'served_noise', term \(at + 1), 'site'",
        expected: "one that models are served with: \(served.joined(separator: ", "))", got: "'\(term.site.name)'")
    }
    return noise
  }

  func objective() throws -> (any Objective)? {
    try entry("objective", of: Catalog.objectives) { $0.init() }
  }

  /// The list of `strategies`, and `label_smoothing`, which is one of them by a key of its own.
  func strategies() throws -> [ScheduledStrategy] {
    var found: [ScheduledStrategy] = []
    if let value = map["strategies"] {
      guard case .list(let items) = Setting(value) else {
        throw refuse("strategies", "a list of names, or of mappings with 'kind'")
      }
      found = try items.enumerated().map { try ScheduledStrategy($1, at: "recipe, 'strategies', item \($0 + 1)") }
    }
    guard let value = map["label_smoothing"] else { return found }
    guard !found.contains(where: { $0.strategy is LabelSmoothing }) else {
      throw refuse("label_smoothing", "it here or in 'strategies'")
    }
    let smoothing = try Parameters.overlay(
      settings: ["share": Setting(value)], on: LabelSmoothing(), of: "recipe, 'label_smoothing'")
    return found + [ScheduledStrategy(smoothing)]
  }
}
