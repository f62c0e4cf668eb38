import ArgumentParser
import DitherBasics
import DitherClient
import DitherProto
import Foundation

/// `dither login`: a server and a token, checked and kept for later commands.
struct LoginCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Check an address and a token with the server, and keep them for later commands.",
    discussion: """
      They are kept in a file of this user alone (mode 0600). Flags and DITHER_ADDRESS, DITHER_TOKEN and DITHER_CA win over \
      it; the token goes to no other address than the one it is kept for. Without --token and DITHER_TOKEN it is asked for, \
      or read as the first line of standard input; with a client certificate none is needed.

      Example: dither login --address dither://models.example:7447 --ca ca.pem
      """)

  @Option(
    help:
      "The framed door, as dither://host:port. (default: $DITHER_ADDRESS, else the ready file's, else this machine's)")
  var address: String?
  @Option(help: "Bearer token. (default: $DITHER_TOKEN, else the ready file's, else asked for)")
  var token: String?
  @Option(help: "PEM file of the server's certificate authority. (default: $DITHER_CA)")
  var ca: String?
  @OptionGroup var certified: CertificateOptions
  @OptionGroup var ready: ReadyFileOption
  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let login = try wanted()
    let options = try ClientOptions.fromEnvironment(login.variables)
    // Any known caller may ask it.
    var asked = Dither_V1_ListModelsRequest()
    asked.pageSize = 1
    let request = asked
    let versions = try await ServerOptions.withClient(options) { client in
      try await client.unary(Dither_V1_Registry.listModels, request, timeout: .seconds(10))
    }
    try login.write()
    if json { return try Json.print(Answer(address: login.address, file: SavedLogin.path)) }
    print("logged in at \(login.address)\(versions.models.isEmpty ? "; it has no models yet" : "")")
    Console.note("kept in \(SavedLogin.path); `dither logout` forgets it")
  }

  private func wanted() throws -> SavedLogin {
    var environment = ProcessInfo.processInfo.environment
    certified.lay(over: &environment)
    // A ready file that is named says all that no other flag does.
    func said(_ name: String, _ flag: String?) -> String? {
      flag ?? (ready.path != nil ? nil : environment["DITHER_" + name].flatMap { $0.isEmpty ? nil : $0 })
    }
    let address = said("ADDRESS", address)
    // No ready file says one, so that the environment's counts beside it too.
    func file(_ name: String) -> String? {
      environment["DITHER_" + name].flatMap { $0.isEmpty ? nil : Self.absolute($0) }
    }
    let certificate = file("CERTIFICATE"), key = file("KEY")
    if ready.path != nil || address == nil && ready.isThere {
      var found = try ready.read()
      found.address = address ?? found.address
      found.token = said("TOKEN", token) ?? found.token
      found.ca = said("CA", ca).map(Self.absolute) ?? found.ca
      (found.certificate, found.key) = (certificate, key)
      return found
    }
    return SavedLogin(
      address: address ?? "dither://127.0.0.1:\(ClientOptions.defaultPort)",
      token: try said("TOKEN", token) ?? (certificate == nil ? Self.asked() : nil),
      ca: said("CA", ca).map(Self.absolute), certificate: certificate, key: key)
  }

  /// The folder of later commands is another.
  private static func absolute(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }

  /// More characters than any token has.
  private static let mostCharacters = 4096

  private static func asked() throws(CommandError) -> String {
    if isatty(STDIN_FILENO) == 1 { Console.write("token: ") }
    let line = Hidden.line()?.trimmingCharacters(in: .whitespaces) ?? ""
    guard !line.isEmpty, line.count <= mostCharacters else {
      throw CommandError(
        .missingOption, at: "token", expected: "a token in the first line",
        got: line.isEmpty ? "nothing" : "a longer one",
        advice: "say --token; `dither tokens create` makes one where the server is")
    }
    return line
  }

  private struct Answer: Encodable {
    var address: String
    var file: String
  }
}

/// `dither logout`: forgets the server and the token that `dither login` keeps.
struct LogoutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logout", abstract: "Forget the server and the token of `dither login`.",
    discussion: """
      The token stays good; `dither tokens revoke` makes it worthless.

      Example: dither logout
      """)

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let existed = try SavedLogin.remove()
    if json { return try Json.print(["forgotten": existed]) }
    print(existed ? "forgotten" : "no login was kept")
  }
}

/// Reading a line that nobody shall see.
private enum Hidden {
  /// - Returns: nil where nothing came.
  static func line() -> String? {
    var before = termios()
    let isTerminal = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0
    guard isTerminal else { return readLine() }
    let loud = before
    @Sendable func restore() {
      var loud = loud
      tcsetattr(STDIN_FILENO, TCSANOW, &loud)
      Console.write("\n")
    }
    // Ctrl-C is no reason to leave a terminal that shows nothing. The reader of the line holds its lock: no tidy end.
    let interrupt = Interrupt {
      restore()
      _exit(ExitStatus.interrupted.rawValue)
    }
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSANOW, &silent)
    defer {
      restore()
      interrupt.end()
    }
    return readLine()
  }
}
