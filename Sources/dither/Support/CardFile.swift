import DitherBasics
import DitherReports
import DitherService
import Foundation

/// A card in a file: Markdown behind facts in YAML (`.md`), or JSON.
enum CardFile {
  /// - Returns: what a server takes.
  static func json(of path: String) throws -> String {
    var text = String(decoding: try FileArray.read(path), as: UTF8.self)
    if path.hasSuffix(".md") { text = try ModelCard(markdown: text, at: path).json }
    let most = ServerConfiguration.Limits().cardBytes
    // Before it is sent: a frame would be too large with it.
    guard text.utf8.count <= most else {
      throw CommandError(.badOption, at: path, expected: "a card of at most \(most) bytes", got: "\(text.utf8.count)")
    }
    guard JsonValue(text: text) != nil else {
      throw CommandError(.badOption, at: path, expected: "JSON", got: "something else")
    }
    return text
  }
}
