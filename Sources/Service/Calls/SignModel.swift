import DitherBasics
import DitherProto
import DitherStore
import DitherTransport
import Foundation

/// `Registry/SignModel`: keeps a signature of a version's file.
package struct SignModelCall: UnaryCall {
  package static let method = Dither_V1_Registry.signModel
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_SignModelRequest, _ caller: Caller) async throws -> Dither_V1_Model {
    let version = try await registry.resolveNow(request.model, for: caller.scope),
      signature = try FileSignature(request.signature)
    try UploadRules.check([signature], of: version.blob)
    return try await Dither_V1_Model(registry.sign(version, signature, by: caller.name), in: registry)
  }
}

extension FileSignature {
  /// - Throws: `.badField` where its key or its bytes cannot be any signature's.
  package init(_ message: Dither_V1_FileSignature) throws(ServiceError) {
    guard let key = Ed25519.PublicKey(base64: message.publicKey) else {
      throw ServiceError(
        .badField, at: "public_key", expected: "the base64 of an Ed25519 key's 32 bytes",
        got: "'\(message.publicKey.clipped())'")
    }
    guard message.signature.count == 64 else {
      throw ServiceError(.badField, at: "signature", expected: "64 bytes", got: "\(message.signature.count)")
    }
    self.init(key: key, bytes: [UInt8](message.signature))
  }
}

extension Dither_V1_Model.SignedBy {
  init(_ stored: StoredSignature, of file: BlobID, _ keyring: Keyring?) {
    self.init()
    signature.publicKey = stored.signature.key.base64
    signature.signature = Data(stored.signature.bytes)
    createdMs = stored.createdMilliseconds
    createdBy = stored.createdBy
    trusted = keyring?.trusts(file, [stored.signature]) ?? false
  }
}
