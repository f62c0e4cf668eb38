import DitherBasics
import Foundation

/// How to reach a server that is ready, for the scripts and tests that started it, and for `dither env`.
public struct ReadyFile: Codable, Sendable, Equatable {
  /// Ports of the three doors; of a server at one address all the same.
  public var framed: Int
  /// Likewise gRPC's.
  public var grpc: Int
  /// Likewise the console's.
  public var http: Int
  /// A bearer token, good for every role for as long as the server lives.
  public var token: String
  /// The path of the certificate authority that clients shall trust; empty without TLS, and where the server has its
  /// certificates from elsewhere.
  public var ca: String
  /// The path of the public half of the key that signs reports.
  public var reportKey: String
  /// The framed door as clients on this machine write it; nil in files from before there was one.
  public var address: String?

  /// More bytes than any has.
  private static let mostBytes = 64 << 10

  init(
    framed: Int, grpc: Int, http: Int, token: String, ca: String, reportKey: String, address: String?
  ) {
    (self.framed, self.grpc, self.http, self.token, self.ca) = (framed, grpc, http, token, ca)
    (self.reportKey, self.address) = (reportKey, address)
  }

  /// - Throws: `ServiceFault.configuration` where there is none, or another file.
  public init(path: String) throws(ServiceError) {
    func refuse(_ got: String) -> ServiceError {
      ServiceError(
        .configuration, at: "ready file \(path)", expected: "what `dither serve` writes once it serves", got: got,
        advice: "start the server, or name its file with --ready-file")
    }
    guard let bytes = BoundedFile.read(path, most: Self.mostBytes) else {
      throw refuse(FileManager.default.fileExists(atPath: path) ? "a file that cannot be read" : "no such file")
    }
    guard let found = try? JSONDecoder().decode(ReadyFile.self, from: Data(bytes)) else { throw refuse("other text") }
    self = found
  }

  /// Whole or not at all, and for this user only: it holds a token.
  func write(to path: String) throws(ServiceError) {
    do { try WholeFile.write(Array((jsonText(self) + "\n").utf8), to: path, for: .owner) } catch {
      throw ServiceError(
        .configuration, at: "ready file \(path)", expected: error.expected, got: error.got,
        advice: "name another with --ready-file")
    }
  }
}
