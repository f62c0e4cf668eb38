import ArgumentParser
import DitherBasics
import DitherGraph
import DitherService
import DitherTensor
import Foundation
import Logging

/// `dither work`: more hands for the audits of servers that share a database.
struct WorkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work", abstract: "Work on the audits of servers that share a database; takes no calls.",
    discussion: """
      Any number of them, under any launcher: each claims shards by a lease and gives them back on SIGTERM; one that \
      dies is replaced when its lease ends. An audit is done by workers of one release and one kind of CPU: --isa makes \
      several kinds one.

      Example: dither work --database postgresql://dither@db/dither --until-idle
      """)

  @Option(name: .customLong("state"), help: "Where the files of models are, as for dither serve.")
  var stateDirectory = StateDirectory.standard
  @OptionGroup var store: StoreOptions
  @OptionGroup var compute: ComputeOptions
  @Flag(help: "End when there has been nothing to do for --idle-seconds.")
  var untilIdle = false
  @Option(help: "See --until-idle.")
  var idleSeconds = 5.0
  @Option(help: "Threads that compute. (default: one for each core)")
  var threads: Int?
  @Option(help: "info, notice, warning, error or critical.")
  var logLevel = ServeCommand.LogLevel.info

  func validate() throws {
    guard store.database != nil else {
      throw ValidationError("Give --database: a server with a store of its own does its audits itself.")
    }
    guard (0...86_400).contains(idleSeconds) else { throw ValidationError("--idle-seconds takes 0 to 86400.") }
  }

  func run() async throws {
    Allocator.returnsLargeBlocks()
    LoggingSystem.bootstrap { BoundedLog(ShownLog(StreamLogHandler.standardError(label: $0))) }
    let (stops, stop) = AsyncStream.makeStream(of: Void.self)
    let interrupt = Interrupt { stop.yield() }
    try compute.apply()
    var configuration = ServerConfiguration(stateDirectory: stateDirectory)
    store.configure(&configuration)
    configuration.code = Dither.code
    configuration.precision = compute.precision
    configuration.logLevel = Logger.Level(rawValue: logLevel.rawValue) ?? .info
    if let threads { configuration.auditThreads = threads }
    configuration.computeThreads = 1
    try await DitherWorker(configuration).run(untilIdle: untilIdle ? .seconds(idleSeconds) : nil, stops: stops)
    withExtendedLifetime(interrupt) {}
  }
}
