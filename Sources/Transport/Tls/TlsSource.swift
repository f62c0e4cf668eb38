import DitherBasics
import Foundation
import NIOCore
import NIOSSL
import Synchronization
import COpenSSL

/// A server's certificate from files, read again when they change.
public final class TlsSource: Sendable {
  public struct Files: Sendable, Equatable {
    public var certificate: String
    public var key: String
    /// Given: clients must show a certificate that it has signed.
    public var clientAuthority: String?
    public init(certificate: String, key: String, clientAuthority: String? = nil) {
      self.certificate = certificate
      self.key = key
      self.clientAuthority = clientAuthority
    }
  }

  private struct State {
    var contexts: [String: NIOSSLContext] = [:]
    var stamp: [Date?] = []
    var checked = ContinuousClock.now
  }
  public let files: Files
  private let state: Mutex<State>

  /// - Throws: `TransportFault.tls` when a file is missing or does not hold what it should.
  public init(_ files: Files) throws(TransportError) {
    self.files = files
    state = Mutex(State(stamp: Self.stamp(files)))
    _ = try context(alpn: "dither/1")
  }

  private static func stamp(_ files: Files) -> [Date?] {
    [files.certificate, files.key, files.clientAuthority].compactMap { $0 }.map {
      try? FileManager.default.attributesOfItem(atPath: $0)[.modificationDate] as? Date
    }
  }

  func context(alpn: String) throws(TransportError) -> NIOSSLContext {
    let result = state.withLock { state -> Result<NIOSSLContext, TransportError> in
      // Looked at once a second at most; a half-written pair keeps the old one in use.
      if state.checked.duration(to: .now) > .seconds(1) {
        state.checked = .now
        let stamp = Self.stamp(files)
        if stamp != state.stamp, let made = try? make(alpn) {
          state.stamp = stamp
          state.contexts = [alpn: made]
        }
      }
      if let known = state.contexts[alpn] { return .success(known) }
      do throws(TransportError) {
        let made = try make(alpn)
        state.contexts[alpn] = made
        return .success(made)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func make(_ alpn: String) throws(TransportError) -> NIOSSLContext {
    do {
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificate).map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem)))
      configuration.minimumTLSVersion = .tlsv13
      configuration.applicationProtocols = [alpn]
      if let authority = files.clientAuthority {
        configuration.trustRoots = .file(authority)
        configuration.certificateVerification = .noHostnameVerification
      }
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw TransportError(
        .tls, at: "TLS files", expected: "a PEM certificate in \(files.certificate) and its key in \(files.key)",
        got: "\(error)")
    }
  }
}

extension Channel {
  /// The subject's common name of the client's certificate, once TLS has verified it.
  var peerCommonName: String? {
    guard let handler = try? pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
      let certificate = handler.peerCertificate, let der = try? certificate.toDERBytes()
    else { return nil }
    return der.withUnsafeBufferPointer { bytes in
      var at = bytes.baseAddress
      guard let parsed = d2i_X509(nil, &at, bytes.count) else { return nil }
      defer { X509_free(parsed) }
      var name = [CChar](repeating: 0, count: 256)
      let length = X509_NAME_get_text_by_NID(X509_get_subject_name(parsed), NID_commonName, &name, Int32(name.count))
      return length > 0 ? String(decoding: name.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
  }
}
