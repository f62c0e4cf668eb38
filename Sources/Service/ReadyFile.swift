import DitherBasics
import Foundation

/// How to reach a server that is ready, for the scripts and tests that started it.
struct ReadyFile: Codable, Sendable {
  var framed: Int
  var grpc: Int
  var http: Int
  var token: String
  /// The path of the certificate authority that clients shall trust; empty without TLS.
  var ca: String
  /// The path of the public half of the key that signs reports.
  var reportKey: String

  /// Whole or not at all, and for this user only: it holds a token.
  func write(to path: String) throws(ServiceError) {
    let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).tmp"
    let bytes = Data((jsonText(self) + "\n").utf8)
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.fault(temporary) }
    let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    guard written == bytes.count, rename(temporary, path) == 0 else {
      let fault = Self.fault(path)
      unlink(temporary)
      throw fault
    }
  }

  private static func fault(_ path: String) -> ServiceError {
    ServiceError(
      .configuration, at: "ready file \(path)", expected: "a file that can be written",
      got: String(cString: strerror(errno)))
  }
}
