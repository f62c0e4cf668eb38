import DitherBasics
import Foundation
import Logging
import NIOSSL
import Synchronization

/// A server's certificate from files, read again when they change.
public final class TlsSource: Sendable {
  /// Paths of PEM files.
  public struct Files: Sendable, Equatable {
    /// With the chain behind it.
    public var certificate: String
    /// The certificate's.
    public var key: String
    /// Given: clients must show a certificate that it has signed.
    public var clientAuthority: String?
    /// - Parameter clientAuthority: whose client certificates are taken; nil: none are asked for.
    public init(certificate: String, key: String, clientAuthority: String? = nil) {
      self.certificate = certificate
      self.key = key
      self.clientAuthority = clientAuthority
    }
  }

  /// The oldest version that is spoken.
  public enum Version: String, Sendable, CaseIterable {
    case tls12 = "1.2"
    case tls13 = "1.3"
  }

  /// Suites of TLS 1.2, where that is spoken: an ephemeral key and authenticated encryption, as RFC 9325 (4.2) asks.
  /// Those of TLS 1.3 are fixed in the library: AES-128-GCM, AES-256-GCM and ChaCha20-Poly1305.
  static let olderSuites: [NIOTLSCipher] = [
    .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
  ]

  /// Groups of the key exchange, the preferred first: the hybrid one is of draft-ietf-tls-ecdhe-mlkem, the others of
  /// RFC 8446 (4.2.7).
  static let groups: [NIOTLSCurve] = [.x25519_MLKEM768, .x25519, .secp256r1, .secp384r1]

  private struct State {
    /// As the files were when they were last good: for the doors alike, whichever of them looked.
    var configuration: TLSConfiguration
    /// By the ALPN protocols that they offer.
    var contexts: [[String]: NIOSSLContext] = [:]
    var stamp: [Date?]
    var checked = ContinuousClock.now
  }
  /// Read again when they change.
  public let files: Files
  /// The oldest version that is spoken.
  public let minimum: Version
  private let log: Logger?
  private let state: Mutex<State>

  /// - Parameters:
  ///   - minimum: the oldest version that is spoken.
  ///   - log: told when the files are read again, and when they cannot be.
  /// - Throws: `TransportFault.tls` when a file is missing or does not hold what it should.
  public init(_ files: Files, minimum: Version = .tls13, log: Logger? = nil) throws(TransportError) {
    self.files = files
    self.minimum = minimum
    self.log = log
    let stamp = Self.stamp(files)
    state = Mutex(State(configuration: try Self.read(files, minimum), stamp: stamp))
    _ = try context(alpn: ["dither/1"])
  }

  private static func stamp(_ files: Files) -> [Date?] {
    [files.certificate, files.key, files.clientAuthority].compactMap { $0 }.map {
      try? FileManager.default.attributesOfItem(atPath: $0)[.modificationDate] as? Date
    }
  }

  /// - Parameter alpn: protocols, the preferred first.
  func context(alpn: [String]) throws(TransportError) -> NIOSSLContext {
    let result = state.withLock { state -> Result<NIOSSLContext, TransportError> in
      reload(&state)
      if let known = state.contexts[alpn] { return .success(known) }
      var configuration = state.configuration
      configuration.applicationProtocols = alpn
      do {
        let made = try NIOSSLContext(configuration: configuration)
        state.contexts[alpn] = made
        return .success(made)
      } catch { return .failure(Self.unusable(files, error)) }
    }
    return try result.get()
  }

  /// Files that have changed are looked at once a second at most; a half-written pair keeps the old one in use.
  private func reload(_ state: inout State) {
    guard state.checked.duration(to: .now) > .seconds(1) else { return }
    state.checked = .now
    let stamp = Self.stamp(files)
    guard stamp != state.stamp else { return }
    // A pair that is still being written is looked at again when it changes again.
    state.stamp = stamp
    do {
      let configuration = try Self.read(files, minimum)
      // Files that do not fit together are found here, not by the next client.
      _ = try NIOSSLContext(configuration: configuration)
      state.configuration = configuration
      state.contexts = [:]
      log?.notice("TLS files were read again", metadata: ["certificate": "\(files.certificate)"])
    } catch {
      log?.error("TLS files have changed and cannot be used; the old ones stay", metadata: ["reason": "\(error)"])
    }
  }

  private static func read(_ files: Files, _ minimum: Version) throws(TransportError) -> TLSConfiguration {
    do {
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificate).map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem)))
      configuration.minimumTLSVersion = minimum == .tls12 ? .tlsv12 : .tlsv13
      configuration.cipherSuiteValues = olderSuites
      configuration.curves = groups
      if let authority = files.clientAuthority {
        configuration.trustRoots = .file(authority)
        configuration.certificateVerification = .noHostnameVerification
      }
      return configuration
    } catch { throw unusable(files, error) }
  }

  private static func unusable(_ files: Files, _ error: any Error) -> TransportError {
    TransportError(
      .tls, at: "TLS files", expected: "a PEM certificate in \(files.certificate) and its key in \(files.key)",
      got: "\(error)")
  }
}
