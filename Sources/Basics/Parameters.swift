import Foundation

/// Makes a value from its defaults and some parameters, as recipes, requests, model files and the command line give
/// them.
///
/// The keys that are taken are those that the value decodes, optional ones included. A parameter that is `nil` by
/// default is set by any value that its type takes; `none` makes it nil again.
public enum Parameters {
  /// - Parameters:
  ///   - defaults: the value whose properties are overlaid.
  ///   - parameters: text as written by a person: `20`, `true`, `linf`, `8/255`.
  ///   - owner: whose parameters they are, for messages.
  /// - Throws: `CatalogFault.unknownKey` with the nearest known key, `.badValue` when a value does not fit its
  ///   property.
  public static func overlay<Value: Codable>(
    _ parameters: [String: String], on defaults: Value, of owner: String
  ) throws(CatalogError) -> Value {
    try overlay(settings: parameters.mapValues { .text($0) }, on: defaults, of: owner)
  }

  /// The same from a mapping, whose numbers, flags and lists are what they are.
  public static func overlay<Value: Codable>(
    settings parameters: [String: Setting], on defaults: Value, of owner: String
  ) throws(CatalogError) -> Value {
    guard !parameters.isEmpty else { return defaults }
    var object = try settings(of: defaults, owner)
    let optional = optionalKeys(of: Value.self, object)
    for (key, setting) in parameters.sorted(by: { $0.key < $1.key }) {
      if optional.contains(key) {
        object[key] = try optionalValue(setting, key, in: object, Value.self, at: "\(owner) \(key)")
        continue
      }
      guard let standing = object[key] else {
        throw unknown(key, among: Array(object.keys) + optional, of: owner)
      }
      object[key] = try value(setting, like: standing, at: "\(owner) \(key)")
    }
    let made: Value
    do {
      made = try decode(Value.self, object)
    } catch {
      throw misfit(parameters, object, on: defaults, of: owner)
    }
    if let ranged = made as? any Ranged {
      do { try ranged.check() } catch {
        throw CatalogError(
          error.code, at: "\(owner), \(error.place)", expected: error.expected, got: error.got, advice: error.advice)
      }
    }
    return made
  }

  /// The error of the first parameter that does not fit by itself.
  private static func misfit<Value: Codable>(
    _ parameters: [String: Setting], _ object: [String: Setting], on defaults: Value, of owner: String
  ) -> CatalogError {
    for (key, given) in parameters.sorted(by: { $0.key < $1.key }) {
      var lone = (try? settings(of: defaults, owner)) ?? [:]
      lone[key] = object[key]
      guard (try? decode(Value.self, lone)) == nil else { continue }
      let known = words(of: key, in: defaults)
      return CatalogError(
        .badValue, at: "\(owner) \(key)",
        expected: known.map { "one of \($0.joined(separator: ", "))" }
          ?? (given.asNumber == nil ? "a value of the kind that its default has" : "a number within its range"),
        got: "'\("\(given)".clipped())'",
        advice: known.flatMap { nearest(to: given.description, among: $0) }.map { "did you mean '\($0)'?" })
    }
    return CatalogError(
      .badValue, at: owner, expected: "parameters that go together",
      got: parameters.sorted(by: { $0.key < $1.key }).map { "\($0)=\("\($1)".clipped())" }.joined(separator: ","))
  }

  /// The words that a property may have, where its type lists them; its key is its name, or the same in snake case.
  private static func words(of key: String, in value: some Any) -> [String]? {
    func plain(_ name: String) -> String { name.lowercased().replacing("_", with: "") }
    func cases<Word: CaseIterable>(_ type: Word.Type) -> [String] {
      type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    }
    // The parts too, where they are written flat.
    func property(_ value: Any, _ depth: Int) -> Any? {
      let children = Mirror(reflecting: value).children
      if let own = children.first(where: { plain($0.label ?? "") == plain(key) }) { return own.value }
      return depth == 0 ? nil : children.lazy.compactMap { property($0.value, depth - 1) }.first
    }
    guard let found = property(value, 2), let type = Swift.type(of: found) as? any CaseIterable.Type else { return nil }
    return cases(type)
  }

  /// The keys of a value's parameters, those included that are nil.
  public static func keys<Value: Codable>(of defaults: Value) -> [String] {
    guard let object = try? settings(of: defaults, "") else { return [] }
    return optionalKeys(of: Value.self, object).union(object.keys).sorted()
  }

  /// A value's parameters, without those that are nil.
  public static func settings(of value: some Encodable, _ owner: String = "value") throws(CatalogError)
    -> [String: Setting]
  {
    do {
      let data = try JSONEncoder().encode(value)
      return try JSONDecoder().decode([String: Setting].self, from: data)
    } catch {
      throw CatalogError(.badValue, at: owner, expected: "parameters with defaults", got: "\(error)")
    }
  }

  /// The error for an unknown key, which names the nearest known ones.
  public static func unknown(_ key: String, among known: [String], of owner: String) -> CatalogError {
    CatalogError(
      .unknownKey, at: owner,
      expected: known.isEmpty ? "no parameters" : "one of \(Set(known).sorted().joined(separator: ", "))",
      got: "'\(key.clipped())'", advice: nearest(to: key, among: known).map { "did you mean '\($0)'?" })
  }

