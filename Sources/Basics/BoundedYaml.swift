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
  /// - Throws: `YamlTextFault.malformed` where it is no YAML or has keys that are no words, `tooLarge` beyond the bounds.
  public static func compose(_ text: String, at place: String) throws(YamlTextError) -> Node? {
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch {
      throw YamlTextError(.malformed, at: place, expected: "YAML", got: "\(error)".clipped(to: 300))
    }
    if let root { try check(root, at: place) }
    return root
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
    guard let root = try compose(text, at: place), root.null == nil else { return [] }
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
      entries.append(Entry(key: name, value: Setting(value.any), text: value.scalar?.string, line: line))
    }
    return entries
  }
}
