import DitherBasics
import DitherGraph
import DitherTensor

/// The mean cross-entropy as a function of a model's parameters, on given examples: its value, its gradient, and products of its
/// Hessian with vectors, for sharpness and for attacks on weights. Of the deterministic model with its stored statistics.
///
/// Hessian products are central differences of gradients, H v ≈ (g(w + h v) − g(w − h v)) / 2h: two more pairs of passes a product,
/// and every op that has a gradient has this. The step is the one that balances its two errors, truncation and rounding, for
/// single precision: h = ε^(1/3) (1 + ‖w‖) / ‖v‖. `error` is an estimate of what is left: the difference between steps h and 2h,
/// which is three times the truncation error of h. Kinks of ReLUs between w − hv and w + hv add to both.
/// - Source: Nocedal and Wright 2006, Numerical Optimization, 8.1; Pearlmutter 1994 for the exact form.
public final class Curvature {
  public struct Product: Sendable {
    /// In the parameters' order, as `gradient` is.
    public var values: [Float]
    /// Of the whole vector, in its Euclidean norm.
    public var error: Double
  }

  /// What is found at one point.
  public struct Evaluation: Sendable {
    /// Mean cross-entropy, in nats.
    public var loss: Double
    /// Right answers.
    public var correct: Int
    /// Empty where it was not asked for.
    public var gradient: [Float]
  }

  /// One of the model's parameters.
  public struct Parameter: Sendable {
    public var name: String
    /// Where it lies in vectors.
    public var range: Range<Int>
    public var shape: Shape
  }

  private let plans: [Int: Plan]
  private let buffers: ParameterBuffers
  private let places: [Range<Int>]
  private let inputs: Tensor
  private let labels: [Int]
  private let chunks: [Range<Int>]
  private let classes: Int
  private let givesProbabilities: Bool

  /// How many parameters there are: the length of gradients and of vectors.
  public let count: Int
  public let parameters: [Parameter]
  /// The model's own parameters.
  public let start: [Float]

  /// Rows of one pass: few enough that their activations do not fill the memory.
  private static let mostRows = 128

  /// - Throws: when the graph is no classifier, or inputs or labels do not fit it.
  public init(_ graph: Graph, inputs: Tensor, labels: [Int], threads: Int = 1) throws {
    let signature = try ModelSignature(graph)
    try signature.check(inputs)
    try signature.check(labels: labels, rows: inputs.rowCount)
    var only = graph
    only.outputs = graph.outputs.filter { $0.name == signature.outputName }
    let buffers = ParameterBuffers(only, moving: true)
    chunks = stride(from: 0, to: labels.count, by: Self.mostRows).map {
      $0..<min($0 + Self.mostRows, labels.count)
    }
    var plans: [Int: Plan] = [:]
    for size in Set(chunks.map(\.count)) {
      plans[size] = try Plan(
        only, parameters: buffers, options: .init(rows: size, parameterGradients: true, threads: threads))
    }
    self.plans = plans
    self.buffers = buffers
    let trainable = buffers.trainable.filter { buffers.ranges[$0] != nil }
    places = trainable.compactMap { buffers.ranges[$0] }
    var parameters: [Parameter] = [], end = 0
    for id in trainable {
      let length = buffers.ranges[id]?.count ?? 0
      parameters.append(
        Parameter(name: buffers.names[id] ?? "", range: end..<end + length, shape: buffers.shapes[id] ?? [length]))
      end += length
    }
    self.parameters = parameters
    count = end
    self.inputs = inputs
    self.labels = labels
    classes = signature.classes
    givesProbabilities = signature.givesProbabilities
    let floats = buffers.floats
    start = places.flatMap { Array(floats[$0]) }
  }

  /// The loss with these parameters.
  public func evaluate(_ parameters: [Float], wantsGradient: Bool = true) -> Evaluation {
    precondition(parameters.count == count, "a number for each parameter")
    let floats = buffers.floats
    parameters.withUnsafeBufferPointer { from in
      var place = 0
      for range in places {
        let part = UnsafeBufferPointer(rebasing: from[place..<place + range.count])
        _ = UnsafeMutableBufferPointer(rebasing: floats[range]).update(fromContentsOf: part)
        place += range.count
      }
    }
    var sum = Evaluation(loss: 0, correct: 0, gradient: wantsGradient ? [Float](repeating: 0, count: count) : [])
    for rows in chunks { add(rows, to: &sum, wantsGradient) }
    return sum
  }

  private func add(_ rows: Range<Int>, to sum: inout Evaluation, _ wantsGradient: Bool) {
    guard let plan = plans[rows.count] else { return }
    _ = plan.input().update(fromContentsOf: inputs.rows(rows).elements)
    plan.forward()
    let scores = plan.output(), cotangent = plan.cotangent, share = 1 / Float(labels.count)
    for (at, row) in rows.enumerated() {
      let place = at * classes..<(at + 1) * classes
      let z = UnsafeBufferPointer(rebasing: scores[place])
      let loss = Loss.crossEntropy.value(
        z, target: labels[row], probabilities: givesProbabilities,
        gradient: UnsafeMutableBufferPointer(rebasing: cotangent[place]))
      let label = Label.of(z)
      sum.loss += label == Label.none ? .infinity : Double(loss) * Double(share)
      if label == labels[row] { sum.correct += 1 }
      for i in place { cotangent[i] *= share }
    }
    guard wantsGradient else { return }
    plan.backward()
    sum.gradient.withUnsafeMutableBufferPointer { out in
      var place = 0
      for range in places {
        let found = plan.parameterGradients[range]
        for (offset, index) in range.enumerated() { out[place + offset] += found[index] }
        place += range.count
      }
    }
  }

  /// The gradient of the loss at the model's parameters.
  public func gradient() -> [Float] { evaluate(start).gradient }

  /// - Parameters:
  ///   - vector: of `count` numbers.
  ///   - estimatesError: costs as much again as the product; without it the error is 0.
  public func hessianProduct(_ vector: [Float], estimatesError: Bool = true) -> Product {
    precondition(vector.count == count, "a number for each parameter")
    let length = norm(vector)
    guard length > 0 else { return Product(values: vector, error: 0) }
    let step = 0.005 * (1 + norm(start)) / length  // ε^(1/3) of 24 bits
    func difference(_ step: Double) -> [Float] {
      let above = gradient(along: vector, Float(step)), below = gradient(along: vector, Float(-step))
      return zip(above, below).map { Float((Double($0) - Double($1)) / (2 * step)) }
    }
    let near = difference(step)
    guard estimatesError else { return Product(values: near, error: 0) }
    let wide = difference(2 * step)
    let apart = zip(wide, near).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }.squareRoot()
    return Product(values: near, error: apart / 3)
  }

  private func norm(_ vector: [Float]) -> Double {
    vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  private func gradient(along direction: [Float], _ step: Float) -> [Float] {
    evaluate(zip(start, direction).map { $0 + step * $1 }).gradient
  }
}
