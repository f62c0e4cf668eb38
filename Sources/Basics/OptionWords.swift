/// A thing with parameters as a command line writes it: `NAME:word,key=value,…`.
public struct OptionWords: Sendable {
  /// The text before the colon.
  public let name: String
  /// The first word behind it, where it stands without a key.
  public let word: String?
  /// Values by their keys, as they were written.
  public let values: [String: Setting]

  /// - Parameters:
  ///   - place: where it was found, for messages.
  ///   - form: how it is written, for messages.
  /// - Throws: `CatalogFault.badValue` where a part has no key or no value, `.unknownKey` where a key stands twice.
  public init(parsing text: String, at place: String, form: String) throws(CatalogError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    name = (parts.first ?? "").trimmed
    var word: String?, values: [String: Setting] = [:]
    let words = parts.count == 2 ? parts[1].split(separator: ",", omittingEmptySubsequences: false) : []
    for (number, part) in words.enumerated() {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { String($0).trimmed }
      guard sides.allSatisfy({ !$0.isEmpty }), !sides.isEmpty, sides.count == 2 || number == 0 else {
        throw CatalogError(.badValue, at: place, expected: form, got: "'\(String(part).clipped())'")
      }
      if sides.count == 1 {
        word = sides[0]
      } else if values.updateValue(.text(sides[1]), forKey: sides[0]) != nil {
        throw CatalogError(.unknownKey, at: "\(place), '\(sides[0].clipped())'", expected: "one value", got: "two")
      }
    }
    (self.word, self.values) = (word, values)
  }
}

extension String {
  /// Without blanks before and behind it.
  fileprivate var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
