import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// A share of the target goes from its class to all classes alike. Source: Szegedy et al. 2016, arXiv 1512.00567, 7.
public struct LabelSmoothing: Strategy {
  public static let name = "label_smoothing"
  public static let changesExamples = true
  /// The share, from 0 to below 1.
  public var share = 0.1
  public init() {}

  public func check() throws(CatalogError) { try require((0..<1).contains(share), "share", "0 to below 1", share) }

  public mutating func start(on graph: Graph, _ task: ModelTask) throws { try requireClasses(task) }

  public func prepare(_ batch: inout Batch, at position: StepPosition) {
    let share = Float(min(share * position.strength, 1)), each = share / Float(batch.targets.width)
    guard share > 0 else { return }
    batch.targets = batch.targets.mapped { $0.map { (1 - share) * $0 + each } }
  }
}

extension Strategy {
  /// - Throws: where what is trained has values for targets.
  func requireClasses(_ task: ModelTask) throws(TrainError) {
    guard task.isRegression else { return }
    throw TrainError(
      .recipe, at: "strategy '\(Self.name)'", expected: "classes, as with objective \(CrossEntropy.name)",
      got: "the task \(task.kind.rawValue)")
  }
}
