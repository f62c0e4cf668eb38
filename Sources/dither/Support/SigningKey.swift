import DitherBasics
import DitherProto
import DitherStore
import Foundation

/// The key with which a command signs a model's file.
struct SigningKey {
  private let key: Ed25519.PrivateKey

  /// - Parameter path: of a private key in PEM, without a pass phrase.
  init(_ path: String) throws {
    key = try ReadFile.naming(path) { try Ed25519.PrivateKey(pem: FileArray.read(path)) }
  }

  /// - Parameter digest: `sha256:…`, of the file.
  func signature(of digest: String) throws -> FileSignature { FileSignature(of: try BlobID(digest), by: key) }
}

extension Dither_V1_FileSignature {
  init(_ signature: FileSignature) {
    self.init()
    publicKey = signature.key.base64
    self.signature = Data(signature.bytes)
  }
}
