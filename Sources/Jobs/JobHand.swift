import DitherBasics
import DitherStore

/// A command's part in one job that many work on: it takes part, or only waits for the end.
public struct JobHand: Sendable {
  private let id: String
  private let jobs: any JobRecords
  private let runner: JobRunner?
  private let pause: Duration

  /// Between two times that a job is taken up which others were at.
  private static let patience = Duration.seconds(5)

  /// - Parameters:
  ///   - id: of a job that is in the store.
  ///   - runner: does its shards, and is stopped at the end; nil: others do all of them.
  ///   - pause: between two looks.
  public init(_ id: String, of jobs: any JobRecords, runner: JobRunner?, pause: Duration = .milliseconds(500)) {
    (self.id, self.jobs, self.runner, self.pause) = (id, jobs, runner, pause)
  }

  /// Until the job has ended, or this process is told to leave it: then others go on. A store that is away is waited
  /// for.
  /// - Parameters:
  ///   - isStopped: asked between two looks.
  ///   - progress: shards that are done, and how many there are, once that is known.
  /// - Returns: the job, as it ended; nil: it goes on without this process.
  public func finish(
    isStopped: @Sendable () -> Bool = { false }, progress: @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) async throws -> Job? {
    var taken: ContinuousClock.Instant?
    while true {
      if let job = try await look(progress) {
        if job.state.isFinal {
          await runner?.stop()
          return job
        }
        if let runner, runner.isIdle, taken.map({ ContinuousClock.now - $0 > Self.patience }) ?? true {
          runner.enqueue(id, by: job.createdBy)
          taken = .now
        }
      }
      if isStopped() {
        await runner?.stop()
        await runner?.settle(within: .seconds(10))
        return nil
      }
      try await Task.sleep(for: pause)
    }
  }

  /// - Returns: nil where the store does not answer.
  private func look(_ progress: @Sendable (_ done: Int, _ all: Int) -> Void) async throws -> Job? {
    do throws(StoreError) {
      let job = try await jobs.job(id)
      if let count = try await jobs.shardCount(of: id) { progress(try await jobs.done(of: id).count, count) }
      return job
    } catch {
      guard error.code == .away else { throw error }
      return nil
    }
  }
}

extension JobRunner {
  /// After `stop`: waits until what ran has listened, for so long at most.
  public func settle(within time: Duration) async {
    let end = ContinuousClock.now + time
    while running > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
  }
}
