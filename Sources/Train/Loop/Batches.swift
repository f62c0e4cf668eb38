import DitherDatasets
import DitherTensor

/// Some examples, as one step takes them.
public struct Batch: Sendable {
  /// [B, …].
  public var inputs: Tensor
  /// As many; values are scaled as the network is trained on them.
  public var targets: Targets
  /// By row: which of the examples of the training it is, from 0.
  public let examples: [Int]

  /// - Parameters:
  ///   - inputs: a row for each target.
  ///   - examples: nil: those from 0.
  public init(inputs: Tensor, targets: Targets, examples: [Int]? = nil) {
    self.inputs = inputs
    self.targets = targets
    self.examples = examples ?? Array(0..<targets.count)
  }
}

/// The training examples in the order of an epoch.
struct Batches: Sendable {
  private let inputs: Tensor
  private let targets: Targets
  /// Examples of a batch.
  let size: Int
  private let seed: UInt64

  /// - Parameters:
  ///   - inputScale: of the inputs; nil: they stay as they are.
  ///   - scale: of the targets.
  init(_ data: Dataset, _ inputScale: InputScale?, _ scale: TargetScale, size: Int, seed: UInt64) {
    inputs = inputScale?.scaled(data.inputs) ?? data.inputs
    targets = scale.scaled(data.targets)
    self.size = max(min(size, data.count), 1)
    self.seed = seed
  }

  /// Examples of an epoch.
  var count: Int { inputs.rowCount }
  /// Batches of an epoch; the last has what is left over.
  var stepsPerEpoch: Int { (count + size - 1) / size }
  /// The batches of `size` examples: all but a last, smaller one.
  var wholeBatches: Int { count / size }

  /// Drawn from the seed and the epoch alone.
  func order(of epoch: Int) -> [Int] {
    var order = Array(0..<inputs.rowCount),
      generator = PhiloxGenerator(seed: mixSeed(seed, 0x0DE2), stream: UInt64(epoch))
    order.shuffle(using: &generator)
    return order
  }

  func batch(_ step: Int, of order: [Int]) -> Batch {
    rows(Array(order[step * size..<min((step + 1) * size, order.count)]))
  }

  /// So many rows, the next ones for the next number, from the first again behind the last.
  func cycled(_ number: Int, _ rows: Int) -> Batch { self.rows((0..<rows).map { (number * rows + $0) % count }) }

  private func rows(_ rows: [Int]) -> Batch {
    Batch(inputs: inputs.rows(at: rows), targets: targets.rows(rows), examples: rows)
  }
}
