import DitherBasics
import Foundation

/// The text by which `data:` in a recipe and `--data` name data: a set of the catalog or files of one's own, with
/// options, and which of the examples: `mnist`, `mnist:100`, `concrete?split=3`, `./photos?size=32:1000-2000`.
public struct DataReference: Sendable, Equatable, CustomStringConvertible {
  /// A set's name, or a path.
  public var name: String
  /// As they were written behind the `?`, parted by `&`.
  public var options: [String: String] = [:]
  /// The examples, counted from 0; nil: all.
  public var part: Range<Int>?

  /// Whether it names files: no set's name has a slash or a dot.
  public var isPath: Bool { name.contains("/") || name.contains(".") }

  /// - Throws: `malformed`, with the form that was expected.
  public init(_ text: String) throws(DatasetError) {
    let question = text.firstIndex(of: "?") ?? text.endIndex
    // A colon in a folder's name begins no part.
    let tail = question < text.endIndex ? question : text.lastIndex(of: "/") ?? text.startIndex
    let colon = text[tail...].firstIndex(of: ":") ?? text.endIndex
    name = String(text[..<min(question, colon)])
    if question < colon, question < text.endIndex {
      options = try Self.options(text[text.index(after: question)..<colon], of: text)
    }
    if colon < text.endIndex { part = try Self.part(text[text.index(after: colon)...], of: text) }
  }

  private static func options(_ text: Substring, of reference: String) throws(DatasetError) -> [String: String] {
    var options: [String: String] = [:]
    for field in text.split(separator: "&", omittingEmptySubsequences: false) {
      let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, options[parts[0]] == nil else {
        throw DatasetError(
          .malformed, at: "data '\(reference.clipped())'",
          expected: "options as KEY=VALUE, each once and parted by &, behind the ?", got: "'\(String(field).clipped())'"
        )
      }
      options[parts[0]] = parts[1]
    }
    return options
  }

  private static func part(_ text: Substring, of reference: String) throws(DatasetError) -> Range<Int> {
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
    let first = bounds.count == 2 ? bounds[0] : 0, end = bounds.last ?? -1
    guard bounds.count <= 2, first >= 0, end > first else {
      throw DatasetError(
        .malformed, at: "data set '\(reference.clipped())'",
        expected: "NAME, NAME:COUNT with a count above 0, or NAME:FIRST-END with FIRST below END",
        got: "'\(String(text).clipped())'")
    }
    return first..<end
  }

  /// The same without a part.
  public var whole: DataReference {
    var whole = self
    whole.part = nil
    return whole
  }

  /// As it is written, options in the order of their names.
  public var description: String {
    let words = options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
    let range = part.map { $0.lowerBound == 0 ? ":\($0.upperBound)" : ":\($0.lowerBound)-\($0.upperBound)" } ?? ""
    return name + (words.isEmpty ? "" : "?" + words) + range
  }
}

/// The asker's rights: a stranger's request names sets of the catalog alone, the user of this machine files too.
public enum DataAccess: Sendable { case names, paths }
