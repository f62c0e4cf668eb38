import Foundation
import Synchronization

/// The cost of predictions, by the version that was asked.
final class PredictionStatistics: Sendable {
  /// How often, and how long in all.
  struct Span: Sendable {
    var count: UInt64 = 0
    var nanoseconds: UInt64 = 0
    mutating func add(_ time: Duration) {
      count += 1
      nanoseconds += UInt64(max(0, time.seconds * 1e9))
    }
  }
  struct Figures: Sendable {
    var success = Span(), failure = Span(), queued = Span(), computed = Span()
    var rows: UInt64 = 0
    /// By rows of a batch, all its requests together.
    var batches: [Int: Span] = [:]
    /// Since 1970; 0: never.
    var lastMilliseconds: UInt64 = 0
  }
  private let figures = Mutex<[String: Figures]>([:])

  /// - Parameter reference: "name@version".
  subscript(_ reference: String) -> Figures { figures.withLock { $0[reference] ?? Figures() } }

  func record(_ result: Result<PredictionOutcome, any Error>, of reference: String, took time: Duration) {
    let now = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
    figures.withLock { all in
      var own = all[reference] ?? Figures()
      own.lastMilliseconds = now
      switch result {
      case .failure: own.failure.add(time)
      case .success(let outcome):
        own.success.add(time)
        own.queued.add(outcome.queued)
        own.computed.add(outcome.computed)
        own.rows += UInt64(outcome.predictions.count)
        if let rows = outcome.rowsOfBatch { own.batches[rows, default: Span()].add(outcome.computed) }
      }
      all[reference] = own
    }
  }
}
