import ArgumentParser
import DitherBasics
import DitherService
import Foundation

/// `dither env`: what clients read from the environment, of a server on this machine.
struct EnvCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "env", abstract: "Print how to reach the server of this machine, as lines for the shell.",
    discussion: """
      Reads the file that `dither serve` writes once it serves. Its token is good for as long as that server lives. \
      Where there is no such file, the server of `dither login` is told. In a shell: eval "$(dither env)"

      Example: dither env --ready-file /run/user/1000/dither.json
      """)

  @OptionGroup var ready: ReadyFileOption
  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let found = try variables()
    if json {
      return try Json.print(
        Answer(
          address: found["DITHER_ADDRESS"], token: found["DITHER_TOKEN"], ca: found["DITHER_CA"],
          certificate: found["DITHER_CERTIFICATE"], key: found["DITHER_KEY"]))
    }
    for line in ShellVariables.lines(found) { print(line) }
  }

  private func variables() throws -> [String: String] {
    if !ready.isThere, let saved = try SavedLogin.read() { return saved.variables }
    return try ready.read().variables
  }

  private struct Answer: Encodable {
    var address: String?
    var token: String?
    var ca: String?
    var certificate: String?
    var key: String?
  }
}

/// The file that says how to reach a server of this machine.
struct ReadyFileOption: ParsableArguments {
  @Option(
    name: .customLong("ready-file"),
    help: """
      What `dither serve` wrote. (default: $DITHER_READY_FILE, else ready.json in its state directory, \
      else that of the installed service, for who may read it)
      """)
  var path: String?

  /// Where a server writes it that is told of no other place.
  static func standard(in state: String) -> String { state + "/ready.json" }

  private var place: String {
    let own = path ?? UserFolder.named("DITHER_READY_FILE")?.path ?? Self.standard(in: StateDirectory.standard)
    let isSaid = path != nil || UserFolder.named("DITHER_READY_FILE") != nil
    return isSaid || FileManager.default.fileExists(atPath: own) || access(Self.ofService, R_OK) != 0
      ? own : Self.ofService
  }

  /// Where the package's service writes it, for root and the service's own user.
  static let ofService = "/run/dither/ready.json"

  /// Whether one was named, or is where it is by itself.
  var isThere: Bool { path != nil || FileManager.default.fileExists(atPath: place) }

  func read() throws -> SavedLogin {
    let found = try ReadyFile(path: place)
    // Files from before there was an address are of servers with TLS, but for those that say no authority.
    let scheme = found.ca.isEmpty ? "dither+plain" : "dither"
    return SavedLogin(
      address: found.address ?? "\(scheme)://127.0.0.1:\(found.framed)", token: found.token,
      ca: found.ca.isEmpty ? nil : found.ca)
  }
}
