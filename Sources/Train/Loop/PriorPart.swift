import DitherBasics
import DitherDatasets
import DitherGraph
import DitherTensor

/// The part of a run that trains a prior: some epochs, on some of the rows.
public struct PriorPhase: Sendable, Equatable {
  /// The share of the training rows, above 0 and below 1.
  public var share: Double
  /// The share of the epochs, above 0 and below 1.
  public var until: Double
  /// - Parameters:
  ///   - share: of the rows.
  ///   - until: of the epochs.
  public init(share: Double, until: Double) { (self.share, self.until) = (share, until) }

  /// Epochs of the prior: one at least, and one less than all at most.
  func epochs(of all: Int) -> Int { min(max(Int((until * Double(all)).rounded()), 1), all - 1) }
}

/// The same of one run: which epochs, and which of its rows.
struct PriorPart {
  let epochs: Int
  let rows: Set<Int>
  /// Rows that the prior has not seen.
  let unseen: Int

  /// nil: no strategy trains a prior.
  init?(_ recipe: Recipe, _ part: TrainingPart) throws(TrainError) {
    guard let phase = recipe.priorPhase else { return nil }
    guard part.examples.standardizedColumns.isEmpty else {
      throw TrainError(
        .recipe, at: "recipe, 'strategies'",
        expected: "data that no rows have standardized, as the prior must not know them",
        got: "the table '\(recipe.data.clipped())'")
    }
    let split = part.split(by: phase)
    guard !split.prior.isEmpty, !split.unseen.isEmpty else {
      throw TrainError(
        .data, at: "recipe, 'strategies'", expected: "rows for the prior and others that it has not seen",
        got: "\(part.examples.count) rows")
    }
    (epochs, rows, unseen) = (phase.epochs(of: recipe.epochs), Set(split.prior), split.unseen.count)
  }

  /// An epoch's rows while the prior is trained: as many as of any other epoch, the prior's alone, again from the first
  /// behind the last.
  func order(_ all: [Int]) -> [Int] {
    let own = all.filter(rows.contains)
    return all.indices.map { own[$0 % own.count] }
  }
}

extension TrainingPart {
  /// The rows of a prior and the others, by their places among the examples: those of a fixed shuffle, the same for
  /// every seed.
  package func split(by phase: PriorPhase) -> (prior: [Int], unseen: [Int]) {
    var order = Array(0..<examples.count), generator = PhiloxGenerator(seed: 0, stream: 0x9A1C)
    order.shuffle(using: &generator)
    let count = Int((phase.share * Double(order.count)).rounded())
    return (order.prefix(count).sorted(), order.dropFirst(count).sorted())
  }
}

extension Recipe {
  /// The strategy's that trains a prior.
  var priorPhase: PriorPhase? { strategies.lazy.compactMap(\.strategy.priorPhase).first }

  /// - Throws: where a key does not go with a run of two parts.
  func checkPrior() throws(TrainError) {
    guard priorPhase != nil else { return }
    for (key, isThere) in [("posterior", posterior != nil), ("average", average != nil), ("patience", patience != nil)]
    where isThere {
      throw TrainError(
        .recipe, at: "recipe, '\(key)'", expected: "none beside a strategy that trains a prior first", got: "one",
        advice: "leave '\(key)' out")
    }
    guard epochs > 1 else {
      throw TrainError(
        .recipe, at: "recipe, 'epochs'", expected: "2 or more: the prior's and the others", got: "\(epochs)")
    }
  }
}

extension Trainer {
  /// Whether the next step is of the prior.
  package var isInPrior: Bool { prior.map { position.epoch < $0.epochs } ?? false }

  /// The rows of an epoch in their order.
  func order(of epoch: Int) -> [Int] {
    let order = batches.order(of: epoch)
    guard let prior, epoch < prior.epochs else { return order }
    return prior.order(order)
  }

  /// The prior is done: what comes stays near it, by an optimizer that knows of no step.
  func keepPrior() {
    for buffer in start { _ = buffer.floats.update(fromContentsOf: parameters.floats) }
    for buffer in state { buffer.floats.update(repeating: 0) }
  }

  /// The prior with its noise; nil: the run has none, or has not trained it yet.
  package func priorGraph() throws -> Graph? {
    guard let buffer = start.first, !isInPrior else { return nil }
    let last = Array(parameters.floats)
    defer { _ = parameters.floats.update(fromContentsOf: last) }
    _ = parameters.floats.update(fromContentsOf: buffer.floats)
    return try snapshot(views: false)
  }
}
