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
      On loopback nothing else is needed: the first start makes a certificate authority and a token, prints the token \
      once, and serves. SIGTERM or Ctrl-C drains: calls in flight finish; audits go on at the next start.

      Example: dither serve --models models --ready-file /run/user/1000/dither.json
      """)

  @Option(help: "Address to listen on. Off loopback it needs a certificate, or --insecure.")
  var host = "127.0.0.1"
  @Option(help: "Port of the framed door; 0: any.")
  var framedPort = 7447
  @Option(help: "Port of the gRPC door; 0: any.")
  var grpcPort = 7448
  @Option(help: "Port of the console; 0: any.")
  var httpPort = 7449
  @Option(name: .customLong("state"), help: "Where models, tokens, audits and certificates are kept.")
  var stateDirectory = StateDirectory.standard
  @OptionGroup var store: StoreOptions
  @Option(name: .customLong("models"), help: "Folder of ONNX files to serve, each with its card NAME.card.json.")
  var modelsDirectory: String?
  @Option(help: "PEM file of the server's certificate chain; read again when it changes.")
  var tlsCert: String?
  @Option(help: "PEM file of its key.")
  var tlsKey: String?
  @Option(help: "PEM file: clients must show a certificate that it signed.")
  var clientCa: String?
  @Flag(help: "Serve without TLS.")
  var insecure = false
  @Option(help: "Written (mode 0600) once the server serves: its ports, a token, the certificate authority.")
  var readyFile: String?
  @Option(
    help:
      "PEM file of the Ed25519 key that signs reports; made where there is none. (default: report-key.pem in --state)")
  var reportKey: String?
  @Option(help: "trace (shows the frames), debug, info, notice, warning, error or critical.")
  var logLevel = LogLevel.info
  @Option(help: "Threads that compute predictions. (default: one for each core)")
  var threads: Int?
  @OptionGroup var compute: ComputeOptions
  @Option(help: "Seconds that calls in flight may take after SIGTERM.")
  var grace = 30.0
  @Option(help: "Seconds after SIGTERM in which health and /readyz say no, and calls are still taken.")
  var lameDuck = 0.0
  @Flag(help: "Print one JSON object once the server serves.")
  var json = false

  enum LogLevel: String, CaseIterable, ExpressibleByArgument {
    case trace, debug, info, notice, warning, error, critical
  }

  func validate() throws {
    guard (tlsCert == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-cert and --tls-key belong together.")
    }
    guard !(insecure && tlsCert != nil) else { throw ValidationError("Give --insecure or a certificate, not both.") }
    guard clientCa == nil || tlsCert != nil else {
      throw ValidationError("--client-ca needs --tls-cert and --tls-key.")
    }
    guard grace >= 0, grace <= 86_400 else { throw ValidationError("--grace takes 0 to 86400 seconds.") }
    guard lameDuck >= 0, lameDuck <= 3600 else { throw ValidationError("--lame-duck takes 0 to 3600 seconds.") }
  }

  func run() async throws {
    Allocator.returnsLargeBlocks()
    // A full pipe that nobody reads keeps no call waiting, nor the end.
    let lines = LogQueue()
    LoggingSystem.bootstrap { BoundedLog(QueuedLog(ShownLog(StreamLogHandler.standardError(label: $0)), lines)) }
    // Before anything can be interrupted: a server that starts is stopped as one that serves.
    let (stops, stop) = AsyncStream.makeStream(of: Void.self)
    let interrupt = Interrupt { stop.yield() }
    try compute.apply()
    let server = try await DitherServer(serverConfiguration).start()
    try announce(server)
    for await _ in stops { break }
    if !json { DispatchQueue.global().async { Console.note("draining; a second Ctrl-C stops at once") } }
    await server.drain(grace: .seconds(grace))
    withExtendedLifetime(interrupt) {}
    // The thread that is stuck in a write holds the stream, for which `exit` would wait.
    if await !lines.finish(within: .seconds(1)) { _exit(EXIT_SUCCESS) }
  }

  private var serverConfiguration: ServerConfiguration {
    var configuration = ServerConfiguration(stateDirectory: stateDirectory)
    store.configure(&configuration)
    configuration.modelsDirectory = modelsDirectory
    configuration.host = host
    configuration.framedPort = framedPort
    configuration.grpcPort = grpcPort
    configuration.httpPort = httpPort
    if insecure {
      configuration.tls = .insecure
    } else if let tlsCert, let tlsKey {
      configuration.tls = .files(certificate: tlsCert, key: tlsKey, clientCA: clientCa)
    }
    configuration.readyFile = readyFile
    configuration.lameDuck = .seconds(lameDuck)
    configuration.reportKey = reportKey
    configuration.code = Dither.code
    configuration.logLevel = Logger.Level(rawValue: logLevel.rawValue) ?? .info
    configuration.precision = compute.precision
    if let threads {
      configuration.computeThreads = threads
      configuration.auditThreads = threads
    }
    return configuration
  }

  private func announce(_ server: RunningServer) throws {
    if json {
      return try Json.print(
        Announcement(
          address: server.address, framed: server.framedPort, grpc: server.grpcPort, http: server.httpPort,
          token: server.firstToken, ca: server.authorityPath, reportKey: server.reportKeyPath))
    }
    let scheme = tlsCert == nil ? "http" : "https"
    var rows = [
      ["framed", server.address], ["gRPC", "\(host):\(server.grpcPort)"],
      ["console", "\(scheme)://\(host):\(server.httpPort)"],
    ]
    if let token = server.firstToken { rows.append(["token", "\(token)  (shown this once)"]) }
    if let ca = server.authorityPath { rows.append(["CA", ca]) }
    rows.append(["report key", server.reportKeyPath])
    // Unbuffered: to flush all streams would wait for the log's, where a full pipe holds its thread.
    Console.tell(table(rows))
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
