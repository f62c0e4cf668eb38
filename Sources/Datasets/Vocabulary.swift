import DitherBasics

/// The words that a network knows, most frequent first, and how a text becomes a row of their numbers: lower case,
/// split where no letter or digit stands, cut or filled up with 0 to one length.
public struct Vocabulary: Sendable, Equatable, Codable {
  /// By number, from 2.
  public let words: [String]
  /// Numbers of a text.
  public let length: Int
  private let numbers: [String: Int]

  /// Beside the words: 0 fills up, 1 is any other word.
  public static let reserved = 2
  /// Numbers that there are, those two included.
  public var count: Int { words.count + Self.reserved }

  private enum Key: String, CodingKey { case length, words }

  /// - Parameters:
  ///   - texts: of the training part alone.
  ///   - most: of the words, the most frequent; equals in the order of their bytes.
  init(of texts: [[String]], most: Int, length: Int) {
    var counts: [String: Int] = [:]
    for words in texts { for word in words { counts[word, default: 0] += 1 } }
    let sorted = counts.sorted {
      $0.value == $1.value ? $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) : $0.value > $1.value
    }
    self.init(words: sorted.prefix(most).map(\.key), length: length)
  }

  private init(words: [String], length: Int) {
    (self.words, self.length) = (words, length)
    numbers = Dictionary(words.enumerated().map { ($1, $0 + Self.reserved) }) { first, _ in first }
  }

  /// - Throws: where the length is none that a text can have.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let length = try container.decode(Int.self, forKey: .length)
    guard (1...Self.mostLength).contains(length) else {
      throw DecodingError.dataCorruptedError(
        forKey: .length, in: container, debugDescription: "a length from 1 to \(Self.mostLength)")
    }
    self.init(words: try container.decode([String].self, forKey: .words), length: length)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(length, forKey: .length)
    try container.encode(words, forKey: .words)
  }

  static let mostLength = 4096
  /// Letters of a word; more are left out.
  private static let longestWord = 64
  /// Bytes of all words: they go into the model's file.
  static let mostBytes = 700_000
  var bytes: Int { words.reduce(0) { $0 + $1.utf8.count + 4 } }

  /// A row of `length` numbers.
  public func row(_ text: String) -> [Float] { row(Self.words(of: text)) }

  func row(_ words: [String]) -> [Float] {
    var row = words.prefix(length).map { Float(numbers[$0] ?? 1) }
    row += [Float](repeating: 0, count: length - row.count)
    return row
  }

  /// Its words, in their order.
  static func words(of text: String) -> [String] {
    var words: [String] = [], word = String.UnicodeScalarView()
    func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
      if scalar.isASCII {
        return (0x30...0x39).contains(scalar.value) || (0x61...0x7A).contains(scalar.value | 0x20)
      }
      let facts = scalar.properties
      return facts.isAlphabetic || facts.numericType != nil || facts.generalCategory == .nonspacingMark
    }
    for scalar in text.lowercased().unicodeScalars {
      if isOfWord(scalar) {
        if word.count < longestWord { word.append(scalar) }
      } else if !word.isEmpty {
        words.append(String(word))
        word = String.UnicodeScalarView()
      }
    }
    return word.isEmpty ? words : words + [String(word)]
  }
}
