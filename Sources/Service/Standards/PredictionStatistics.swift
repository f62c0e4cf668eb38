import DitherBasics
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
    /// Monte-Carlo draws, counted for each row.
    var drawn: UInt64 = 0
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
  private let figures = Mutex(KeptTable<String, Figures>())
  private let books: Bookkeeping
  private let known: @Sendable () -> Set<String>

  /// - Parameters:
  ///   - books: in which predictions are noted, and which are settled before any figure is told.
  ///   - known: the references of the versions that are there; figures of others are forgotten in time.
  init(_ books: Bookkeeping, among known: @escaping @Sendable () -> Set<String>) {
    self.books = books
    self.known = known
  }

  /// - Parameter reference: "name@version".
  subscript(_ reference: String) -> Figures {
    books.settle()
    return figures.withLock { $0[reference] ?? Figures() }
  }

  /// One request that is over.
  struct Ended: Sendable {
    /// nil: it was not computed.
    var outcome: PredictionOutcome?
    /// Classes of each row's set.
    var setSizes: [Int] = []
    /// It was answered, not refused.
    var isAnswered: Bool
    var took: Duration
    var at: Date
  }

  func record(_ ended: Ended, of reference: String) {
    figures.withLock { $0.change(reference, default: Figures(), among: known) { $0.add(ended) } }
  }
}

extension PredictionStatistics.Figures {
  /// Batches that were computed.
  var executions: UInt64 { batches.values.reduce(0) { $0 + $1.count } }

  fileprivate mutating func add(_ ended: PredictionStatistics.Ended) {
    lastMilliseconds = max(lastMilliseconds, UInt64(max(0, ended.at.timeIntervalSince1970 * 1000)))
    if ended.isAnswered { success.add(ended.took) } else { failure.add(ended.took) }
    guard let outcome = ended.outcome else { return }
    if let rows = outcome.rowsOfBatch {
      batches[rows, default: PredictionStatistics.Span()].add(outcome.computed)
      batchRows.add(Double(rows))
    }
    guard ended.isAnswered else { return }
    queued.add(outcome.queued)
    computed.add(outcome.computed)
    rows += UInt64(outcome.predictions.count)
    drawn += UInt64(outcome.predictions.count * outcome.samples)
    queueing.add(outcome.queued.seconds)
    computing.add(outcome.computed.seconds)
    draws.add(Double(outcome.samples))
    for prediction in outcome.predictions {
      if let entropy = prediction[PredictiveEntropy.self]?.first { predictiveEntropy.add(entropy) }
      if let information = prediction[MutualInformation.self]?.first { mutualInformation.add(information) }
    }
    for size in ended.setSizes { setSizes.add(Double(size)) }
  }
}
