import DitherBasics
import Foundation

/// A model's card as Hugging Face has it: facts in YAML, a text in Markdown. The registry keeps it as one JSON object:
/// the facts, with the text as `markdown`. Source: huggingface.co/docs/hub/model-cards.
public struct ModelCard: Sendable, Equatable {
  /// A key of the YAML part.
  public struct Fact: Sendable, Equatable {
    /// As Hugging Face names it; our own are below `dither`.
    public var key: String
    /// As YAML takes it.
    public var value: Setting
    /// A key with its value.
    public init(_ key: String, _ value: Setting) { (self.key, self.value) = (key, value) }
  }

  /// In the order in which they are written.
  public var facts: [Fact]
  /// Markdown.
  public var text: String
  /// The JSON's key of the text.
  private static let textKey = "markdown"

  /// - Parameters:
  ///   - facts: in their order.
  ///   - text: Markdown.
  public init(facts: [Fact], text: String) { (self.facts, self.text) = (facts, text) }

  /// - Returns: nil where there is none.
  public subscript(key: String) -> Setting? { facts.first { $0.key == key }?.value }

  /// - Parameters:
  ///   - markdown: a text that may begin with YAML between lines of three dashes.
  ///   - place: where it is from, for messages.
  /// - Throws: where the YAML is none or has no end, or a key of Hugging Face's has a value of another kind.
  public init(markdown: String, at place: String) throws(YamlTextError) {
    // A return that is left before a feed would be taken for an end of line when it is read again.
    let plain = String(String.UnicodeScalarView(markdown.unicodeScalars.filter { $0 != "\r" }))
    let lines = plain.split(separator: "\n", omittingEmptySubsequences: false)
    // Empty lines before the text are no part of it, with facts or without.
    guard lines.first == "---" else {
      self.init(facts: [], text: lines.drop { $0.isEmpty }.joined(separator: "\n"))
      return
    }
    guard let end = lines.dropFirst().firstIndex(of: "---") else {
      throw YamlTextError(
        .malformed, at: place, expected: "a line '---' behind the facts", got: "none", advice: "close the YAML part")
    }
    // An empty line in the place of the first keeps the numbers of the others.
    let yaml = "\n" + lines[1..<end].joined(separator: "\n")
    self.init(
      facts: try BoundedYaml.entries(yaml, at: place).map { Fact($0.key, $0.value) },
      text: lines[(end + 1)...].drop { $0.isEmpty }.joined(separator: "\n"))
    for fact in facts { try Self.check(fact, at: place) }
  }

  /// Keys whose values programs read, with their kinds. Source: the schema of huggingface_hub's `ModelCardData`.
  private static let words: Set<String> = [
    "license_name", "license_link", "library_name", "pipeline_tag", "model_name",
  ]
  private static let lists: Set<String> = ["license", "datasets", "metrics", "tags", "language", "base_model"]

  private static func check(_ fact: Fact, at place: String) throws(YamlTextError) {
    let isGood: Bool
    switch (fact.value, fact.key) {
    case (.none, _): isGood = true
    case (.text, let key) where words.contains(key) || lists.contains(key): isGood = true
    case (.list(let items), let key) where lists.contains(key): isGood = items.allSatisfy { $0.asText != nil }
    case (_, let key): isGood = !words.contains(key) && !lists.contains(key)
    }
    guard !isGood else { return }
    throw YamlTextError(
      .malformed, at: "\(place), '\(fact.key)'", expected: words.contains(fact.key) ? "a word" : "words",
      got: fact.value.description.clipped())
  }

  /// As a file: `NAME.card.md`, `README.md`.
  public var markdown: String {
    "---\n\(BoundedYaml.text(of: facts.map { (key: $0.key, value: $0.value) }))---\n\n\(text)"
  }

  /// One JSON object.
  public var json: String {
    var members = Dictionary(facts.map { ($0.key, $0.value) }) { first, _ in first }
    if !text.isEmpty { members[Self.textKey] = .text(text) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(Setting.mapping(members))).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  /// A card that was read from Markdown, out of what the registry keeps of it; nil where it was no Markdown.
  public init?(json: String) {
    guard case .mapping(let members)? = Self.value(of: json), let text = members[Self.textKey]?.asText else {
      return nil
    }
    let known = Self.order.filter { members[$0] != nil }
    let others = members.keys.filter { $0 != Self.textKey && !known.contains($0) }.sorted()
    facts = (known + others).map { Fact($0, members[$0] ?? .none) }
    self.text = text
  }

  static func value(of json: String) -> Setting? { try? JSONDecoder().decode(Setting.self, from: Data(json.utf8)) }

  /// JSON has no order of its own.
  private static let order = [
    "license", "library_name", "pipeline_tag", "tags", "datasets", "metrics", "model-index", "dither",
  ]

  /// Facts for people, a line each: whatever has words. Keys of our own are left to those who read the card itself.
  public var shown: [(key: String, words: String)] {
    facts.compactMap { fact in
      switch fact.value {
      case .text(let text): (fact.key, text)
      case .list(let items) where items.allSatisfy({ $0.asText != nil }) && !items.isEmpty:
        (fact.key, items.compactMap(\.asText).joined(separator: ", "))
      case .number, .flag: (fact.key, fact.value.description)
      default: nil
      }
    }
  }
}
