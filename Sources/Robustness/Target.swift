import DitherBasics

/// Where an attack leads examples.
enum Target: Codable, Sendable, Hashable, CustomStringConvertible {
  /// To any class but their own.
  case untargeted
  /// To the class after their own.
  case next
  /// To the class that the model holds for least likely. Kurakin et al. 2017, arXiv 1611.01236, 2.1.
  case leastLikely
  /// To a class for each that comes with the data.
  case given
  case label(Int)

  private static let words: [String: Target] = [
    "untargeted": .untargeted, "next": .next, "least_likely": .leastLikely, "given": .given,
  ]

  var description: String {
    if case .label(let label) = self { return "\(label)" }
    return Self.words.first { $0.value == self }?.key ?? ""
  }

  /// - Throws: for what is neither a word nor the number of a class, with the nearest word.
  init(parsing text: String, at place: String) throws(RobustnessError) {
    if let word = Self.words[text] {
      self = word
    } else if let label = Int(text), label >= 0 {
      self = .label(label)
    } else {
      let known = Self.words.keys.sorted()
      throw RobustnessError(
        .parameter, at: place, expected: "\(known.joined(separator: ", ")), or a class number",
        got: "'\(text.clipped())'", advice: nearest(to: text, among: known).map { "did you mean '\($0)'?" })
    }
  }

  init(from decoder: any Decoder) throws {
    try self.init(parsing: decoder.singleValueContainer().decode(String.self), at: "target")
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
