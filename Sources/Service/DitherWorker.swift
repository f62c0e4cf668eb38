import DitherJobs
import DitherStore
import Foundation
import Logging

/// A process that works on the audits of a store that servers share, and on its other jobs, and takes no calls.
public struct DitherWorker: Sendable {
  /// As a server's; ports and certificates are not used.
  public let configuration: ServerConfiguration

  public init(_ configuration: ServerConfiguration) { self.configuration = configuration }

  /// Works until it is told to stop. The shards that it holds then are given back at once.
  /// - Parameters:
  ///   - idle: how long there must have been nothing to do for it to end by itself; nil: it does not.
  ///   - stops: says when it is to stop.
  public func run(untilIdle idle: Duration?, stops: AsyncStream<Void>) async throws {
    var log = Logger(label: "dither")
    log.logLevel = configuration.logLevel
    let services = try await Services(configuration, kind: .worker, log: log)
    try await services.audits.resume()
    log.info("working")
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in stops { return } }
      if let idle { group.addTask { await Self.wait(until: services.audits, areIdleFor: idle) } }
      await group.next()
      group.cancelAll()
    }
    await services.audits.stop()
    // Trainings put down how far they are, for whoever goes on.
    await services.audits.settle(within: .seconds(5))
    await services.replicas.leave()
    await services.finishTelling()
    log.info("stopped")
  }

  private static func wait(until audits: JobRunner, areIdleFor idle: Duration) async {
    var since = ContinuousClock.now
    while (try? await Task.sleep(for: .milliseconds(100))) != nil {
      if !audits.isIdle { since = .now }
      if ContinuousClock.now - since > idle { return }
    }
  }
}
