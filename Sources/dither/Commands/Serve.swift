import ArgumentParser
import DitherBasics
import DitherService
import Foundation
import Logging

/// `dither serve`: the server, in the foreground until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serve models at the framed door, the gRPC door and the console.",
    discussion: """
      On loopback nothing else is needed: the first start makes a certificate authority and a token, shows the token at \
      a terminal, else puts it into the state directory's first-token, and serves. SIGTERM or Ctrl-C drains: \
      calls in flight finish; audits go on at the next start.

      Each setting is also read from the environment (--framed-port: DITHER_FRAMED_PORT) and from the file of --config \
      (framed-port: 7447); a flag wins over the environment, that over the file.

      Example: dither serve --models models --ready-file /run/user/1000/dither.json
      """)

  @Option(help: "YAML file of settings. (default: $DITHER_CONFIG)")
  var config: String?
  @Flag(help: "Print the settings that hold, each with where it was said, as a file of settings; serve nothing.")
  var printConfig = false
  @Option(help: help(of: "state"))
  var state: String?
  @Option(help: help(of: "database"))
  var database: String?
  @Option(help: help(of: "blobs"))
  var blobs: String?
  @Option(help: help(of: "models"))
  var models: String?
  @Option(help: help(of: "runs"))
  var runs: String?
  @Option(help: help(of: "ready-file"))
  var readyFile: String?
  @Option(help: help(of: "report-key"))
  var reportKey: String?
  @Option(help: help(of: "host"))
  var host: String?
  @Option(help: help(of: "framed-port"))
  var framedPort: String?
  @Option(help: help(of: "grpc-port"))
  var grpcPort: String?
  @Option(help: help(of: "http-port"))
  var httpPort: String?
  @Option(help: help(of: "listen"))
  var listen: String?
  @Option(help: help(of: "tls-cert"))
  var tlsCert: String?
  @Option(help: help(of: "tls-key"))
  var tlsKey: String?
  @Option(help: help(of: "client-ca"))
  var clientCa: String?
  @Option(help: help(of: "clients"))
  var clients: String?
  @Option(help: help(of: "tls-minimum"))
  var tlsMinimum: String?
  @Flag(inversion: .prefixedNo, help: help(of: "insecure"))
  var insecure: Bool?
  @Option(help: help(of: "log-level"))
  var logLevel: String?
  @Option(help: help(of: "access-log"))
  var accessLog: String?
  @Option(help: help(of: "slow-call"))
  var slowCall: String?
  @Option(help: help(of: "threads"))
  var threads: String?
  @Option(help: help(of: "precision"))
  var precision: String?
  @Option(help: help(of: "isa"))
  var isa: String?
  @Option(help: help(of: "require-signed"))
  var requireSigned: String?
  @Option(help: help(of: "alias-gates"))
  var aliasGates: String?
  @Option(help: help(of: "owner-versions"))
  var ownerVersions: String?
  @Option(help: help(of: "owner-bytes"))
  var ownerBytes: String?
  @Option(help: help(of: "keep-removed"))
  var keepRemoved: String?
  @Option(help: help(of: "calls-per-second"))
  var callsPerSecond: String?
  @Option(help: help(of: "samples-per-second"))
  var samplesPerSecond: String?
  @Option(help: help(of: "grace"))
  var grace: String?
  @Option(help: help(of: "lame-duck"))
  var lameDuck: String?
  @Option(help: help(of: "lease"))
  var lease: String?
  @Flag(help: "Print one JSON object once the server serves.")
  var json = false

  func run() async throws {
    let settings = try SettingsReader(flags, config: config)
    if printConfig {
      return print(settings.yaml(over: ServerConfiguration(stateDirectory: StateDirectory.standard)), terminator: "")
    }
    var configuration = settings.configuration()
    let environment = ProcessInfo.processInfo.environment
    configuration.serviceManager = ServiceManager(environment: environment)
    configuration.traces = try TraceSettings(environment: environment)
    // `dither env` finds it there.
    configuration.readyFile = configuration.readyFile ?? ReadyFileOption.standard(in: configuration.stateDirectory)
    try await serve(configuration)
  }

  private func serve(_ configuration: ServerConfiguration) async throws {
    Allocator.returnsLargeBlocks()
    // A reader of the log who goes away ends nothing: NIO sees to that only once it has a socket.
    signal(SIGPIPE, SIG_IGN)
    // A full pipe that nobody reads keeps no call waiting, nor the end.
    let lines = LogQueue()
    LoggingSystem.bootstrap { BoundedLog(QueuedLog(ShownLog(StreamLogHandler.standardError(label: $0)), lines)) }
    // Before anything can be interrupted: a server that starts is stopped as one that serves.
    let (stops, stop) = AsyncStream.makeStream(of: Void.self)
    let interrupt = Interrupt { stop.yield() }
    try configuration.keepInstructions()
    let server = try await DitherServer(configuration).start()
    try announce(server)
    for await _ in stops { break }
    if !json { DispatchQueue.global().async { Console.note("draining; a second Ctrl-C stops at once") } }
    await server.drain(grace: configuration.grace)
    withExtendedLifetime(interrupt) {}
    // The thread that is stuck in a write holds the stream, for which `exit` would wait.
    if await !lines.finish(within: .seconds(1)) { _exit(EXIT_SUCCESS) }
  }

  /// Settings by their names; nil: not given.
  private var flags: [String: String?] {
    [
      "state": state, "database": database, "blobs": blobs, "models": models, "runs": runs,
      "ready-file": readyFile,
      "report-key": reportKey, "host": host,
      "framed-port": framedPort, "grpc-port": grpcPort, "http-port": httpPort, "listen": listen, "tls-cert": tlsCert,
      "tls-key": tlsKey, "client-ca": clientCa, "clients": clients, "tls-minimum": tlsMinimum,
      "insecure": insecure.map { "\($0)" }, "log-level": logLevel,
      "access-log": accessLog, "slow-call": slowCall, "threads": threads, "precision": precision, "isa": isa,
      "require-signed": requireSigned, "alias-gates": aliasGates, "owner-versions": ownerVersions,
      "owner-bytes": ownerBytes, "keep-removed": keepRemoved, "calls-per-second": callsPerSecond,
      "samples-per-second": samplesPerSecond, "grace": grace, "lame-duck": lameDuck, "lease": lease,
    ]
  }

  private func announce(_ server: RunningServer) throws {
    // Unbuffered, as it is to be read while the server serves, by a pipe too; and to flush all streams would wait for
    // the log's, where a full pipe holds its thread.
    if json {
      let announcement = Announcement(
        address: server.address, framed: server.framedPort, grpc: server.grpcPort, http: server.httpPort,
        token: server.firstToken, ca: server.authorityPath, reportKey: server.reportKeyPath)
      return Console.tell(try Json.text(announcement).jsonShown)
    }
    let configuration = server.configuration, host = configuration.host
    let scheme = if case .files = configuration.tls { "https" } else { "http" }
    var rows = [["framed", server.address]]
    // All speak at one address.
    if configuration.sharedPort == nil {
      rows.append(["gRPC", "\(host):\(server.grpcPort)"])
    } else {
      rows[0][0] = "address"
    }
    rows.append(["console", "\(scheme)://\(host):\(server.httpPort)"])
    rows.append([
      "token",
      server.firstToken.map { Self.shown($0, configuration.stateDirectory) } ?? tokenAdvice(configuration),
    ])
    if let ca = server.authorityPath { rows.append(["CA", ca]) }
    rows.append(["report key", server.reportKeyPath])
    Console.tell(table(rows))
  }

  /// For those who have lost all tokens.
  private func tokenAdvice(_ configuration: ServerConfiguration) -> String {
    let isElsewhere = configuration.stateDirectory != StateDirectory.standard
    let state = isElsewhere ? " --state \(ShellVariables.quoted(configuration.stateDirectory))" : ""
    // Its URL may have a password.
    let database = configuration.database == nil ? "" : " --database URL"
    return "one of those before; `dither tokens create\(state)\(database) --name NAME --role admin` makes another"
  }

  /// A terminal shows it to whoever started the server; a journal keeps it, for many to read, for long.
  private static func shown(_ token: String, _ state: String) -> String {
    let path = state + "/first-token"
    if isatty(STDOUT_FILENO) != 1 {
      if (try? WholeFile.write(Array((token + "\n").utf8), to: path, for: .owner)) != nil {
        return "in \(path)  (for its owner alone: take it, and remove the file)"
      }
    }
    return "\(token)  (shown this once)"
  }

  private struct Announcement: Encodable {
    var address: String
    var framed: Int
    var grpc: Int
    var http: Int
    var token: String?
    var ca: String?
    var reportKey: String
  }
}
