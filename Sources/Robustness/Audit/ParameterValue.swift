import DitherBasics
import Foundation

/// A parameter in a report or in a list of defaults.
public enum ParameterValue: Codable, Sendable, Hashable, CustomStringConvertible {
  case truth(Bool)
  case integer(Int)
  case number(Double)
  case text(String)

  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let truth = try? value.decode(Bool.self) {
      self = .truth(truth)
    } else if let integer = try? value.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try value.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .truth(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    }
  }

  public var description: String {
    switch self {
    case .truth(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): Self.written(value)
    case .text(let value): value
    }
  }

  /// 8/255 where that is what a person would write, else the shortest decimal.
  package static func written(_ value: Double) -> String {
    let level = (value * 255).rounded(), isShort = (value * 1000).rounded() == value * 1000
    // To the last digit: what is written gives the same number again.
    if !isShort, level > 0, level < 255, level / 255 == value { return "\(Int(level))/255" }
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// The properties of a value of parameters, by coded name.
  static func all(of value: any Encodable) -> [String: ParameterValue] {
    guard let data = try? JSONEncoder().encode(value) else { return [:] }
    return (try? JSONDecoder().decode([String: ParameterValue].self, from: data)) ?? [:]
  }
}
