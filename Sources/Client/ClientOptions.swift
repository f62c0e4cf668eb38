import DitherProto
import Foundation

/// Where a server is and how a client shows who it is.
public struct ClientOptions: Sendable, Equatable {
  /// A name or an address.
  public var host: String
  /// The framed door's.
  public var port: Int
  /// Plain TCP when off.
  public var usesTls: Bool
  /// A PEM file to trust instead of the system's authorities.
  public var authority: String?
  /// The caller's bearer token; nil: a client certificate, or nothing.
  public var token: String?
  /// PEM files of the client's own, for a server that asks for a certificate.
  public var certificate: String?
  /// PEM file of the client certificate's key.
  public var key: String?
  /// For the connection and its handshake.
  public var connectTimeout: Duration = .seconds(5)
  /// For a call of one request and one answer that has no time of its own; nil: as long as the server takes.
  public var callTimeout: Duration?
  /// Attempts before a connection is given up, each after twice the wait of the one before.
  public var attempts = 3

  /// - Parameters:
  /// - usesTls: false only on loopback or where the server says `--insecure`.
  /// - authority: PEM file of the CA that the server is checked against.
  public init(host: String, port: Int, usesTls: Bool = true, authority: String? = nil, token: String? = nil) {
    self.host = host
    self.port = port
    self.usesTls = usesTls
    self.authority = authority
    self.token = token
  }

  /// - Parameter address: `dither://host:port`, or `dither+plain://host:port` for a server without TLS; the port is
  ///   7447 if it is left out. Names, passwords and queries are refused: nobody would read them.
  /// - Throws: INVALID_ARGUMENT when it is not of that form.
  public init(address: String, authority: String? = nil, token: String? = nil) throws(CallError) {
    guard let url = URLComponents(string: address), let scheme = url.scheme, let host = url.host, !host.isEmpty,
      scheme == "dither" || scheme == "dither+plain", url.path.isEmpty || url.path == "/",
      url.user == nil, url.password == nil, url.query == nil, url.fragment == nil
    else {
      // A host and a port alone.
      let near =
        address.wholeMatch(of: /[\w.-]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}/) == nil ? nil : "dither://\(address)"
      throw CallError(
        .invalidArgument,
        "address '\(address.prefix(120))': expected dither://host:port, or dither+plain:// without TLS"
          + (near.map { "; did you mean '\($0)'?" } ?? ""))
    }
    if let port = url.port, !(1...65_535).contains(port) {
      throw CallError(
        .invalidArgument, "address '\(address.prefix(120))': expected a port from 1 to 65535, got \(port)")
    }
    self.init(
      host: host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")), port: url.port ?? Self.defaultPort,
      usesTls: scheme == "dither", authority: authority, token: token)
  }

  /// The framed door's, unless the server says another.
  public static let defaultPort = 7447

  /// From DITHER_ADDRESS, DITHER_CA, DITHER_TOKEN, DITHER_CERTIFICATE and DITHER_KEY.
  public static func fromEnvironment(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(CallError) -> ClientOptions {
    func value(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
    var options = try ClientOptions(
      address: value("DITHER_ADDRESS") ?? "dither://127.0.0.1:\(defaultPort)", authority: value("DITHER_CA"),
      token: value("DITHER_TOKEN"))
    options.certificate = value("DITHER_CERTIFICATE")
    options.key = value("DITHER_KEY")
    guard (options.certificate == nil) == (options.key == nil) else {
      throw CallError(
        .invalidArgument,
        "a client certificate and its key belong together: expected DITHER_CERTIFICATE and DITHER_KEY, got one of them")
    }
    return options
  }
}
