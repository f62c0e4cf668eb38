import COpenSSL

/// SHA-256 over bytes that come in pieces, by libcrypto (FIPS 180-4).
public struct Sha256: ~Copyable {
  private let context: OpaquePointer

  /// Begins with no bytes.
  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("libcrypto has no SHA-256, or no memory is left")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds bytes to what is hashed.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    let done = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    precondition(done == 1, "libcrypto refuses an update of a live digest")
  }

  /// Adds bytes to what is hashed.
  public mutating func update(_ bytes: some Sequence<UInt8>) {
    let done: Void? = bytes.withContiguousStorageIfAvailable { update(UnsafeRawBufferPointer($0)) }
    if done == nil { Array(bytes).withUnsafeBytes { update($0) } }
  }

  /// The hash of all bytes that were added.
  public consuming func finish() -> Digest {
    var out = [UInt8](repeating: 0, count: 32)
    let done = EVP_DigestFinal_ex(context, &out, nil)
    precondition(done == 1, "libcrypto refuses to finish a live digest")
    return Digest(bytes: out)
  }

  /// The hash of some bytes at once.
  public static func hash(_ bytes: some Sequence<UInt8>) -> Digest {
    var hash = Sha256()
    hash.update(bytes)
    return hash.finish()
  }

  /// 32 bytes.
  public struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// 32 of them.
    public let bytes: [UInt8]
    init(bytes: [UInt8]) { self.bytes = bytes }
    /// One that was stored.
    /// - Returns: nil where it is not 32 bytes.
    public init?(stored bytes: some Collection<UInt8>) {
      guard bytes.count == 32 else { return nil }
      self.bytes = Array(bytes)
    }
    /// 64 characters, lower case.
    public var hex: String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
    /// As cards, answers and reports write it: `sha256:…`.
    public var description: String { "sha256:\(hex)" }
  }
}

/// Whether two secrets are equal, in a time that does not tell where they differ.
public func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
  guard a.count == b.count else { return false }
  return zip(a, b).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
}

/// Bytes from the operating system's generator, by libcrypto.
public func randomBytes(_ count: Int) -> [UInt8] {
  var out = [UInt8](repeating: 0, count: count)
  let done = RAND_bytes(&out, Int32(count))
  precondition(done == 1, "the operating system gives no randomness")
  return out
}
