import ArgumentParser
import DitherClient
import DitherProto
import Foundation

/// The client's own certificate.
struct CertificateOptions: ParsableArguments {
  @Option(
    help: "PEM file of a client certificate, for a server that asks for one; with --key. (default: $DITHER_CERTIFICATE)"
  )
  var certificate: String?
  @Option(help: "PEM file of its key. (default: $DITHER_KEY)")
  var key: String?

  func validate() throws {
    guard (certificate == nil) == (key == nil) else {
      throw ValidationError("--certificate and --key belong together.")
    }
  }

  /// Flags before the environment.
  func lay(over environment: inout [String: String]) {
    guard let certificate, let key else { return }
    environment["DITHER_CERTIFICATE"] = certificate
    environment["DITHER_KEY"] = key
  }
}

/// Where the server is and who asks: flags, the environment where a flag is left out, and what `dither login` keeps
/// where both are silent.
struct ServerOptions: ParsableArguments {
  @Option(
    help: """
      The framed door, as dither://host:port, or dither+plain:// for a server without TLS. (default: $DITHER_ADDRESS, \
      else that of 'dither login', else dither://127.0.0.1:\(ClientOptions.defaultPort))
      """)
  var address: String?
  @Option(help: "Bearer token. (default: $DITHER_TOKEN)")
  var token: String?
  @Option(help: "PEM file of the server's certificate authority. (default: $DITHER_CA)")
  var ca: String?
  @OptionGroup var certified: CertificateOptions

  /// Connects, calls `body`, and closes whatever happens.
  /// - Parameter patience: for each call of one request and one answer that has no time of its own; nil: any, for what
  ///   computes as long as it takes.
  func withClient<Result>(
    patience: Duration? = .seconds(120), _ body: (DitherClient) async throws -> Result
  ) async throws -> Result {
    var options = try ClientOptions.fromEnvironment(settings())
    options.callTimeout = patience
    return try await Self.withClient(options, body)
  }

  /// The environment with the flags laid over it. A token that is kept goes to the server for which it was kept, and to
  /// no other.
  private func settings() throws(CommandError) -> [String: String] {
    var found = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("DITHER_") && !$0.value.isEmpty }
    for (name, flag) in [("ADDRESS", address), ("TOKEN", token), ("CA", ca)] {
      if let flag { found["DITHER_" + name] = flag }
    }
    certified.lay(over: &found)
    // A caller who says both has no need of a login, nor of what may be wrong with it.
    guard found["DITHER_ADDRESS"] == nil || found["DITHER_TOKEN"] == nil, let saved = try SavedLogin.read(),
      found["DITHER_ADDRESS", default: saved.address] == saved.address
    else { return found }
    found["DITHER_ADDRESS"] = saved.address
    var kept = saved.variables
    // A certificate that is said has no use for the key of another.
    if found["DITHER_CERTIFICATE"] != nil || found["DITHER_KEY"] != nil {
      kept["DITHER_CERTIFICATE"] = nil
      kept["DITHER_KEY"] = nil
    }
    return found.merging(kept) { said, _ in said }
  }

  /// Connects, calls `body`, and closes whatever happens.
  static func withClient<Result>(
    _ options: ClientOptions, _ body: (DitherClient) async throws -> Result
  ) async throws -> Result {
    let client = try await DitherClient.connect(options)
    do {
      let result = try await body(client)
      await client.close()
      return result
    } catch {
      await client.close()
      throw error
    }
  }
}
