import COpenSSL
import Foundation

/// Signatures by Ed25519 (RFC 8032), by libcrypto. The same key and bytes give the same signature.
public enum Ed25519 {
  /// A key that signs. RFC 8032.
  public struct PrivateKey: Sendable {
    /// The seed of RFC 8032, 5.1.5.
    private let seed: [UInt8]
    /// For those who check.
    public let publicKey: PublicKey

    /// A new one.
    public init() { self.init(seed: randomBytes(32)) }

    private init(seed: [UInt8]) {
      self.seed = seed
      var bytes = [UInt8](repeating: 0, count: 32), count = 32
      let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
      defer { EVP_PKEY_free(key) }
      let done = key.map { EVP_PKEY_get_raw_public_key($0, &bytes, &count) }
      precondition(done == 1 && count == 32, "libcrypto has no Ed25519, or no memory is left")
      publicKey = PublicKey(raw: bytes)
    }

    /// - Parameter pem: as `openssl genpkey -algorithm ed25519` writes it, not encrypted.
    public init(pem: [UInt8]) throws(KeyError) {
      guard
        let seed = Ed25519.raw(
          pem, { PEM_read_bio_PrivateKey($0, nil, noPassPhrase, nil) }, EVP_PKEY_get_raw_private_key)
      else {
        throw KeyError(
          .malformed, at: "private key", expected: "an Ed25519 key in PEM, without a pass phrase",
          got: "something else",
          advice: "make one: openssl genpkey -algorithm ed25519 -out report-key.pem")
      }
      self.init(seed: seed)
    }

    /// The key in a file; where there is none, a new one, and its public half beside it (`report-key.pem`,
    /// `report-key.pub.pem`).
    public init(openOrMake path: String) throws(KeyError) {
      if !FileManager.default.fileExists(atPath: path), let made = try Self.made(at: path) {
        self = made
        return
      }
      guard let found = FileManager.default.contents(atPath: path) else {
        throw KeyError(.unreadable, at: path, expected: "a key file that can be read", got: "one that cannot")
      }
      try self.init(pem: [UInt8](found))
    }

    /// A new one, with its files.
    /// - Returns: nil where another process was the first to make it.
    private static func made(at path: String) throws(KeyError) -> PrivateKey? {
      let key = PrivateKey()
      do throws(FileError) {
        guard try WholeFile.create(Array(key.pem.utf8), at: path, for: .owner) else { return nil }
        try WholeFile.write(Array(key.publicKey.pem.utf8), to: publicPath(of: path))
        return key
      } catch {
        throw KeyError(.unwritable, at: error.place, expected: "a key file that can be made", got: error.got)
      }
    }

    /// Where the public half of a key in a file is.
    public static func publicPath(of path: String) -> String {
      (path.hasSuffix(".pem") ? String(path.dropLast(4)) : path) + ".pub.pem"
    }

    /// - Returns: 64 bytes; the same message gives the same signature.
    public func sign(_ bytes: [UInt8]) -> [UInt8] {
      var signature = [UInt8](repeating: 0, count: 64), count = 64
      let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count), context = EVP_MD_CTX_new()
      defer {
        EVP_MD_CTX_free(context)
        EVP_PKEY_free(key)
      }
      let done =
        EVP_DigestSignInit(context, nil, nil, nil, key) == 1
        && EVP_DigestSign(context, &signature, &count, bytes, bytes.count) == 1
      precondition(done && count == 64, "libcrypto refuses to sign with a live key")
      return signature
    }

    var pem: String {
      let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
      defer { EVP_PKEY_free(key) }
      return Ed25519.written { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }
  }

  /// A key that checks. RFC 8032.
  public struct PublicKey: Sendable, Hashable, CustomStringConvertible {
    /// 32, as RFC 8032 encodes a point.
    public let bytes: [UInt8]

    fileprivate init(raw: [UInt8]) { bytes = raw }

    /// - Returns: nil for anything but the base64 of 32 bytes that are a key.
    public init?(base64: String) {
      guard let found = Data(base64Encoded: base64), found.count == 32 else { return nil }
      bytes = [UInt8](found)
      if isOfSmallOrder { return nil }
    }

