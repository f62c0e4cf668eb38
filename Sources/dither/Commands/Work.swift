import ArgumentParser
import DitherBasics
import DitherService
import DitherTrain
import Foundation
import Logging

/// `dither work`: more hands for the audits, sweeps and studies of a shared database.
struct WorkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work", abstract: "Work on the audits, sweeps and studies of a shared database; takes no calls.",
    discussion: """
      Any number of them, under any launcher: each claims shards by a lease and gives them back on SIGTERM; one that \
      dies is replaced when its lease ends. An audit, sweep or study is done by workers of one release and one kind of \
      CPU: --isa makes several kinds one.

      Example: dither work --database postgresql://dither@db/dither --until-idle
      """)

  @Option(help: "YAML file of settings, which may be a server's. (default: $DITHER_CONFIG)")
  var config: String?
  @Option(help: help(of: "state"))
  var state: String?
  @Option(help: help(of: "database"))
  var database: String?
  @Option(help: help(of: "blobs"))
  var blobs: String?
  @Option(help: help(of: "precision"))
  var precision: String?
  @Option(help: help(of: "isa"))
  var isa: String?
  @Option(help: help(of: "lease"))
  var lease: String?
  @Flag(help: "End when there has been nothing to do for --idle-seconds.")
  var untilIdle = false
  @Option(help: "See --until-idle.")
  var idleSeconds = 5.0
  @Option(help: "Threads that compute, 1 to 256. (default: one for each core)")
  var threads: String?
  @Option(help: help(of: "log-level"))
  var logLevel: String?

  func validate() throws {
    guard (0...86_400).contains(idleSeconds) else { throw ValidationError("--idle-seconds takes 0 to 86400.") }
  }

  func run() async throws {
    let flags = [
      "state": state, "database": database, "blobs": blobs, "precision": precision, "isa": isa, "threads": threads,
      "lease": lease, "log-level": logLevel,
    ]
    var configuration = try SettingsReader(flags, config: config).configuration()
    guard configuration.database != nil else {
      throw CommandError(
        .missingOption, at: "--database", expected: "the database that servers share", got: "none",
        advice: "a server with a store of its own does its audits itself")
    }
    // It serves nothing, and publishes nothing.
    configuration.modelsDirectory = nil
    configuration.accessLog = nil
    configuration.traces = try TraceSettings(environment: ProcessInfo.processInfo.environment)
    configuration.computeThreads = 1
    Allocator.returnsLargeBlocks()
    // A reader of the log who goes away ends nothing: NIO sees to that only once it has a socket.
    signal(SIGPIPE, SIG_IGN)
    LoggingSystem.bootstrap { BoundedLog(ShownLog(StreamLogHandler.standardError(label: $0))) }
    let (stops, stop) = AsyncStream.makeStream(of: Void.self)
    let interrupt = Interrupt { stop.yield() }
    try configuration.keepInstructions()
    // Behind that: whose results are alike depends on it.
    configuration.moreWork = TrainingWorks.kinds(in: configuration.stateDirectory, code: Dither.code)
    try await DitherWorker(configuration).run(untilIdle: untilIdle ? .seconds(idleSeconds) : nil, stops: stops)
    withExtendedLifetime(interrupt) {}
  }
}
