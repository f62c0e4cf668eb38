import Foundation
import Yams

/// Faults of a YAML text.
public enum YamlTextFault: FaultCode {
  case malformed, tooLarge
  /// The writer's mistake, always.
  public var category: FaultCategory { .invalidArgument }
}
/// An error of a YAML text.
public typealias YamlTextError = Fault<YamlTextFault>

/// YAML from outside, in bounds. Nesting is bounded by libyaml, at 1000 levels.
public enum BoundedYaml {
  /// Nodes of a text, those counted again that an alias repeats.
  public static let mostNodes = 1 << 16

  /// A key at the top of a mapping.
  public struct Entry: Sendable, Equatable {
    /// As it is written.
    public var key: String
    /// As YAML takes it.
    public var value: Setting
    /// The scalar as it is written, without quotes; nil for a list or a mapping.
    public var text: String?
    /// The key's, from 1.
    public var line: Int
  }

  /// - Parameter place: where the text is from, for messages.
  /// - Returns: the root; nil where the text says nothing.
  /// - Throws: `YamlTextFault.malformed` where it is no YAML or has keys that are no words, `tooLarge` beyond the
  ///   bounds.
  public static func compose(_ text: String, at place: String) throws(YamlTextError) -> Node? {
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch let YamlError.duplicatedKeysInMapping(keys, context) {
      throw twice(keys.first ?? "", near: context.mark, in: text, at: place)
    } catch { throw refusal(of: error, in: text, at: place) }
    if let root { try check(root, at: place) }
    return root
  }

