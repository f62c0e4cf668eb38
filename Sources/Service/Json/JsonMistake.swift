import DitherBasics
import Foundation
import SwiftProtobuf

/// Where a body of JSON says what its message cannot take, as one error: SwiftProtobuf tells the kind of a mistake, and
/// no place.
struct JsonMistake {
  /// As `sampling.samples` or `inputs[0].shape[1]`.
  private(set) var place = ""
  /// In words, by the field's type.
  private(set) var expected: String
  /// The value that came, as it is written.
  private(set) var got: String
  /// nil: there is none of its own.
  private(set) var advice: String?

  /// The place is not looked for in larger bodies: it takes some times what reading takes.
  private static let mostBytes = 1 << 24
  /// So many parts of a list or an object are tried at once.
  private static let mostParts = 4096

  /// - Parameters:
  ///   - error: why SwiftProtobuf has refused the body as `Asked`.
  ///   - whole: the name of the body's own place.
  init<Asked: Message>(_ error: any Error, in body: Data, of _: Asked.Type, at whole: String = "body") {
    let text = JsonText(body), name = Asked.protoMessageName
    (expected, got) = ("\(name) as JSON", "")
    defer { if place.isEmpty { place = whole } }
    if let illegal = text.illegal(isStrict: false) {
      got = illegal
      return
    }
    if body.count <= Self.mostBytes, let root = try? text.root(isStrict: false) {
      // Each part is tried by itself, in the place where it stands.
      let isFound = find(in: text, root, OpenApi.field(ofMessage: name)) { part, open, close in
        (try? Asked(jsonUTF8Bytes: open + Array(part) + close)) == nil
      }
      if isFound { return }
    }
    if case JSONDecodingError.unknownField(let key) = error {
      (expected, got) = ("the fields of \(name)", "'\(key.clipped())'")
      advice = Self.suggestion(key, among: OpenApi.fields(reachedFrom: name))
    } else {
      got = text.illegal(isStrict: true) ?? Self.words(of: error)
    }
  }

  /// Goes down to the first value that is not taken.
  /// - Parameter fails: whether the message does not take a part of the text between what opens and what closes it.
  /// - Returns: whether there is one.
  private mutating func find(
    in text: JsonText, _ root: Range<Int>, _ whole: JsonField,
    _ fails: (_ part: ArraySlice<UInt8>, _ open: [UInt8], _ close: [UInt8]) -> Bool
  ) -> Bool {
    var value = root, field = whole, open: [UInt8] = [], close: [UInt8] = [], path = ""
    search: while true {
      let bracket = text.bytes[value.lowerBound]
      switch (bracket, field.inner) {
      case (UInt8(ascii: "{"), .object(let named)):
        (open, close) = (open + [bracket], [UInt8(ascii: "}")] + close)
        guard let (_, part) = Self.first(in: text, value, { fails($0, open, close) }), let key = part.key else {
          return false
        }
        let token = text.bytes[key]
        let name = (try? JSONDecoder().decode(String.self, from: Data(token))) ?? String(decoding: token, as: UTF8.self)
        guard let next = named.field(name) else {
          (place, expected, got) = (path, named.words, "'\(name.clipped())'")
          advice = Self.suggestion(name, among: named.names)
          return true
        }
        path += (path.isEmpty ? "" : ".") + name.clipped(to: 40)
        open += token
        open.append(UInt8(ascii: ":"))
        (value, field) = (part.value, next)
      case (UInt8(ascii: "["), .array(let item)):
        (open, close) = (open + [bracket], [UInt8(ascii: "]")] + close)
        guard let (at, part) = Self.first(in: text, value, { fails($0, open, close) }) else { return false }
        path += "[\(at)]"
        (value, field) = (part.value, item)
      default: break search
      }
    }
    (place, expected) = (path, field.words)
    got = String(decoding: text.bytes[value].prefix(1000), as: UTF8.self).clipped()
    return true
  }

  /// The first part of a list or an object that fails by itself, and its number.
  private static func first(
    in text: JsonText, _ value: Range<Int>, _ fails: (ArraySlice<UInt8>) -> Bool
  ) -> (Int, JsonText.Part)? {
    var found: (Int, JsonText.Part)?
    try? text.parts(of: value, most: mostParts) { number, parts in
      func fail(_ range: Range<Int>) -> Bool {
        fails(text.bytes[parts[range.lowerBound].start..<parts[range.upperBound - 1].value.upperBound])
      }
      var range = parts.indices
      guard fail(range) else { return true }
      while range.count > 1 {
        let half = range.lowerBound..<range.lowerBound + range.count / 2
        range = fail(half) ? half : half.upperBound..<range.upperBound
      }
      // Some fail in company alone: two of which there may be one.
      if fail(range) { found = (number + range.lowerBound, parts[range.lowerBound]) }
      return false
    }
    return found
  }

  private static func suggestion(_ name: String, among known: [String]) -> String? {
    nearest(to: name, among: known).map { "did you mean '\($0)'?" }
  }

  private static func words(of error: any Error) -> String {
    switch error as? JSONDecodingError {
    case .conflictingOneOf: "two fields of which there may be one"
    case .messageDepthLimit: "values nested too deep"
    case .malformedMap: "a key twice in one map"
    case .numberRange: "a number that its field does not hold"
    case .unrecognizedEnumValue: "a name that its field does not know"
    default: "a value that its field does not take"
    }
  }
}

/// The values that a field takes in JSON.
struct JsonField {
  struct Object {
    /// In words: whose keys there may be.
    let words: String
    /// All that there are; none: it takes any.
    let names: [String]
    /// nil: it has no such field.
    let field: (String) -> JsonField?
  }
  indirect enum Inner {
    case object(Object)
    case array(JsonField)
    case single
  }
  let words: String
  let inner: Inner
}
