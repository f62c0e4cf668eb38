import DitherBasics

/// The SHA-256 of a file: its name in the store.
public struct BlobID: Hashable, Sendable, Codable, CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  public let hex: String

  public init(_ digest: Sha256.Digest) { hex = digest.hex }

  /// - Parameter text: hexadecimal, with or without `sha256:` before it.
  /// - Throws: `StoreFault.badDigest`.
  public init(_ text: String) throws(StoreError) {
    let digits = (text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]).lowercased()
    guard digits.utf8.count == 64, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
      throw StoreError(.badDigest, at: "sha256", expected: "64 hexadecimal digits", got: "'\(text.clipped())'")
    }
    hex = digits
  }

  /// 32 bytes.
  public var bytes: [UInt8] {
    stride(from: 0, to: 64, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
  }

  public init(from decoder: any Decoder) throws { try self.init(String(from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try hex.encode(to: encoder) }

  /// As cards, answers and reports write it.
  public var description: String { "sha256:\(hex)" }
}
