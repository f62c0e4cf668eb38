import DitherBasics
import Foundation

/// The output of `--json`: one object, keys in snake case, numbers with all their digits.
enum Json {
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  static func print(_ value: some Encodable) throws { show(Data(try text(value).utf8)) }

  /// JSON that was made elsewhere, a report's.
  static func show(_ json: some Sequence<UInt8>) { Swift.print(String(decoding: Array(json), as: UTF8.self).jsonShown) }
}

/// JSON from elsewhere (a card, a report), passed on with its keys as they are.
enum JsonValue: Codable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JsonValue])
  case object([String: JsonValue])

  /// nil when `text` is empty or no JSON.
  init?(text: String) {
    guard !text.isEmpty, let value = try? JSONDecoder().decode(JsonValue.self, from: Data(text.utf8)) else {
      return nil
    }
    self = value
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JsonValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JsonValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    switch self {
    case .object(let members):
      // As a dictionary, whose keys no strategy of the encoder changes.
      var container = encoder.singleValueContainer()
      try container.encode(members)
    case .array(let elements):
      var container = encoder.unkeyedContainer()
      for element in elements { try container.encode(element) }
    default:
      var container = encoder.singleValueContainer()
      try encodeScalar(into: &container)
    }
  }

  private func encodeScalar(into container: inout any SingleValueEncodingContainer) throws {
    switch self {
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    default: try container.encodeNil()
    }
  }

  /// On one line.
  var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  subscript(_ key: String) -> JsonValue? {
    if case .object(let members) = self { members[key] } else { nil }
  }
  var elements: [JsonValue] { if case .array(let elements) = self { elements } else { [] } }
  var double: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }
  var string: String? { if case .string(let value) = self { value } else { nil } }
}