    /// Points of order 8 and less, as libsodium's list has them: anybody's signature holds for any message.
    private var isOfSmallOrder: Bool {
      var point = bytes
      point[31] &= 0x7f
      return smallOrderPoints.contains(point)
    }

    /// - Throws: when the text is no PEM of an Ed25519 public key.
    public init(pem: [UInt8]) throws(KeyError) {
      guard
        let found = Ed25519.raw(pem, { PEM_read_bio_PUBKEY($0, nil, noPassPhrase, nil) }, EVP_PKEY_get_raw_public_key)
      else {
        throw KeyError(
          .malformed, at: "public key", expected: "an Ed25519 key in PEM", got: "something else",
          advice: "write one: openssl pkey -in report-key.pem -pubout")
      }
      bytes = found
      guard !isOfSmallOrder else {
        throw KeyError(
          .malformed, at: "public key", expected: "a key that one seed alone signs for", got: "a point of small order")
      }
    }

    /// The 32 bytes.
    public var base64: String { Data(bytes).base64EncodedString() }
    /// As reports and `dither verify` show it.
    public var description: String { "ed25519:\(base64)" }

    /// As `openssl pkey -pubout` writes it.
    public var pem: String {
      let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count)
      defer { EVP_PKEY_free(key) }
      return Ed25519.written { PEM_write_bio_PUBKEY($0, key) }
    }

    /// Whether the signature is this key's over exactly these bytes.
    public func hasSigned(_ message: [UInt8], _ signature: [UInt8]) -> Bool {
      let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count), context = EVP_MD_CTX_new()
      defer {
        EVP_MD_CTX_free(context)
        EVP_PKEY_free(key)
        ERR_clear_error()
      }
      return EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
        && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
  }

  // MARK: PEM

  /// The 32 bytes of a key in PEM; nil for anything else.
  private static func raw(
    _ pem: [UInt8], _ read: (OpaquePointer) -> OpaquePointer?,
    _ get: (OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>?) -> Int32
  ) -> [UInt8]? {
    guard pem.count < 1 << 16, let bio = BIO_new_mem_buf(pem, Int32(pem.count)) else { return nil }
    defer {
      BIO_free(bio)
      ERR_clear_error()
    }
    guard let key = read(bio) else { return nil }
    defer { EVP_PKEY_free(key) }
    var bytes = [UInt8](repeating: 0, count: 32), count = 32
    guard EVP_PKEY_get_id(key) == EVP_PKEY_ED25519, get(key, &bytes, &count) == 1, count == 32 else { return nil }
    return bytes
  }

  private static func written(_ write: (OpaquePointer) -> Int32) -> String {
    guard let bio = BIO_new(BIO_s_mem()) else { preconditionFailure("no memory is left") }
    defer { BIO_free(bio) }
    let done = write(bio)
    precondition(done == 1, "libcrypto refuses to write a live key")
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = BIO_read(bio, &bytes, Int32(bytes.count))
    return String(decoding: bytes[..<max(Int(count), 0)], as: UTF8.self)
  }
}

/// Encodings of the points of small order, without the sign: 0 and 1, the two of order 8, and p - 1, p and p + 1.
private let smallOrderPoints: Set<[UInt8]> = {
  let top = [UInt8](repeating: 0xff, count: 30) + [0x7f], none = [UInt8](repeating: 0, count: 31)
  let eighth: [UInt8] = [
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac,
    0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
  ]
  let other: [UInt8] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53,
    0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
  ]
  return [[0] + none, [1] + none, eighth, other, [0xec] + top, [0xed] + top, [0xee] + top]
}()

/// Without it libcrypto would ask the terminal for a pass phrase.
private func noPassPhrase(
  _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }

/// Faults of a key's file.
public enum KeyFault: FaultCode {
  case malformed, unreadable, unwritable
  /// A file that is no key is the caller's mistake.
  public var category: FaultCategory { .invalidArgument }
}
/// An error of a key's file.
public typealias KeyError = Fault<KeyFault>
