import COpenSSL
import DitherBasics
import Foundation

/// A certificate authority of one's own, made on the first start, so that even that one is encrypted: a CA, and a
/// server certificate for this machine that it has signed. P-256 keys, X.509 v3 (RFC 5280), by libcrypto.
public struct SelfSignedAuthority: Sendable {
  /// The authority's certificate, which clients are given to trust.
  public let authority: String
  /// Certificate and key that it made.
  public let files: TlsSource.Files

  private static let years = 10

  /// Uses what is in `folder`, or makes it.
  public init(in folder: URL) throws(TransportError) {
    let ca = folder.appending(path: "ca.pem").path, certificate = folder.appending(path: "server.pem").path
    let key = folder.appending(path: "server.key").path
    authority = ca
    files = TlsSource.Files(certificate: certificate, key: key)
    let exist = [ca, certificate, key].map { FileManager.default.fileExists(atPath: $0) }
    if exist.allSatisfy({ $0 }) { return }
    do {
      try FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw TransportError(
        .tls, at: folder.path, expected: "a folder for certificates", got: error.localizedDescription)
    }
    let rootKey = try Self.newKey(), serverKey = try Self.newKey()
    defer {
      EVP_PKEY_free(rootKey)
      EVP_PKEY_free(serverKey)
    }
    // The CA's key signs this one certificate and is forgotten: nothing that could leak stays behind.
    let root = try Self.certificate(
      "Dither local CA", key: rootKey, issuer: nil, signer: rootKey,
      [(NID_basic_constraints, "critical,CA:TRUE,pathlen:0"), (NID_key_usage, "critical,keyCertSign,cRLSign")])
    defer { X509_free(root) }
    let server = try Self.certificate(
      "localhost", key: serverKey, issuer: root, signer: rootKey,
      [
        (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
        (NID_ext_key_usage, "serverAuth"), (NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"),
      ])
    defer { X509_free(server) }
    try Self.write(ca) { PEM_write_bio_X509($0, root) }
    try Self.write(certificate) { PEM_write_bio_X509($0, server) }
    try Self.write(key, for: .owner) { PEM_write_bio_PrivateKey($0, serverKey, nil, nil, 0, nil, nil) }
  }

  private static func failed(_ what: String) -> TransportError {
    TransportError(.tls, at: "certificates of the first start", expected: "libcrypto to \(what)", got: "an error")
  }

  private static func newKey() throws(TransportError) -> OpaquePointer {
    guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { throw failed("make a key") }
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1,
      EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1, EVP_PKEY_keygen(context, &key) == 1,
      let key
    else { throw failed("make a key") }
    return key
  }

  private static func certificate(
    _ name: String, key: OpaquePointer, issuer: OpaquePointer?, signer: OpaquePointer, _ extensions: [(Int32, String)]
  ) throws(TransportError) -> OpaquePointer {
    guard let x = X509_new() else { throw failed("make a certificate") }
    // 159 random bits: positive, as RFC 5280 asks of serial numbers.
    var serial = randomBytes(20)
    serial[0] &= 0x7F
    let number = BN_bin2bn(serial, Int32(serial.count), nil)
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x))
    BN_free(number)
    X509_set_version(x, 2)
    X509_gmtime_adj(X509_getm_notBefore(x), -3600)  // clocks differ
    X509_gmtime_adj(X509_getm_notAfter(x), years * 365 * 86_400)
    X509_set_pubkey(x, key)
    let subject = X509_get_subject_name(x)
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0)
    X509_set_issuer_name(x, issuer.map { X509_get_subject_name($0) } ?? subject)
    for (nid, value) in extensions {
      var context = X509V3_CTX()
      X509V3_set_ctx(&context, issuer ?? x, x, nil, nil, 0)
      guard let made = X509V3_EXT_conf_nid(nil, &context, nid, value) else { throw failed("write '\(value)'") }
      X509_add_ext(x, made, -1)
      X509_EXTENSION_free(made)
    }
    guard X509_sign(x, signer, EVP_sha256()) > 0 else { throw failed("sign a certificate") }
    return x
  }

  private static func write(
    _ path: String, for readers: WholeFile.Readers = .anybody, _ body: (OpaquePointer) -> Int32
  ) throws(TransportError) {
    guard let bio = BIO_new(BIO_s_mem()) else { throw failed("write \(path)") }
    defer { BIO_free(bio) }
    guard body(bio) == 1 else { throw failed("write \(path)") }
    var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(bio))
    guard Int(BIO_read(bio, &bytes, Int32(bytes.count))) == bytes.count else { throw failed("write \(path)") }
    do throws(FileError) { try WholeFile.write(bytes, to: path, for: readers) } catch {
      throw TransportError(.tls, at: error.place, expected: error.expected, got: error.got)
    }
  }
}
