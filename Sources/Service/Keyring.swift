import DitherBasics
import DitherStore
import Foundation
import Synchronization

/// The keys whose owners may let models in: a file of public keys of Ed25519, as PEM (`openssl pkey -pubout`) or as
/// lines `ed25519:BASE64`, behind which anything may stand. Empty lines and those that begin with `#` are no keys.
public struct Keyring: Sendable {
  /// Bytes of a file of keys.
  private static let mostBytes = 1 << 20
  private let keys: Set<Ed25519.PublicKey>
  private let known = KnownSignatures()

  /// - Throws: `ServiceFault.configuration` with the line of what is no key, and for a file that cannot be read or has
  ///   none.
  public init(path: String) throws(ServiceError) {
    func refuse(_ place: String, _ expected: String, _ got: String) -> ServiceError {
      ServiceError(
        .configuration, at: place, expected: expected, got: got,
        advice: "write keys one behind the other: openssl pkey -in key.pem -pubout >> keyring.pem")
    }
    guard let bytes = FileManager.default.contents(atPath: path), bytes.count <= Self.mostBytes else {
      throw refuse(path, "a file of at most \(Self.mostBytes) bytes that can be read", "none")
    }
    var keys: Set<Ed25519.PublicKey> = [], block: (start: Int, text: String)?
    let lines = String(decoding: bytes, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (at, line) in lines.map(String.init).enumerated() {
      let words = line.split(whereSeparator: \.isWhitespace), place = "\(path), line \(at + 1)"
      if let open = block {
        block = (open.start, open.text + line + "\n")
        guard line.hasPrefix("-----END") else { continue }
        do throws(KeyError) { keys.insert(try Ed25519.PublicKey(pem: Array((open.text + line + "\n").utf8))) } catch {
          throw refuse("\(path), line \(open.start)", error.expected, error.got)
        }
        block = nil
      } else if line.hasPrefix("-----BEGIN") {
        block = (at + 1, line + "\n")
      } else if let word = words.first, !word.hasPrefix("#") {
        guard word.hasPrefix("ed25519:"), let key = Ed25519.PublicKey(base64: String(word.dropFirst(8))) else {
          throw refuse(place, "a key in PEM, or 'ed25519:BASE64'", "'\(line.clipped(to: 60))'")
        }
        keys.insert(key)
      }
    }
    if let open = block { throw refuse("\(path), line \(open.start)", "a whole key in PEM", "one without an end") }
    guard !keys.isEmpty else { throw refuse(path, "a public key at least", "none") }
    self.keys = keys
  }

  /// Whether one of the signatures is by a key of these, over this very file.
  public func trusts(_ file: BlobID, _ signatures: [FileSignature]) -> Bool {
    signatures.contains { keys.contains($0.key) && known.holds($0, for: file) }
  }

  /// - Throws: `ServiceFault.unsigned` where none of the signatures is by a key of these.
  func check(_ file: BlobID, _ signatures: [FileSignature], at place: String) throws(ServiceError) {
    guard !trusts(file, signatures) else { return }
    let got =
      signatures.isEmpty
      ? "no signature" : "signatures by \(signatures.map { "\($0.key)" }.joined(separator: ", ").clipped())"
    throw ServiceError(
      .unsigned, at: place, expected: "a signature of \(file) by a key of this server's keyring", got: got,
      advice: "sign it: dither models sign, or dither upload --sign-key")
  }
}

/// Signatures that were seen to hold: a list of a thousand models asks of as many, each time.
private final class KnownSignatures: Sendable {
  private struct Known: Hashable {
    var file: BlobID
    var key: Ed25519.PublicKey
    var bytes: [UInt8]
  }
  private static let most = 10_000
  private let all = Mutex<Set<Known>>([])

  func holds(_ signature: FileSignature, for file: BlobID) -> Bool {
    let asked = Known(file: file, key: signature.key, bytes: signature.bytes)
    if all.withLock({ $0.contains(asked) }) { return true }
    guard signature.holds(for: file) else { return false }
    all.withLock { all in
      if all.count >= Self.most { all = [] }
      all.insert(asked)
    }
    return true
  }
}
