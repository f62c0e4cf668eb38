import DitherBasics
import DitherTensor

/// Options of texts.
struct TextOptions: Codable, Sendable, Equatable, Ranged {
  /// Words of an example: longer texts are cut, shorter ones filled up.
  var length = 48
  /// The most words that have numbers of their own.
  var vocabulary = 20_000

  func check() throws(CatalogError) {
    try require((1...Vocabulary.mostLength).contains(length), "length", "1 to \(Vocabulary.mostLength)", length)
    try require((1...100_000).contains(vocabulary), "vocabulary", "1 to 100000", vocabulary)
  }
}

/// Texts with their classes, before words have numbers.
struct LabeledTexts {
  private(set) var words: [[String]] = []
  private(set) var labels: [Int] = []
  let classNames: [String]

  init(classNames: [String]) { self.classNames = classNames }

  mutating func add(_ text: some StringProtocol, label: Int) {
    words.append(Vocabulary.words(of: String(text)))
    labels.append(label)
  }

  /// Some of them as rows of numbers.
  /// - Parameter train: which of them are the training part, by whose words alone the vocabulary is made.
  func dataset(_ rows: [Int], train: [Int], _ options: TextOptions, name: String) throws(DatasetError) -> Dataset {
    let vocabulary = Vocabulary(of: train.map { words[$0] }, most: options.vocabulary, length: options.length)
    guard vocabulary.bytes <= Vocabulary.mostBytes else {
      throw DatasetError(
        .tooLarge, at: "data '\(name.clipped())'", expected: "a vocabulary of at most \(Vocabulary.mostBytes) bytes",
        got: "\(vocabulary.bytes)", advice: "take fewer words: ?vocabulary=\(max(options.vocabulary / 2, 1))")
    }
    guard rows.count <= 1 << 30 / options.length else {
      throw DatasetError(
        .tooLarge, at: "data '\(name.clipped())'", expected: "at most \(1 << 30) words", got: "\(rows.count) texts")
    }
    let inputs = rows.flatMap { vocabulary.row(words[$0]) }
    var set = Dataset(
      name: name, inputs: Tensor([rows.count, options.length], inputs), labels: rows.map { labels[$0] },
      classNames: classNames)
    set.vocabulary = vocabulary
    return set
  }

  /// Lines of a file, the bytes taken for Latin-1 where they are no UTF-8.
  static func lines(_ bytes: [UInt8]) -> [Substring] {
    let text =
      String(validating: bytes, as: UTF8.self)
      ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    return text.split { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
  }
}
