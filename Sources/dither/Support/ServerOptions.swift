import ArgumentParser
import DitherClient
import DitherProto
import Foundation

/// Where the server is and who asks: flags, and the environment where a flag is left out.
struct ServerOptions: ParsableArguments {
  @Option(
    help: """
      The framed door, as dither://host:port, or dither+plain:// for a server without TLS. (default: $DITHER_ADDRESS, \
      else dither://127.0.0.1:\(ClientOptions.defaultPort))
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
    var environment = ProcessInfo.processInfo.environment
    if let address { environment["DITHER_ADDRESS"] = address }
    if let token { environment["DITHER_TOKEN"] = token }
    if let ca { environment["DITHER_CA"] = ca }
    var options = try ClientOptions.fromEnvironment(environment)
    options.certificate = certificate
    options.key = key
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
