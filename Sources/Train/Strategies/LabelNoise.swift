import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// With probability `rate` an example's class becomes another. Drawn anew at each step, from all classes alike, it is
/// DisturbLabel (Xie et al. 2016, arXiv 1605.00055); drawn once for the training, `fixed`, it is a set with wrong
/// labels, by the conventions of Patrini et al. 2017, arXiv 1609.03683.
public struct LabelNoise: Strategy {
  public static let name = "label_noise"
  public static let changesExamples = true
  /// The probability, from 0 to 1.
  public var rate = 0.1
  /// The classes that are drawn from.
  public var to = Choice.any
  /// For `to: given`, what each class becomes; one that stays names itself.
  public var classes: [Int]?
  /// Whether an example has the same class at each step.
  public var fixed = false

  /// The conventions.
  public enum Choice: String, Codable, Sendable, CaseIterable {
    /// All classes alike, also its own: of K classes the share that is wrong is rate · (K − 1) / K.
    case any
    /// All others alike: the share that is wrong is the rate.
    case other
    /// Asymmetric: the class that `classes` has for it.
    case given
  }

  public init() {}

  public func check() throws(CatalogError) {
    try require((0...1).contains(rate), "rate", "0 to 1", rate)
    guard let classes, to == .given else {
      return try require((classes != nil) == (to == .given), "classes", "a class for each with 'to: given' alone", to)
    }
    try require(classes.allSatisfy { (0..<classes.count).contains($0) }, "classes", "classes from 0", classes)
  }

  public mutating func start(on graph: Graph, _ task: ModelTask) throws {
    try requireClasses(task)
    let width = task == .binary ? 2 : task.outputWidth
    guard classes == nil || classes?.count == width else {
      throw TrainError(
        .recipe, at: "strategy '\(Self.name)'", expected: "\(width) numbers in 'classes', one for each class",
        got: "\(classes?.count ?? 0)")
    }
  }

  public func prepare(_ batch: inout Batch, at position: StepPosition) {
    let width = batch.targets.width, limit = rate * position.strength
    guard limit > 0 else { return }
    var drawn: [Int: Int] = [:]
    for (row, example) in batch.examples.enumerated() {
      let address =
        fixed
        ? NoiseAddress(seed: mixSeed(position.seed, 0x1AB1), site: 0, sample: UInt32(truncatingIfNeeded: example))
        : NoiseAddress(
          seed: mixSeed(position.seed, 0x1AB2, UInt64(position.number)), site: 0,
          sample: UInt32(truncatingIfNeeded: row))
      guard Double(address.uniform(0)) < limit, let label = batch.targets[row].label else { continue }
      drawn[row] = another(than: label, of: width, chance: address.uniform(1))
    }
    guard !drawn.isEmpty else { return }
    batch.targets = batch.targets.mapped { shares in
      var shares = shares
      for (row, label) in drawn {
        shares.replaceRow(row, with: (0..<width).map { $0 == label ? 1 : 0 }[...])
      }
      return shares
    }
  }

  private func another(than label: Int, of width: Int, chance: Float) -> Int {
    func number(below count: Int) -> Int { min(Int(chance * Float(count)), count - 1) }
    switch to {
    case .any: return number(below: width)
    case .other:
      let drawn = number(below: max(width - 1, 1))
      return width < 2 ? label : drawn < label ? drawn : drawn + 1
    case .given: return classes.map { $0.indices.contains(label) ? $0[label] : label } ?? label
    }
  }
}
