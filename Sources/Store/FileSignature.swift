import DitherBasics
import Foundation

/// A signature by Ed25519 (RFC 8032) over a file's digest: whoever has the key stands for these bytes, under whatever
/// name.
public struct FileSignature: Sendable, Equatable, CustomStringConvertible {
  /// The signer's.
  public var key: Ed25519.PublicKey
  /// 64 bytes.
  public var bytes: [UInt8]

  /// - Parameter bytes: as they came; `holds(for:)` says whether they are a signature.
  public init(key: Ed25519.PublicKey, bytes: [UInt8]) {
    self.key = key
    self.bytes = bytes
  }

  /// Signs a file by its digest.
  public init(of file: BlobID, by key: Ed25519.PrivateKey) {
    self.init(key: key.publicKey, bytes: key.sign(Self.message(file)))
  }

  /// The bytes that are signed: `dither model sha256:` and 64 hexadecimal digits, so that no signature of anything else
  /// is one of a model.
  public static func message(_ file: BlobID) -> [UInt8] { Array("dither model \(file)".utf8) }

  /// Whether it is its key's, over this file's digest.
  public func holds(for file: BlobID) -> Bool { bytes.count == 64 && key.hasSigned(Self.message(file), bytes) }

  /// A line of a file of signatures: `ed25519:KEY SIGNATURE`, both in base64.
  public var description: String { "\(key) \(Data(bytes).base64EncodedString())" }

  /// - Parameter line: as `description` has it.
  /// - Throws: `.badDigest` for anything else.
  public init(line: some StringProtocol) throws(StoreError) {
    let parts = line.split(whereSeparator: \.isWhitespace)
    guard parts.count == 2, parts[0].hasPrefix("ed25519:"),
      let key = Ed25519.PublicKey(base64: String(parts[0].dropFirst(8))),
      let bytes = Data(base64Encoded: String(parts[1])), bytes.count == 64
    else {
      throw StoreError(
        .badDigest, at: "signature", expected: "a line 'ed25519:KEY SIGNATURE' in base64",
        got: "'\(String(line).clipped(to: 60))'", advice: "dither models sign writes them")
    }
    self.init(key: key, bytes: [UInt8](bytes))
  }

  /// Signatures of one file at most.
  public static let most = 16

  /// The signatures in a text, a line each; empty lines and those that begin with `#` are none.
  /// - Throws: `.badDigest` for a line that is none, or more than there may be.
  public static func lines(_ text: String) throws(StoreError) -> [FileSignature] {
    var found: [FileSignature] = []
    for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") && !line.allSatisfy(\.isWhitespace) {
      found.append(try FileSignature(line: line))
      try check(count: found.count)
    }
    return found
  }

  /// - Throws: `.badSize`.
  public static func check(count: Int) throws(StoreError) {
    guard count <= most else {
      throw StoreError(.badSize, at: "signatures", expected: "at most \(most) of a file", got: "\(count)")
    }
  }
}

/// A signature on record.
public struct StoredSignature: Sendable, Equatable {
  /// As its signer made it.
  public var signature: FileSignature
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// The caller's name.
  public var createdBy: String
}
