import DitherBasics

/// How a caller says which model: `name`, `name@version`, `name:alias`, or the file's digest `sha256:…`.
public enum ModelReference: Hashable, Sendable, CustomStringConvertible {
  /// The newest version of a name.
  case newest(String)
  case version(String, Int64)
  case alias(String, String)
  case digest(BlobID)

  /// - Throws: `StoreFault.badName` for what is none of these.
  public init(_ text: String) throws(StoreError) {
    if text.hasPrefix("sha256:") {
      self = .digest(try BlobID(text))
      return
    }
    guard let mark = text.firstIndex(where: { $0 == "@" || $0 == ":" }) else {
      try Self.check(name: text, "model")
      self = .newest(text)
      return
    }
    let name = String(text[..<mark]), rest = String(text[text.index(after: mark)...])
    try Self.check(name: name, "model")
    if text[mark] == ":" {
      try Self.check(name: rest, "alias")
      self = .alias(name, rest)
    } else {
      guard let version = Int64(rest), version > 0 else {
        throw StoreError(
          .badName, at: "model", expected: "name@version with a version from 1", got: "'\(text.clipped())'",
          advice: "an alias is written \(name):ALIAS")
      }
      self = .version(name, version)
    }
  }

  /// The model's name; nil: it is for the digest to say.
  public var name: String? {
    switch self {
    case .newest(let name), .version(let name, _), .alias(let name, _): name
    case .digest: nil
    }
  }

  public var description: String {
    switch self {
    case .newest(let name): name
    case .version(let name, let version): "\(name)@\(version)"
    case .alias(let name, let alias): "\(name):\(alias)"
    case .digest(let blob): "\(blob)"
    }
  }

  /// Names of models and aliases: 1 to 64 letters, digits, `-`, `_` and `.`, the first a letter or digit. They are used
  /// in paths, so nothing else will do.
  public static func check(name: String, _ field: String) throws(StoreError) {
    let bytes = Array(name.utf8)
    let plain = bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
    guard (1...64).contains(bytes.count), plain, let first = bytes.first, isAlphanumeric(first) else {
      throw StoreError(
        .badName, at: field, expected: "1 to 64 letters, digits, '-', '_' or '.', the first a letter or digit",
        got: "'\(name.clipped())'")
    }
  }

  /// A new alias is a name, and no number, which the Open Inference Protocol takes for a version.
  public static func check(alias: String, _ field: String) throws(StoreError) {
    try check(name: alias, field)
    guard alias.utf8.contains(where: { !(0x30...0x39).contains($0) }) else {
      throw StoreError(
        .badName, at: field, expected: "a name that is no number: that is a version", got: "'\(alias)'",
        advice: "put a letter before it: 'v\(alias)'")
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
}
