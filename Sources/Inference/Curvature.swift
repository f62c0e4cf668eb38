import DitherBasics
import DitherGraph
import DitherTensor

/// The mean cross-entropy as a function of a model's parameters, on given examples: its value, its gradient, and
/// products of its Hessian with vectors, for sharpness and for attacks on weights. Of the deterministic model with its
/// stored statistics.
///
/// Hessian products are exact (``HessianPlan``). A model that gives probabilities is followed on the logits behind
/// them: where a probability rounds to 1 its derivatives vanish, those of the logits do not.
public final class Curvature {
  /// The finds at one point.
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
  private let signature: ModelSignature
  private var classes: Int { signature.classes }
  private var givesProbabilities: Bool { signature.givesProbabilities }
  private let graph: Graph
  private let threads: Int
  private var hessianPlans: [Int: HessianPlan] = [:]

  /// How many parameters there are: the length of gradients and of vectors.
  public let count: Int
  public let parameters: [Parameter]
  /// The model's own parameters.
  public let start: [Float]

  /// Rows of one pass: few enough that their activations do not fill the memory.
  private static let mostRows = 128

  /// - Throws: when the graph is no classifier, or inputs or labels do not fit it.
  public init(_ graph: Graph, inputs: Tensor, labels: [Int], threads: Int = 1) throws {
    let classifier = try graph.givingClasses(), given = try ModelSignature(classifier)
    let inputs = try given.checked(inputs).tensor
    try given.check(labels: labels, rows: inputs.rowCount)
    let only = try classifier.exposingLogits(of: given.outputName, kind: given.outputKind)
    let signature = try ModelSignature(only)
    self.graph = only
    self.threads = threads
    let buffers = ParameterBuffers(only, moving: true)
    let most = signature.isRowByRow ? 1 : Self.mostRows
    chunks = stride(from: 0, to: labels.count, by: most).map { $0..<min($0 + most, labels.count) }
    var plans: [Int: Plan] = [:]
    for size in Set(chunks.map(\.count)) {
      plans[size] = try Plan(
        only, parameters: buffers, options: .init(rows: size, parameterGradients: true, threads: threads))
    }
    self.plans = plans
    self.buffers = buffers
    // Constants behind the output, by which its logits are reached, are no parameters.
    let trainable = buffers.trainable.filter { buffers.ranges[$0] != nil && graph.literals[$0] != nil }
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
    self.signature = signature
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
    signature.load(inputs, rows, into: plan.inputs)
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

  /// The product of the Hessian at the model's parameters with a vector, exact but for rounding.
  /// - Parameter vector: of `count` numbers, in the parameters' order.
  /// - Throws: when an op of the graph has no second derivative.
  public func hessianProduct(_ vector: [Float]) throws -> [Float] {
    precondition(vector.count == count, "a number for each parameter")
    var product = [Float](repeating: 0, count: count)
    let share = 1 / Float(labels.count)
    for rows in chunks {
      let plan = try hessianPlan(rows: rows.count)
      signature.load(inputs, rows, into: plan.inputs)
      plan.add(labels: labels[rows], weight: share, vector: vector, to: &product)
    }
    return product
  }

  private func hessianPlan(rows: Int) throws -> HessianPlan {
    if let known = hessianPlans[rows] { return known }
    let made = try HessianPlan(graph, givesProbabilities: givesProbabilities, rows: rows, threads: threads)
    hessianPlans[rows] = made
    return made
  }
}