  private static func decode<Value: Decodable>(_ type: Value.Type, _ object: [String: Setting]) throws -> Value {
    try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(Setting.mapping(object)))
  }

  /// The keys that are not there when the value is as `object` says, but could be: properties that are nil.
  private static func optionalKeys<Value: Decodable>(of type: Value.Type, _ object: [String: Setting]) -> Set<String> {
    let asked = AskedKeys(object)
    _ = try? Value(from: asked)
    return asked.names.subtracting(object.keys)
  }

  /// The first reading of `setting` that the property takes.
  private static func optionalValue<Value: Decodable>(
    _ setting: Setting, _ key: String, in object: [String: Setting], _ type: Value.Type, at place: String
  ) throws(CatalogError) -> Setting? {
    if [.none, .text("none")].contains(setting) { return nil }
    var readings = [setting]
    if case .text(let text) = setting {
      readings = [number(text).map { .number($0) }, flag(text), json(text), setting].compactMap { $0 }
    } else if case .number = setting {
      readings.append(.text(setting.description))
    }
    for reading in readings {
      var tried = object
      tried[key] = reading
      if (try? decode(Value.self, tried)) != nil { return reading }
    }
    throw CatalogError(
      .badValue, at: place, expected: "a value of its kind, or none", got: "'\("\(setting)".clipped())'")
  }

  private static func flag(_ text: String) -> Setting? {
    ["true", "yes"].contains(text) ? .flag(true) : ["false", "no"].contains(text) ? .flag(false) : nil
  }

  private static func json(_ text: String) -> Setting? {
    try? JSONDecoder().decode(Setting.self, from: Data(text.utf8))
  }

  private static func value(_ setting: Setting, like standing: Setting, at place: String) throws(CatalogError)
    -> Setting
  {
    func refuse(_ expected: String) -> CatalogError {
      CatalogError(.badValue, at: place, expected: expected, got: "'\("\(setting)".clipped())'")
    }
    switch standing {
    case .text:
      switch setting {
      case .text, .number, .flag: return .text(setting.description)
      default: throw refuse("a word")
      }
    case .flag:
      switch setting.description {
      case "true", "yes", "1": return .flag(true)
      case "false", "no", "0": return .flag(false)
      default: throw refuse("true or false")
      }
    case .number:
      guard let number = setting.asNumber else { throw refuse("a number, as 0.1 or 8/255") }
      return .number(number)
    default:
      guard case .text(let text) = setting else { return setting }
      guard let parsed = json(text) else { throw refuse("a JSON value") }
      return parsed
    }
  }

  /// A finite number, or a quotient of two: `0.3`, `8/255`. Hexadecimal ones, which nobody means, are none.
  public static func number(_ text: String) -> Double? {
    guard !text.contains(where: { "xX".contains($0) }) else { return nil }
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

/// A decoder that lists the keys that a value asks for.
private final class AskedKeys: Decoder {
  private(set) var names = Set<String>()
  private let object: [String: Setting]
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  init(_ object: [String: Setting]) { self.object = object }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(Container(decoder: self))
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw unsupported }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { throw unsupported }
  private var unsupported: DecodingError {
    .dataCorrupted(.init(codingPath: [], debugDescription: "parameters are a mapping of keys"))
  }

  private struct Container<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: AskedKeys
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { decoder.object.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool {
      decoder.names.insert(key.stringValue)
      return decoder.object[key.stringValue] != nil
    }
    func decodeNil(forKey key: Key) -> Bool { !contains(key) }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
      guard contains(key), let setting = decoder.object[key.stringValue] else { throw decoder.unsupported }
      // An array around it: not every reader takes a bare number.
      let found = try JSONDecoder().decode([T].self, from: JSONEncoder().encode([setting]))
      guard let value = found.first else { throw decoder.unsupported }
      return value
    }
    func nestedContainer<NestedKey: CodingKey>(keyedBy type: NestedKey.Type, forKey key: Key) throws
      -> KeyedDecodingContainer<NestedKey>
    { throw decoder.unsupported }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw decoder.unsupported }
    func superDecoder() throws -> any Decoder { throw decoder.unsupported }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw decoder.unsupported }
  }
}

extension Catalog {
  /// The entry that a setting names, with its parameters: `cosine`, or `{kind: cosine, warmup: 0.05}`.
  /// - Parameters:
  ///   - place: where the setting was found, for messages.
  ///   - make: an entry with its defaults.
  /// - Throws: what `entry(named:)` and `Parameters.overlay` throw.
  public func value<Value>(_ setting: Setting, at place: String, _ make: (Entry) -> Value) throws(CatalogError) -> Value
  {
    if let name = setting.asText { return make(try entry(named: name, at: place)) }
    guard case .mapping(var parameters) = setting, let name = parameters.removeValue(forKey: "kind")?.asText else {
      throw CatalogError(
        .badValue, at: place, expected: "a name, or a mapping with 'kind'", got: "'\("\(setting)".clipped())'")
    }
    return try Parameters.overlaid(parameters, on: make(try entry(named: name, at: place)), of: "\(place) \(name)")
  }
}

extension Parameters {
  /// `overlay` where the value's type is not known here: one of a catalog's.
  public static func overlaid<Value>(_ parameters: [String: Setting], on defaults: Value, of owner: String)
    throws(CatalogError) -> Value
  {
    guard let coded = defaults as? any Codable else {
      if let key = parameters.keys.sorted().first { throw unknown(key, among: [], of: owner) }
      return defaults
    }
    func opened<Coded: Codable>(_ coded: Coded) throws(CatalogError) -> Any {
      try overlay(settings: parameters, on: coded, of: owner)
    }
    // The overlay has the type of the defaults.
    return try opened(coded) as? Value ?? defaults
  }
}
