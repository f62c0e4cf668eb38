import DitherInference
import Foundation
import Synchronization

/// The cost of predictions and how sure they were, by the version that was asked.
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
    /// Seconds of each request.
    var queueing = Histogram(Histogram.seconds), computing = Histogram(Histogram.seconds)
    /// Rows of each batch, and draws of each request.
    var batchRows = Histogram(Histogram.powersOfTwo), draws = Histogram(Histogram.powersOfTwo)
    /// A row's, where it has it.
    var predictiveEntropy = Histogram(Histogram.nats), mutualInformation = Histogram(Histogram.nats)
    /// Classes of each row's prediction set.
    var setSizes = Histogram([0, 1, 2, 3, 5, 10, 20, 50, 100, 1000])
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
        if let rows = outcome.rowsOfBatch {
          own.batches[rows, default: Span()].add(outcome.computed)
          own.batchRows.add(Double(rows))
        }
        own.queueing.add(outcome.queued.seconds)
        own.computing.add(outcome.computed.seconds)
        own.draws.add(Double(outcome.samples))
        for prediction in outcome.predictions {
          if let entropy = prediction[PredictiveEntropy.self]?.first { own.predictiveEntropy.add(entropy) }
          if let information = prediction[MutualInformation.self]?.first { own.mutualInformation.add(information) }
        }
      }
      all[reference] = own
    }
  }

  func record(sets: [[Int]], of reference: String) {
    figures.withLock { all in
      for set in sets { all[reference, default: Figures()].setSizes.add(Double(set.count)) }
    }
  }
}
