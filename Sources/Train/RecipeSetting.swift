import DitherBasics

/// One key of a recipe with another value than its file says: `--set optimizer.rate=0.05`.
public struct RecipeSetting: Sendable, Equatable {
  /// Keys, and positions in lists from 0, from the outermost.
  let path: [String]
  /// As a recipe writes it.
  let value: String
  /// Whether the value is text, whatever YAML would take it for.
  let isText: Bool
  /// Where it was said, for messages: `--set noise.0.sigma`.
  public let place: String

  /// A value for a key at the top, by an option of its own.
  /// - Parameter option: its name, for messages: `--seed`.
  public init(_ key: String, _ value: String, isText: Bool = false, option: String) {
    self.init(path: [key], value: value, isText: isText, place: option)
  }

  /// - Parameter text: `key=value`, keys within keys joined by dots, the value as YAML.
  /// - Throws: where there is no key.
  public init(parsing text: String) throws(TrainError) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let path = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, path.allSatisfy({ !$0.isEmpty }) else {
      throw TrainError(
        .recipe, at: "--set", expected: "key=value, as optimizer.rate=0.05", got: "'\(text.clipped())'")
    }
    self.init(path: path, value: parts[1], isText: false, place: "--set \(parts[0].clipped())")
  }

  private init(path: [String], value: String, isText: Bool, place: String) {
    (self.path, self.value, self.isText, self.place) = (path, value, isText, place)
  }
}
