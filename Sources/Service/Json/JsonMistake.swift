import DitherBasics
import Foundation
import SwiftProtobuf

/// Where a body of JSON says what its message cannot take: SwiftProtobuf tells the kind of a mistake, and no place.
struct JsonMistake {
  /// As `sampling.samples` or `inputs[0].shape[1]`.
  let place: String
  /// In words, by the field's type.
  let expected: String
  /// The value that came, as it is written.
  let got: String

  /// The place is not looked for in larger bodies: it takes some times what reading takes.
  private static let mostBytes = 1 << 18

  /// - Parameter body: what SwiftProtobuf has refused as `Asked`.
  /// - Returns: nil where no single value is at fault, or the text is no JSON.
  init?<Asked: Message>(in body: Data, of _: Asked.Type) {
    guard body.count <= Self.mostBytes, let root = JsonSlice(body) else { return nil }
    // Each part is tried by itself, in the place where it stands.
    func fails(_ part: some Sequence<UInt8>, _ open: [UInt8], _ close: [UInt8]) -> Bool {
      (try? Asked(jsonUTF8Bytes: open + Array(part) + close)) == nil
    }
    var place = "", field = OpenApi.field(ofMessage: Asked.protoMessageName), node = root, open: [UInt8] = []
    var close: [UInt8] = []
    search: while true {
      switch (node.content, field.inner) {
      case (.object(let members), .object(let named)):
        for (key, value) in members {
          let before = open + [UInt8(ascii: "{")] + Array(key.text.utf8) + [UInt8(ascii: ":")]
          guard fails(value.bytes, before, [UInt8(ascii: "}")] + close), let next = named(key.name) else { continue }
          (open, close) = (before, [UInt8(ascii: "}")] + close)
          place += place.isEmpty ? key.name : ".\(key.name)"
          (node, field) = (value, next)
          continue search
        }
        return nil
      case (.array(let items), .array(let item)):
        (open, close) = (open + [UInt8(ascii: "[")], [UInt8(ascii: "]")] + close)
        var range = items.indices
        while range.count > 1 {
          let half = range.lowerBound..<range.lowerBound + range.count / 2
          let part = items[half].map { Array($0.bytes) }.joined(separator: [UInt8(ascii: ",")])
          range = fails(part, open, close) ? half : half.upperBound..<range.upperBound
        }
        guard let at = range.first, fails(items[at].bytes, open, close) else { return nil }
        place += "[\(at)]"
        (node, field) = (items[at], item)
      default: break search
      }
    }
    guard !place.isEmpty || !node.isObject else { return nil }
    self.place = place.isEmpty ? "body" : place
    expected = field.words
    got = String(decoding: node.bytes, as: UTF8.self).clipped()
  }
}

/// The values that a field takes in JSON.
struct JsonField {
  indirect enum Inner {
    /// nil: it has no such field.
    case object((String) -> JsonField?)
    case array(JsonField)
    case single
  }
  let words: String
  let inner: Inner
}

/// A value of a JSON text as it is written, with its parts.
private struct JsonSlice {
  struct Key {
    /// With its quotes.
    var text: String
    var name: String
  }
  enum Content {
    case object([(Key, JsonSlice)])
    case array([JsonSlice])
    case single
  }
  let bytes: ArraySlice<UInt8>
  let content: Content

  var isObject: Bool { if case .object = content { true } else { false } }

  /// - Returns: nil where the text is no JSON, as far as its brackets and commas go.
  init?(_ text: Data) {
    var reader = Reader(bytes: Array(text))
    guard let root = reader.value(depth: 0) else { return nil }
    reader.skip()
    guard reader.at == reader.bytes.count else { return nil }
    self = root
  }

  private init(_ bytes: ArraySlice<UInt8>, _ content: Content) { (self.bytes, self.content) = (bytes, content) }

  private struct Reader {
    let bytes: [UInt8]
    var at = 0
    /// SwiftProtobuf's own bound is 100.
    static let mostDepth = 128

    mutating func skip() { while at < bytes.count, [9, 10, 13, 32].contains(bytes[at]) { at += 1 } }

    private mutating func takes(_ character: Unicode.Scalar) -> Bool {
      skip()
      guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
      at += 1
      return true
    }

    mutating func value(depth: Int) -> JsonSlice? {
      skip()
      guard at < bytes.count, depth < Self.mostDepth else { return nil }
      let start = at
      if takes("{") {
        var members: [(Key, JsonSlice)] = []
        if takes("}") { return JsonSlice(bytes[start..<at], .object(members)) }
        repeat {
          skip()
          let from = at
          guard string(), case let token = bytes[from..<at], takes(":"), let next = value(depth: depth + 1) else {
            return nil
          }
          let name = try? JSONDecoder().decode(String.self, from: Data(token))
          let text = String(decoding: token, as: UTF8.self)
          members.append((Key(text: text, name: name ?? text), next))
        } while takes(",")
        return takes("}") ? JsonSlice(bytes[start..<at], .object(members)) : nil
      }
      if takes("[") {
        var items: [JsonSlice] = []
        if takes("]") { return JsonSlice(bytes[start..<at], .array(items)) }
        repeat {
          guard let next = value(depth: depth + 1) else { return nil }
          items.append(next)
        } while takes(",")
        return takes("]") ? JsonSlice(bytes[start..<at], .array(items)) : nil
      }
      if bytes[at] == UInt8(ascii: "\"") { return string() ? JsonSlice(bytes[start..<at], .single) : nil }
      while at < bytes.count, !",]}: \t\r\n[{\"".utf8.contains(bytes[at]) { at += 1 }
      return at > start ? JsonSlice(bytes[start..<at], .single) : nil
    }

    private mutating func string() -> Bool {
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { return false }
      at += 1
      while at < bytes.count, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
      at += 1
      return at <= bytes.count
    }
  }
}
