import COpenSSL
import Foundation
import NIOCore
import NIOSSL

/// The names in a client's certificate, which a client CA has signed.
public struct ClientCertificate: Sendable, Equatable {
  /// The subject's; nil: it has none, or more than one.
  public var commonName: String?
  /// All URIs among the subject's alternative names.
  public var uris: [String]
  /// - Parameter uris: of the subject's alternative names.
  public init(commonName: String?, uris: [String] = []) {
    self.commonName = commonName
    self.uris = uris
  }

  /// Bytes of a name, and how many there may be: a longer one and those beyond are left out.
  private static let longestName = 512, mostNames = 16

  /// - Parameter der: of a certificate that was verified. Source: RFC 5280, 4.1.2.6 and 4.2.1.6.
  init?(der: [UInt8]) {
    let names = der.withUnsafeBufferPointer { bytes -> (String?, [String])? in
      var at = bytes.baseAddress
      guard let parsed = d2i_X509(nil, &at, bytes.count) else { return nil }
      defer { X509_free(parsed) }
      return (Self.commonName(of: parsed), Self.uris(of: parsed))
    }
    guard let names else { return nil }
    (commonName, uris) = names
  }

  private static func commonName(of certificate: OpaquePointer) -> String? {
    let subject = X509_get_subject_name(certificate), at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
    // Each reader takes another one of several.
    guard at >= 0, X509_NAME_get_index_by_NID(subject, NID_commonName, at) < 0,
      let data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))
    else { return nil }
    var text: UnsafeMutablePointer<UInt8>?
    let length = ASN1_STRING_to_UTF8(&text, data)
    guard length > 0, let text else { return nil }
    defer { CRYPTO_free(text, nil, 0) }
    return name(UnsafeBufferPointer(start: text, count: Int(length)))
  }

  private static func uris(of certificate: OpaquePointer) -> [String] {
    guard let names = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
    let stack = OpaquePointer(names)
    defer { GENERAL_NAMES_free(stack) }
    return (0..<max(0, min(OPENSSL_sk_num(stack), Int32(mostNames)))).compactMap { at in
      guard let entry = OPENSSL_sk_value(stack, at) else { return nil }
      var kind: Int32 = 0
      let value = GENERAL_NAME_get0_value(entry.assumingMemoryBound(to: GENERAL_NAME.self), &kind)
      guard kind == GEN_URI, let value else { return nil }
      let text = value.assumingMemoryBound(to: ASN1_STRING.self)
      return name(UnsafeBufferPointer(start: ASN1_STRING_get0_data(text), count: Int(ASN1_STRING_length(text))))
    }
  }

  /// Nothing that a reader of logs or another program would take for something else.
  private static func name(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    guard bytes.count <= longestName, let text = String(validating: bytes, as: UTF8.self) else { return nil }
    return text.isEmpty || text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
      ? nil : text
  }
}

extension Channel {
  /// The client's certificate, once TLS has verified it.
  var clientCertificate: ClientCertificate? {
    guard let handler = try? pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
      let certificate = handler.peerCertificate, let der = try? certificate.toDERBytes()
    else { return nil }
    return ClientCertificate(der: der)
  }
}
