import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// With probability `rate` an example's class is drawn anew for the step, from all classes alike: DisturbLabel, Xie et
/// al. 2016, arXiv 1605.00055.
public struct LabelNoise: Strategy {
  public static let name = "label_noise"
  public static let changesExamples = true
  /// The probability, from 0 to 1.
  public var rate = 0.1
  public init() {}

  public func check() throws(CatalogError) { try require((0...1).contains(rate), "rate", "0 to 1", rate) }

  public mutating func start(on graph: Graph, _ task: ModelTask) throws { try requireClasses(task) }

  public func prepare(_ batch: inout Batch, at position: StepPosition) {
    var generator = position.generator
    let width = batch.targets.width
    var drawn: [Int: Int] = [:]
    for row in 0..<batch.targets.count {
      // Both numbers are drawn whatever the first is, so that a row's draws do not depend on those before it.
      let chance = Double.random(in: 0..<1, using: &generator), label = Int.random(in: 0..<width, using: &generator)
      if chance < rate * position.strength { drawn[row] = label }
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
}
