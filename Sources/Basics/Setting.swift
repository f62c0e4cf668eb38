/// A value as a person or a file writes it: what recipes, requests and `metadata_props` say before it is known what
/// they mean.
public enum Setting: Sendable, Equatable {
  case none
  case flag(Bool)
  case number(Double)
  case text(String)
  case list([Setting])
  case mapping([String: Setting])

  /// - Parameter value: what a reader of YAML gives: nil, `Bool`, `Int`, `Double`, `String`, an array or a dictionary
  ///   of these.
  public init(_ value: Any?) {
    switch value {
    case let flag as Bool: self = .flag(flag)
    case let number as Int: self = .number(Double(number))
    case let number as Double: self = .number(number)
    case let text as String: self = .text(text)
    case let list as [Any]: self = .list(list.map { Setting($0) })
    case let mapping as [String: Any]: self = .mapping(mapping.mapValues { Setting($0) })
    case let other?: self = .text("\(other)")
    case nil: self = .none
    }
  }

  /// A finite number, also where it is written as text or as a quotient.
  public var asNumber: Double? {
    switch self {
    case .number(let number): number.isFinite ? number : nil
    case .text(let text): Parameters.number(text)
    default: nil
    }
  }

  /// The text; nil for a value of any other kind.
  public var asText: String? {
    if case .text(let text) = self { text } else { nil }
  }
}

extension Setting: CustomStringConvertible {
  /// As a person would write it.
  public var description: String {
    switch self {
    case .none: "none"
    case .flag(let flag): flag ? "true" : "false"
    case .number(let number):
      number.rounded() == number && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
    case .text(let text): text
    case .list(let list): "[\(list.map(\.description).joined(separator: ", "))]"
    case .mapping(let map):
      "{\(map.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))}"
    }
  }
}

extension Setting: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .none
    } else if let flag = try? container.decode(Bool.self) {
      self = .flag(flag)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let list = try? container.decode([Setting].self) {
      self = .list(list)
    } else {
      self = .mapping(try container.decode([String: Setting].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .none: try container.encodeNil()
    case .flag(let flag): try container.encode(flag)
    // A whole number is written as one.
    case .number(let number) where number.rounded() == number && abs(number) < 1e15: try container.encode(Int64(number))
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    case .list(let list): try container.encode(list)
    case .mapping(let map): try container.encode(map)
    }
  }
}
