import ArgumentParser
import DitherBasics
import DitherJobs
import DitherStore
import DitherTensor
import DitherTrain
import Foundation
import Synchronization

/// Trainings whose results a store has, so that many processes share them.
struct SharedTraining: ParsableArguments {
  @OptionGroup var store: StoreOptions
  @Option(
    help: ArgumentHelp(
      """
      With --database: the folder for checkpoints and files, a worker's --state. Without: results are in the SQLite database there, and \
      several commands on this machine share them.
      """, valueName: "folder"))
  var state: String?
  @Flag(help: "With --database: train nothing here, and wait until others, as 'dither work', have.")
  var wait = false
  @Flag(help: "With --database: end it for all who train it.")
  var cancel = false

  @Option(
    help: """
      Newest instructions that kernels may use (sse41, avx, avx2, avx512_core), so that processes on several kinds of CPU give the \
      same bits. (default: the newest that the CPU has)
      """)
  var isa: String?

  /// Before the first kernel is made.
  func keepInstructions() throws { if let isa { try ComputeClass.keep(to: isa) } }

  /// Whether results are in a store.
  var isAsked: Bool { store.database != nil || state != nil }

  /// - Parameter part: as `--part` says it.
  func check(part: WorkPart? = nil) throws {
    guard isAsked else {
      guard !wait, !cancel else {
        throw ValidationError("--wait and --cancel go with --database, where others train too")
      }
      return
    }
    guard part == nil else {
      throw ValidationError("--part goes with a folder; with --database every process takes what is left")
    }
    guard !wait || !cancel else { throw ValidationError("--wait and --cancel do not go together") }
  }

  /// Takes part in a job until it is done, or only waits.
  /// - Parameters:
  ///   - workers: trainings at once.
  ///   - word: for one training.
  /// - Returns: the results by shard; nil: it was ended, as was asked.
  func results(of job: TrainingJob, workers: Int, word: String) async throws -> [Int: [UInt8]]? {
    let directory = state ?? StateDirectory.standard, store = try await store.open(in: directory)
    let author = "local:\(NSUserName().clipped(to: 64))"
    if cancel {
      guard let found = try await job.find(in: store.jobs), !found.state.isFinal else {
        throw CommandFailure(status: .notFound, message: "nobody trains this \(job.kind)")
      }
      try await store.jobs.setState(.cancelled, of: found.id, message: "cancelled by \(author)")
      return nil
    }
    let known = try await job.join(in: store.jobs, by: author)
    let interrupt = Interrupt { Console.write("\nstopping; a second Ctrl-C stops at once\n") }
    let runner = wait ? nil : self.runner(of: store, in: directory, workers)
    let line = SharedLine()
    defer { line.close() }
    let ended = try await JobHand(known.id, of: store.jobs, runner: runner).finish(
      isStopped: { interrupt.isAsked }, progress: { line.show("\(word) \($0) of \($1)", isMilestone: $0 == $1) })
    line.close()
    guard let ended else {
      throw CommandFailure(
        status: .interrupted, message: "stopped; what is left is others', or the same command's, which goes on")
    }
    switch ended.state {
    case .done:
      if !ended.message.isEmpty { Console.note(ended.message) }
      return try await store.jobs.shards(of: ended.id)
    case .cancelled: throw CommandFailure(status: .interrupted, message: "the \(job.kind) was \(ended.message)")
    case .failed, .queued, .running:
      throw CommandFailure(
        status: .checkFailed, message: "\(ended.message); the same command goes on with what is there")
    }
  }

  private func runner(of store: any Store, in directory: String, _ workers: Int) -> JobRunner {
    JobRunner(
      TrainingWorks.kinds(in: directory, code: Dither.code), jobs: store.jobs, threads: workers, places: 1,
      silence: store.isShared ? JobRunner.sharedSilence : .zero,
      note: { note in
        switch note {
        case .leftToOthers(_, let reason): Console.note("\nthis process only waits for others: \(reason)")
        case .waiting(_, let reason): Console.note("\nthe store does not answer: \(reason)")
        case .diverged(_, let shard):
          Console.note("\ntraining \(shard) was done twice, with other results: bad memory, or a defect")
        case .goingOn, .done, .failed, .notStored: break
        }
      })
  }
}

/// A line that tells how far a job is, for closures that outlive a call.
private final class SharedLine: Sendable {
  private struct Line: ~Copyable { var line = ProgressLine() }
  private let line = Mutex(Line())

  func show(_ text: String, isMilestone: Bool) { line.withLock { $0.line.show(text, isMilestone: isMilestone) } }
  func close() { line.withLock { $0.line.close() } }
}
