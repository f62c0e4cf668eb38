import DitherBasics
import DitherGraph

/// The parameters of a network that are learned strengths of weight noise, for strategies that move them in the
/// optimizer's place: all by one factor.
struct LearnedStrengths: Sendable {
  private var learned: [String: LearnedDeviation] = [:]

  /// None.
  init() {}

  /// - Parameter owner: the strategy, for messages.
  /// - Throws: where there are none.
  init(of graph: Graph, for owner: String) throws(TrainError) {
    for term in (graph.noise?.terms ?? []).indices {
      for found in graph.learnedDeviations(of: term) { learned[graph.valueNames[found.id.index]] = found }
    }
    guard learned.isEmpty else { return }
    throw TrainError(
      .recipe, at: "strategy '\(owner)'",
      expected: "weight noise with a strength to move: {site: weights, sigma: 0.05, learned: layer}", got: "none")
  }

  func contains(_ name: String) -> Bool { learned[name] != nil }

  /// Takes their gradients, so that no optimizer moves them.
  func hold(_ step: TrainingStep) {
    for parameter in step.parameters where contains(parameter.name) { parameter.gradient.update(repeating: 0) }
  }

  /// Makes all of them so many times as strong.
  func multiply(by factor: Double, in step: TrainingStep) {
    for parameter in step.parameters {
      guard let one = learned[parameter.name] else { continue }
      for (i, value) in parameter.values.enumerated() { parameter.values[i] = one.multiplied(value, by: Float(factor)) }
    }
  }

  /// Runs `body` where they are so many times as strong, and takes them back bit for bit.
  func trying(_ factor: Double, in step: TrainingStep, _ body: () -> Void) {
    let own = step.parameters.filter { contains($0.name) }, start = own.map { Array($0.values) }
    multiply(by: factor, in: step)
    body()
    for (parameter, values) in zip(own, start) { _ = parameter.values.update(fromContentsOf: values) }
  }
}
