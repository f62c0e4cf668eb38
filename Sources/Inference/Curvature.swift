import DitherBasics
import DitherGraph
import DitherTensor

/// Products of the loss's Hessian in the parameters with vectors, for sharpness.
///
/// By central differences of gradients, H v ≈ (g(w + h v) − g(w − h v)) / 2h: one more pair of passes a product, and every op
/// that has a gradient has this. The step is the one that balances its two errors, truncation and rounding, for single
/// precision: h = ε^(1/3) (1 + ‖w‖) / ‖v‖. `error` is an estimate of what is left: the difference between steps h and 2h, which is
/// three times the truncation error of h. Kinks of ReLUs between w − hv and w + hv add to both.
/// - Source: Nocedal and Wright 2006, Numerical Optimization, 8.1; Pearlmutter 1994 for the exact form.
public final class Curvature {
  public struct Product: Sendable {
    /// In the parameters' order, as `parameterGradient` is.
    public var values: [Float]
    /// Of the whole vector, in its Euclidean norm.
    public var error: Double
  }

  private let plan: Plan
  private let parameters: ParameterBuffers
  private let ranges: [Range<Int>]
  private let labels: [Int]
  private let classes: Int
  private let givesProbabilities: Bool
  private let start: [Float]

  /// How many parameters there are: the length of gradients and of vectors.
  public let count: Int

  /// The mean cross-entropy of these examples, of the deterministic model with its stored statistics.
  /// - Throws: when the graph is no classifier, or inputs or labels do not fit it.
  public init(_ graph: Graph, inputs: Tensor, labels: [Int], threads: Int = 1) throws {
    let signature = try ModelSignature(graph)
    try signature.check(inputs)
    try signature.check(labels: labels, rows: inputs.rowCount)
    var only = graph
    only.outputs = graph.outputs.filter { $0.name == signature.outputName }
    parameters = ParameterBuffers(only, moving: true)
    plan = try Plan(
      only, parameters: parameters,
      options: .init(rows: inputs.rowCount, parameterGradients: true, threads: threads))
    _ = plan.input().update(fromContentsOf: inputs.elements)
    ranges = parameters.trainable.compactMap { [parameters] in parameters.ranges[$0] }
    count = ranges.reduce(0) { $0 + $1.count }
    self.labels = labels
    classes = signature.classes
    givesProbabilities = signature.givesProbabilities
    start = Array(parameters.floats)
  }

  /// The gradient of the loss at the model's parameters.
  public func gradient() -> [Float] { gradient(at: nil, 0) }

  /// - Parameter vector: of `count` numbers.
  public func hessianProduct(_ vector: [Float]) -> Product {
    precondition(vector.count == count, "a number for each parameter")
    let length = norm(vector)
    guard length > 0 else { return Product(values: vector, error: 0) }
    let step = 0.005 * (1 + norm(ranges.flatMap { start[$0] })) / length  // ε^(1/3) of 24 bits
    func difference(_ step: Double) -> [Float] {
      let above = gradient(at: vector, Float(step)), below = gradient(at: vector, Float(-step))
      return zip(above, below).map { Float((Double($0) - Double($1)) / (2 * step)) }
    }
    let wide = difference(2 * step), near = difference(step)
    let apart = zip(wide, near).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }.squareRoot()
    return Product(values: near, error: apart / 3)
  }

  private func norm(_ vector: [Float]) -> Double {
    vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  private func gradient(at direction: [Float]?, _ step: Float) -> [Float] {
    let floats = parameters.floats
    var place = 0
    for range in ranges {
      for at in range {
        floats[at] = start[at] + (direction.map { step * $0[place] } ?? 0)
        place += 1
      }
    }
    plan.forward()
    let scores = plan.output(), cotangent = plan.cotangent, share = 1 / Float(labels.count)
    for (row, label) in labels.enumerated() {
      let place = row * classes..<(row + 1) * classes
      _ = Loss.crossEntropy.value(
        UnsafeBufferPointer(rebasing: scores[place]), target: label, probabilities: givesProbabilities,
        gradient: UnsafeMutableBufferPointer(rebasing: cotangent[place]))
      for i in place { cotangent[i] *= share }
    }
    plan.backward()
    return ranges.flatMap { Array(plan.parameterGradients[$0]) }
  }
}
