import DitherBasics
import DitherClient
import DitherTestSupport
import Foundation
import Testing

/// `dither serve` in a process of its own, on any ports, until the last reference goes or it is killed.
final class LiveServer {
  private struct Ready: Decodable {
    var framed: Int
    var grpc: Int
    var http: Int
    var token: String
    var ca: String
  }

  let process: ChildProcess
  private let ready: Ready
  private let errors: URL
  private let state: Scratch

  /// - Parameters:
  ///   - state: kept between two servers, so that one goes on where the other was killed.
  ///   - address: one for all that it speaks; nil: a port for each.
  ///   - log: where its standard error goes; nil: into a file.
  init(
    state: Scratch, address: String? = nil, arguments: [String] = [], environment: [String: String] = [:],
    log: FileHandle? = nil
  ) throws {
    let readyFile = state.file("ready.json")
    try? FileManager.default.removeItem(atPath: readyFile)
    self.state = state
    errors = URL(filePath: state.file("server.log"))
    process = try Program.start(
      [
        "serve", "--log-level", "warning", "--state", state.file("state"), "--ready-file", readyFile,
      ] + (address.map { ["--listen", $0] } ?? ["--framed-port", "0", "--grpc-port", "0", "--http-port", "0"])
        + arguments, output: URL(filePath: state.file("server.out")), errors: errors, environment: environment, log: log
    )
    let end = ContinuousClock.now + .seconds(60)
    while !FileManager.default.fileExists(atPath: readyFile), process.isRunning, ContinuousClock.now < end {
      usleep(2000)
    }
    let log = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
    try #require(FileManager.default.fileExists(atPath: readyFile), "the server did not start: \(log)")
    ready = try JSONDecoder().decode(Ready.self, from: Data(contentsOf: URL(filePath: readyFile)))
  }

  deinit {
    process.signal(SIGTERM)
    process.end()
  }

  func kill() {
    process.signal(SIGKILL)
    process.end()
  }

  /// What clients on the command line need.
  var environment: [String: String] {
    ["DITHER_ADDRESS": "dither://127.0.0.1:\(ready.framed)", "DITHER_TOKEN": ready.token, "DITHER_CA": ready.ca]
  }

  func dither(_ arguments: String...) throws -> Program.Result {
    try Program.run(arguments, environment: environment)
  }

  func client() async throws -> DitherClient {
    try await DitherClient.connect(.fromEnvironment(environment))
  }

  /// Its state.
  var folder: String { state.file("state") }
  /// Where clients of gRPC connect.
  var grpcPort: Int { ready.grpc }
  /// Where browsers do.
  var httpPort: Int { ready.http }

  /// Megabytes: the most that the process has held.
  var peakMegabytes: Double {
    let status = (try? String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? .infinity) / 1024
  }
}
