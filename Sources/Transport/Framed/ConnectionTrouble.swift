import DitherProto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Why a connection to a framed door does not come about: one sentence with what to do, in the place of what the
/// libraries below say. A mistake in what the caller said is FAILED_PRECONDITION or INVALID_ARGUMENT, and is not tried
/// again.
enum ConnectionTrouble {
  /// - Parameter error: of the sockets, of TLS, or known already.
  static func error(_ error: any Error, _ target: FramedClient.Target) -> CallError {
    switch error {
    case let known as CallError: known
    case let failed as NIOConnectionError: connecting(failed, target)
    case ChannelError.connectTimeout: silent(target)
    case let extra as NIOSSLExtraError where extra == .failedToValidateHostname:
      CallError(
        .failedPrecondition,
        "\(target.place): its certificate is for another name than '\(target.host)'; call it by one that the certificate has"
      )
    case is NIOSSLError, is BoringSSLError: handshake("\(error)", target)
    case let failed as IOError:
      failed.errnoCode == ECONNRESET
        ? closed(target)
        : CallError(.unavailable, "\(target.place): \(String(cString: strerror(failed.errnoCode)))")
    default: CallError(.unavailable, "cannot connect to \(target.place): \(error)")
    }
  }

  private static func connecting(_ failed: NIOConnectionError, _ target: FramedClient.Target) -> CallError {
    let codes = failed.connectionErrors.compactMap { ($0.error as? IOError)?.errnoCode }
    if codes.contains(ECONNREFUSED) {
      return CallError(
        .unavailable, "nothing listens at \(target.place) (connection refused); is `dither serve` running there?")
    }
    if let code = codes.first {
      return CallError(.unavailable, "cannot connect to \(target.place): \(String(cString: strerror(code)))")
    }
    if failed.connectionErrors.contains(where: {
      if case ChannelError.connectTimeout = $0.error { true } else { false }
    }) {
      return silent(target)
    }
    guard failed.connectionErrors.isEmpty else { return CallError(.unavailable, "cannot connect to \(target.place)") }
    return CallError(.unavailable, "no host '\(target.host)' is known here; is its name right?")
  }

  /// - Parameter words: as the library writes the error, with names of BoringSSL's reasons.
  private static func handshake(_ words: String, _ target: FramedClient.Target) -> CallError {
    let place = target.place
    if words.contains("CERTIFICATE_VERIFY_FAILED") {
      let known = target.authority.map { "is not signed by \($0)" } ?? "is signed by none of this system's authorities"
      return CallError(
        .failedPrecondition,
        "\(place): its certificate \(known); name the PEM file of its authority with --ca or DITHER_CA, "
          + "`dither serve` prints it as CA")
    }
    if words.contains("WRONG_VERSION_NUMBER") || words.contains("HTTP_REQUEST") {
      return CallError(
        .failedPrecondition,
        "\(place) does not speak TLS; a server that was started with --insecure is at dither+plain://\(place), "
          + "and the console's port is another than the framed door's")
    }
    if words.contains("CERTIFICATE_REQUIRED") {
      return CallError(
        .failedPrecondition, "\(place) asks for a client certificate; give one with --certificate and --key")
    }
    let reason = words.firstMatch(of: /OPENSSL_internal:([A-Z0-9_]+)/).map {
      ": " + $0.1.lowercased().replacing("_", with: " ")
    }
    return CallError(
      .unavailable,
      "\(place): TLS cannot be agreed on\(reason ?? ""); does it speak TLS? A server that was started with --insecure is at "
        + "dither+plain://\(place)")
  }

  /// A file of certificates or a key that cannot be used.
  static func files(_ error: any Error, _ target: FramedClient.Target) -> CallError {
    let named = [(target.authority, "--ca or DITHER_CA"), (target.certificate, "--certificate"), (target.key, "--key")]
    for case (let path?, let flag) in named where !FileManager.default.isReadableFile(atPath: path) {
      let got = FileManager.default.fileExists(atPath: path) ? "no permission to read it" : "no such file"
      return CallError(.invalidArgument, "\(path): expected a PEM file that can be read, got \(got); see \(flag)")
    }
    let paths = named.compactMap(\.0)
    guard !paths.isEmpty else {
      return CallError(
        .failedPrecondition,
        "the system's authorities: expected certificates as PEM, got none that can be read; install ca-certificates, or "
          + "name the server's authority with --ca or DITHER_CA")
    }
    return CallError(
      .invalidArgument,
      "\(paths.joined(separator: ", ")): expected certificates and keys as PEM, got other text, or a key that is not the "
        + "certificate's")
  }

  /// The connection ended before the server's Hello.
  static func closed(_ target: FramedClient.Target) -> CallError {
    CallError(
      .unavailable,
      target.usesTls
        ? "\(target.place) closed the connection before its Hello; the server may be stopping or full"
        : "\(target.place) closed the connection before its Hello; if it asks for TLS, its address is "
          + "dither://\(target.place)")
  }

  /// Another protocol answers.
  static func foreign(_ target: FramedClient.Target) -> CallError {
    CallError(
      .failedPrecondition,
      "\(target.place): expected a framed door's Hello, got another protocol; name the port that `dither serve` prints as "
        + "framed (7447 unless --framed-port says otherwise)")
  }

  /// Nothing comes in the time that a connection may take.
  static func silent(_ target: FramedClient.Target) -> CallError {
    CallError(
      .unavailable,
      "\(target.place) does not answer within \(target.connectTimeout.nanoseconds / 1_000_000_000) s; is it the framed "
        + "door of a Dither server, and does no firewall stand before it?")
  }
}

extension FramedClient.Target {
  /// Host and port, as addresses write them.
  var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
