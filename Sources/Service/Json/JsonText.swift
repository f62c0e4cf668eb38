import DitherBasics
import Foundation

/// A text of JSON and the places of its values, one level at a time: a mistake is looked for in texts that are large,
/// or no JSON. Source: RFC 8259.
struct JsonText {
  /// Where a text stops being JSON.
  struct Illegal: Error { let at: Int }
  /// An element of a list, or a member of an object: key, colon and value.
  struct Part {
    let key: Range<Int>?
    let value: Range<Int>
    var start: Int { key?.lowerBound ?? value.lowerBound }
  }

  let bytes: [UInt8]

  init(_ text: Data) { bytes = [UInt8](text) }

  /// The only value of the text.
  /// - Parameter isStrict: whether numbers and words are looked at too, not only what stands around them.
  /// - Throws: where it is no JSON.
  func root(isStrict: Bool) throws(Illegal) -> Range<Int> {
    let start = blank(0), end = try endOfValue(at: start, isStrict: isStrict), rest = blank(end)
    guard rest == bytes.count else { throw Illegal(at: rest) }
    return start..<end
  }

  /// As words of an error: what came instead of JSON, and where.
  /// - Returns: nil where the text is JSON.
  func illegal(isStrict: Bool) -> String? {
    do throws(Illegal) {
      _ = try root(isStrict: isStrict)
      return nil
    } catch {
      let before = bytes[..<min(error.at, bytes.count)], newline = UInt8(ascii: "\n")
      let line = before.reduce(1) { $0 + ($1 == newline ? 1 : 0) }
      let place = "at line \(line), column \(textOfLine(before: before.endIndex).unicodeScalars.count + 1)"
      guard error.at < bytes.count else { return "text that is no JSON: it ends \(place)" }
      let rest = bytes[error.at...].prefix { $0 != newline }.prefix(80)
      return "text that is no JSON: '\(String(decoding: rest, as: UTF8.self).clipped(to: 20))' \(place)"
    }
  }

  private func textOfLine(before end: Int) -> String {
    let start = bytes[..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  /// The parts of a list or an object, in their order.
  /// - Parameters:
  ///   - value: its place, in a text whose brackets and commas are JSON's.
  ///   - most: parts that `take` gets at once.
  ///   - take: gets the number of the first of them, and says whether more are wanted.
  func parts(of value: Range<Int>, most: Int, _ take: (Int, [Part]) -> Bool) throws(Illegal) {
    let isObject = byte(value.lowerBound) == UInt8(ascii: "{")
    var at = blank(value.lowerBound + 1), parts: [Part] = [], first = 0
    while at < value.upperBound - 1 {
      var key: Range<Int>?
      if isObject {
        let endOfName = try endOfString(at: at)
        key = at..<endOfName
        at = try blank(endOfKey(at: at))
      }
      let end = try endOfValue(at: at, isStrict: false)
      parts.append(Part(key: key, value: at..<end))
      // Behind the comma, or at the closing bracket.
      at = blank(end)
      if byte(at) == UInt8(ascii: ",") { at = blank(at + 1) }
      guard parts.count == most || at >= value.upperBound - 1 else { continue }
      guard take(first, parts) else { return }
      first += parts.count
      parts.removeAll(keepingCapacity: true)
    }
  }

  // MARK: how it is read

  private func byte(_ at: Int) -> UInt8? { at < bytes.count ? bytes[at] : nil }

  /// Behind blanks.
  private func blank(_ start: Int) -> Int {
    var at = start
    while let found = byte(at), found == 32 || found == 10 || found == 13 || found == 9 { at += 1 }
    return at
  }

  private static func closing(_ open: UInt8) -> UInt8 {
    open == UInt8(ascii: "{") ? UInt8(ascii: "}") : UInt8(ascii: "]")
  }

  /// The end of the value that begins there. However deep it is nested, nothing here is.
  private func endOfValue(at start: Int, isStrict: Bool) throws(Illegal) -> Int {
    var at = start, open: [UInt8] = []
    while true {
      at = blank(at)
      let first = byte(at) ?? 0
      switch first {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        open.append(first)
        at = blank(at + 1)
        if byte(at) != Self.closing(first) {
          if first == UInt8(ascii: "{") { at = try endOfKey(at: at) }
          continue
        }
      case UInt8(ascii: "\""): at = try endOfString(at: at)
      default: at = try endOfWord(at: at, isStrict: isStrict)
      }
      // The value is whole; so are those that close behind it.
      while let last = open.last {
        at = blank(at)
        if byte(at) == UInt8(ascii: ",") {
          at = blank(at + 1)
          if last == UInt8(ascii: "{") { at = try endOfKey(at: at) }
          break
        }
        guard byte(at) == Self.closing(last) else { throw Illegal(at: at) }
        open.removeLast()
        at += 1
      }
      if open.isEmpty { return at }
    }
  }

  /// Behind the colon.
  private func endOfKey(at start: Int) throws(Illegal) -> Int {
    let at = try blank(endOfString(at: start))
    guard byte(at) == UInt8(ascii: ":") else { throw Illegal(at: at) }
    return at + 1
  }

  private func endOfString(at start: Int) throws(Illegal) -> Int {
    guard byte(start) == UInt8(ascii: "\"") else { throw Illegal(at: start) }
    var at = start + 1
    while let found = byte(at), found != UInt8(ascii: "\"") { at += found == UInt8(ascii: "\\") ? 2 : 1 }
    guard at < bytes.count else { throw Illegal(at: bytes.count) }
    return at + 1
  }

  /// A number, `true`, `false` or `null`.
  private func endOfWord(at start: Int, isStrict: Bool) throws(Illegal) -> Int {
    var at = start
    while let found = byte(at), found > 32, found < 127, !Self.delimiters.contains(found) { at += 1 }
    guard at > start, !isStrict || Self.isWord(bytes[start..<at]) else { throw Illegal(at: start) }
    return at
  }

  private static let delimiters = Array(",]}:[{\"".utf8)

  private static func isWord(_ word: ArraySlice<UInt8>) -> Bool {
    isNumber(word) || ["true", "false", "null"].contains { word.elementsEqual($0.utf8) }
  }

  private static func isNumber(_ word: ArraySlice<UInt8>) -> Bool {
    var at = word.startIndex
    func takes(_ character: Unicode.Scalar) -> Bool {
      guard at < word.endIndex, word[at] == UInt8(ascii: character) else { return false }
      at += 1
      return true
    }
    func digits() -> ArraySlice<UInt8> {
      let start = at
      while at < word.endIndex, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(word[at]) { at += 1 }
      return word[start..<at]
    }
    _ = takes("-")
    let whole = digits()
    guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { return false }
    if takes("."), digits().isEmpty { return false }
    if takes("e") || takes("E") {
      if !takes("+") { _ = takes("-") }
      if digits().isEmpty { return false }
    }
    return at == word.endIndex
  }
}