  /// In one line, where Yams shows the place by a picture of several.
  private static func refusal(of error: any Error, in text: String, at place: String) -> YamlTextError {
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _),
      YamlError.composer(let context, let problem, let mark, _):
      let begun = context.map { ", \($0.text) that begins in line \($0.mark.line), column \($0.mark.column)" } ?? ""
      return YamlTextError(
        .malformed,
        at: text.contains(where: \.isNewline) ? "\(place), line \(mark.line), column \(mark.column)" : place,
        expected: "YAML",
        got: "text where the reader \(problem)\(begun)".clipped(to: 300))
    case YamlError.reader(let problem, let offset, _, let yaml):
      let line = offset.map { at in yaml.prefix(at).count { $0.isNewline } + 1 }
      return YamlTextError(
        .malformed, at: place + (line.map { ", line \($0)" } ?? ""), expected: "YAML", got: problem.clipped(to: 300))
    default: return YamlTextError(.malformed, at: place, expected: "YAML", got: "\(error)".clipped(to: 300))
    }
  }

  /// - Parameter mark: one of the key's places.
  private static func twice(_ key: String, near mark: Mark, in text: String, at place: String) -> YamlTextError {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    func depth(_ line: Int) -> Int? { lines[line].firstIndex { $0 != " " }.map { lines[line][..<$0].count } }
    // Within its mapping: up to a line that stands further left.
    func next(from line: Int, by step: Int) -> Int? {
      var at = line + step
      while lines.indices.contains(at) {
        if let own = depth(at), own < mark.column - 1 { return nil }
        let words = lines[at].drop { $0 == " " }
        if depth(at) == mark.column - 1, ["", "'", "\""].contains(where: { words.hasPrefix($0 + key + $0 + ":") }) {
          return at
        }
        at += step
      }
      return nil
    }
    let known = min(max(mark.line - 1, 0), lines.count - 1)
    let later = next(from: known, by: 1), earlier = next(from: known, by: -1)
    let first = later == nil ? earlier : known, second = later ?? known
    return YamlTextError(
      .malformed, at: "\(place), line \(second + 1)", expected: "each key once",
      got: "'\(key.clipped())'" + (first.map { ", which line \($0 + 1) has" } ?? " twice"))
  }

  /// Yams ends the process where a key is a list or a mapping, and goes through what an alias repeats each time.
  public static func check(_ root: Node, at place: String) throws(YamlTextError) {
    var open = [root], count = 0
    while let node = open.popLast() {
      count += 1
      guard count + open.count <= mostNodes else {
        throw YamlTextError(
          .tooLarge, at: place, expected: "at most \(mostNodes) values, with all aliases", got: "more")
      }
      if let items = node.sequence { open += items }
      guard let mapping = node.mapping else { continue }
      for (key, value) in mapping {
        guard key.scalar != nil else {
          throw YamlTextError(
            .malformed, at: place, expected: "keys that are words", got: "a list or a mapping as a key")
        }
        open.append(value)
      }
    }
  }

  /// The keys of a mapping, in the order in which they are written; none of an empty text.
  /// - Throws: also where the text is no mapping, or says a key twice.
  public static func entries(_ text: String, at place: String) throws(YamlTextError) -> [Entry] {
    guard let root = try compose(text, at: place), !(root.any is NSNull) else { return [] }
    guard let mapping = root.mapping else {
      throw YamlTextError(.malformed, at: place, expected: "keys with values, a line each", got: "something else")
    }
    var lines: [String: Int] = [:], entries: [Entry] = []
    for (key, value) in mapping {
      let name = key.scalar?.string ?? "", line = key.mark?.line ?? 0
      if let first = lines.updateValue(line, forKey: name) {
        throw YamlTextError(
          .malformed, at: "\(place), line \(line)", expected: "each key once",
          got: "'\(name.clipped())', which line \(first) has")
      }
      entries.append(Entry(key: name, value: setting(value), text: value.scalar?.string, line: line))
    }
    return entries
  }

  private static func setting(_ node: Node) -> Setting {
    if let mapping = node.mapping {
      let pairs = mapping.map { ($0.key.scalar?.string ?? "", setting($0.value)) }
      return .mapping(Dictionary(pairs) { _, last in last })
    }
    if let items = node.sequence { return .list(items.map(setting)) }
    guard !(node.any is NSNull) else { return .none }
    let value = Setting(node.any)
    // Neither JSON nor an equation has a place for these.
    if case .number(let number) = value, !number.isFinite { return .text(node.scalar?.string ?? "") }
    return value
  }

  /// Keys with their values as YAML, in block form: `entries` reads the same values back.
  public static func text(of facts: [(key: String, value: Setting)]) -> String {
    facts.map { lines(of: $0.value, key: $0.key, indent: "") }.joined()
  }

  private static func lines(of value: Setting, key: String, indent: String) -> String {
    let name = scalar(.text(key))
    switch value {
    case .mapping(let map) where !map.isEmpty:
      return "\(indent)\(name):\n" + lines(of: map, indent: indent + "  ")
    case .list(let items) where !items.isEmpty:
      return "\(indent)\(name):\n" + items.map { item(of: $0, indent: indent) }.joined()
    default: return "\(indent)\(name): \(scalar(value))\n"
    }
  }

  private static func lines(of map: [String: Setting], indent: String) -> String {
    map.sorted { $0.key < $1.key }.map { lines(of: $0.value, key: $0.key, indent: indent) }.joined()
  }

  private static func item(of value: Setting, indent: String) -> String {
    guard case .mapping(let map) = value, !map.isEmpty else { return "\(indent)- \(scalar(value))\n" }
    let block = lines(of: map, indent: indent + "  ")
    return "\(indent)- \(block.dropFirst(indent.count + 2))"
  }

  /// On one line. JSON is YAML too; a word that YAML takes for nothing else stands without quotes.
  private static func scalar(_ value: Setting) -> String {
    switch value {
    case .none: return "null"
    case .flag(let flag): return flag ? "true" : "false"
    case .number: return value.description
    case .text(let text): return isPlain(text) ? text : quoted(text)
    case .list(let items): return "[\(items.map(scalar).joined(separator: ", "))]"
    case .mapping(let map):
      let pairs = map.sorted { $0.key < $1.key }.map { "\(scalar(.text($0.key))): \(scalar($0.value))" }
      return "{\(pairs.joined(separator: ", "))}"
    }
  }

  /// Source: YAML 1.1, whose words for true, false and nothing are these.
  private static let taken: Set<String> = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "inf", "nan"]

  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.first, first.isASCII, first.isLetter, !taken.contains(text.lowercased()) else {
      return false
    }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-./".contains($0)) }
  }

  private static func quoted(_ text: String) -> String {
    let escapes: [Unicode.Scalar: String] = ["\"": "\\\"", "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"]
    let body = text.unicodeScalars.map { scalar in
      if let escape = escapes[scalar] { return escape }
      let isShown =
        scalar.properties.generalCategory != .control && scalar.value != 0xFEFF && scalar.value != 0x85
        && !(0x2028...0x2029).contains(scalar.value)
      guard !isShown else { return String(scalar) }
      let digits = String(scalar.value, radix: 16, uppercase: true)
      return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
    return "\"\(body.joined())\""
  }
}
