import DitherBasics
import DitherGraph
import DitherInference
import Foundation

/// The mapping of a recipe file, whose keys are all known.
struct RecipeReader {
  private let map: [String: Any]

  init(_ tree: RecipeTree) throws(TrainError) {
    let map = tree.map
    for key in map.keys.sorted() where !Recipe.keys.contains(key) {
      throw TrainError(
        .recipe, at: "recipe", expected: "one of \(Recipe.keys.joined(separator: ", "))", got: "'\(key.clipped())'",
        advice: nearest(to: key, among: Recipe.keys + RecipeTree.aliases.keys.sorted()).map { "did you mean '\($0)'?" })
    }
    self.map = map.filter { !($0.value is NSNull) }
  }

  subscript(key: String) -> Any? { map[key] }

  func refuse(_ key: String, _ expected: String, advice: String? = nil) -> TrainError {
    let got = map[key].map { $0 is [String: Any] || $0 is [Any] ? "\(Setting($0))" : "\($0)" } ?? "nothing"
    return TrainError(
      .recipe, at: "recipe, '\(key)'", expected: expected, got: got.clipped(), advice: advice)
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

  /// A seed: YAML reads those above the largest `Int` as words.
  func seed() throws(TrainError) -> UInt64? {
    guard let value = map["seed"] else { return nil }
    guard let seed = (value as? Int).flatMap(UInt64.init(exactly:)) ?? (value as? String).flatMap({ UInt64($0) }) else {
      throw refuse("seed", "a whole number from 0 to \(UInt64.max)")
    }
    return seed
  }

  /// A member of a catalog with its parameters.
  /// - Parameter kind: which, where a mapping does not say; nil: it must.
  func entry<Entry, Value>(
    _ key: String, of catalog: Catalog<Entry>, or kind: String? = nil, _ make: (Entry) -> Value
  ) throws(CatalogError) -> Value? {
    guard let value = map[key] else { return nil }
    var setting = Setting(value)
    if let kind, case .mapping(var parameters) = setting, parameters["kind"] == nil {
      parameters["kind"] = .text(kind)
      setting = .mapping(parameters)
    }
    return try catalog.value(setting, at: key, make)
  }

  /// A value with a mapping of its parameters; nil without the key.
  func mapping<Value: Codable>(_ key: String, over defaults: Value) throws -> Value? {
    guard let value = map[key] else { return nil }
    guard case .mapping(let own) = Setting(value) else {
      throw refuse(key, "a mapping of \(Parameters.keys(of: defaults).joined(separator: ", "))")
    }
    return try Parameters.overlay(settings: own, on: defaults, of: "recipe, '\(key)'")
  }

  func noise(_ key: String) throws -> NoiseModel? {
    let noise = try map[key].map { try NoiseModel(Setting($0), at: "recipe, '\(key)'") }
    guard noise?.members == nil else {
      throw refuse("\(key)', 'members", "none: a training has 'posterior' for it")
    }
    return noise
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
    for (at, term) in (noise?.terms ?? []).enumerated() where term.learned != nil {
      throw TrainError(
        .recipe, at: "recipe, 'served_noise', term \(at + 1), 'learned'", expected: "a fixed sigma",
        got: "'\(term.learned?.rawValue ?? "")'",
        advice: "leave 'served_noise' out: the model is served with what 'noise' has learned")
    }
    return noise
  }

  func objective() throws -> (any Objective)? {
    try entry("objective", of: Catalog.objectives) { $0.init() }
  }

  /// A list of names, or of mappings with `kind`; empty without the key.
  /// - Parameter make: an item, with its place for messages.
  func items<Item>(_ key: String, _ make: (Setting, String) throws -> Item) throws -> [Item] {
    guard let value = map[key] else { return [] }
    guard case .list(let items) = Setting(value) else {
      throw refuse(key, "a list of names, or of mappings with 'kind'")
    }
    return try items.enumerated().map { try make($1, "recipe, '\(key)', item \($0 + 1)") }
  }

  /// The list of `strategies`, and `label_smoothing`, which is one of them by a key of its own.
  func strategies() throws -> [ScheduledStrategy] {
    let found = try items("strategies", ScheduledStrategy.init)
    guard let value = map["label_smoothing"] else { return found }
    guard !found.contains(where: { $0.strategy is LabelSmoothing }) else {
      throw refuse("label_smoothing", "it here or in 'strategies'")
    }
    let smoothing = try Parameters.overlay(
      settings: ["share": Setting(value)], on: LabelSmoothing(), of: "recipe, 'label_smoothing'")
    return found + [ScheduledStrategy(smoothing)]
  }
}
