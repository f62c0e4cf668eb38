import ArgumentParser
import DitherClient
import DitherProto
import Foundation

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
  @Option(help: "PEM file of a client certificate, for a server that asks for one; with --key.")
  var certificate: String?
  @Option(help: "PEM file of its key.")
  var key: String?

  func validate() throws {
    guard (certificate == nil) == (key == nil) else {
      throw ValidationError("--certificate and --key belong together.")
    }
  }

  /// Connects, calls `body`, and closes whatever happens.
  func withClient<Result>(_ body: (DitherClient) async throws -> Result) async throws -> Result {
    var options = try ClientOptions.fromEnvironment(settings())
    options.certificate = certificate
    options.key = key
    return try await Self.withClient(options, body)
  }

  /// The environment with the flags laid over it. A token that is kept goes to the server for which it was kept, and to
  /// no other.
  private func settings() throws(CommandError) -> [String: String] {
    var found = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("DITHER_") && !$0.value.isEmpty }
    for (name, flag) in [("ADDRESS", address), ("TOKEN", token), ("CA", ca)] {
      if let flag { found["DITHER_" + name] = flag }
    }
    // A caller who says both has no need of a login, nor of what may be wrong with it.
    guard found["DITHER_ADDRESS"] == nil || found["DITHER_TOKEN"] == nil, let saved = try SavedLogin.read(),
      found["DITHER_ADDRESS", default: saved.address] == saved.address
    else { return found }
    found["DITHER_ADDRESS"] = saved.address
    return found.merging(saved.variables) { said, _ in said }
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
