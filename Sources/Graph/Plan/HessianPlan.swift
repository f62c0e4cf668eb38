import DitherBasics
import DitherTensor

/// Products of a Hessian with vectors, exact but for rounding, at kinks too: the reverse pass is made of ops, and so is
/// the reverse pass of its product with the vector (Pearlmutter 1994, Neural Computation 6; Christianson 1992, IMA J.
/// Numerical Analysis 12, for reverse over reverse). Of a piecewise linear net it is the Hessian of the piece that its
/// parameters lie in, as automatic differentiation has it.
///
/// A plan for one number of rows, used by one thread at a time.
public final class HessianPlan {
  private let plan: Plan
  /// By variable: the plan's input that takes its part of the vector, and the output that has its part of the product;
  /// nil where the loss is linear in it.
  private let parts: [(input: Int, output: Int?)]
  private let classes: Int
  /// The classifier's input that takes the weights of the rows.
  private let targets: Int

  /// The Hessian of the cross-entropy of a classifier's output, weighted by row, as a function of the graph's
  /// parameters.
  /// - Parameters:
  ///   - output: the output [rows, classes] that the loss is of.
  ///   - givesProbabilities: it is of ln(output); else of log-softmax.
  /// - Throws: when the graph cannot be planned, or an op of it has no second derivative.
  public convenience init(
    _ graph: Graph, output: Int = 0, givesProbabilities: Bool, rows: Int, threads: Int = 1
  ) throws(GraphError) {
    let builder = GraphBuilder(name: graph.name, rows: rows)
    try builder.replay(graph)
    guard graph.outputs.indices.contains(output), let z = builder.replayed[graph.outputs[output].value],
      z.shape.rank == 2
    else {
      throw GraphError(
        .shape, at: "graph '\(graph.name.clipped())'", expected: "an output of [rows, classes]",
        got: "\(graph.outputs.count) outputs, of which it is none")
    }
    // The loss is −Σ t ln p; `targets` holds the weight of each row at its class.
    let targets = builder.input("targets", batched: [nil, z.shape[1]], element: .float32)
    let cotangent =
      try givesProbabilities
      ? -(targets / z.apply(Binary(.maximum), builder.scalar(.leastNormalMagnitude)))
      : z.apply(Softmax(axis: -1)) * targets.summed(to: [rows, 1]) - targets
    try self.init(
      builder, of: z, cotangent, for: graph.parameters.compactMap { builder.replayed[$0] }, threads: threads)
  }

  /// The Hessian of ½ Σ w y² for the first output y, as a function of the graph's float inputs and then its parameters:
  /// how ops are tested.
  package convenience init(squaresOf graph: Graph, weights: [Float], rows: Int) throws(GraphError) {
    let builder = GraphBuilder(name: graph.name, rows: rows)
    try builder.replay(graph)
    guard let output = graph.outputs.first, let y = builder.replayed[output.value] else {
      throw GraphError(.missing, at: "graph", expected: "an output", got: "none")
    }
    let inputs = builder.graph.inputs.filter { $0.element == .float32 }.map { Value(id: $0.value, builder: builder) }
    let cotangent = try y * builder.constant(.float(Tensor(y.shape, weights)))
    try self.init(
      builder, of: y, cotangent, for: inputs + graph.parameters.compactMap { builder.replayed[$0] }, threads: 1)
  }

  private init(
    _ builder: GraphBuilder, of output: Value, _ cotangent: Value, for variables: [Value], threads: Int
  ) throws(GraphError) {
    classes = output.shape.dimensions.last ?? 1
    let first = try builder.gradients(of: output, upstream: cotangent, for: variables)
    let before = builder.graph.inputs.count
    targets = before - 1
    var seeds: [(Value, Value)] = []
    for (index, variable) in variables.enumerated() {
      let vector = builder.input("vector_\(index)", batched: variable.shape.dimensions, element: .float32)
      if let gradient = first[index] { seeds.append((gradient, vector)) }
    }
    var outputs: [(name: String, value: Value)] = [], parts: [(input: Int, output: Int?)] = []
    for (index, product) in try builder.gradients(of: seeds, for: variables).enumerated() {
      parts.append((before + index, product == nil ? nil : outputs.count))
      // A value of its own, whatever else it is.
      if let product { outputs.append(("product_\(index)", try product + 0)) }
    }
    self.parts = parts
    let second = builder.finish(outputs: outputs)
    plan = try Plan(second, parameters: ParameterBuffers(second), options: .init(rows: builder.rows, threads: threads))
  }

  /// Where a batch is written, by the graph's inputs; others follow them.
  package var inputs: [UnsafeMutableRawBufferPointer] { plan.inputs }

  /// Adds the product of the classifier's rows.
  /// - Parameters:
  ///   - labels: of the batch that lies in `inputs`.
  ///   - weight: of each row's loss.
  ///   - vector: of the variables, in the graph's order, one after the other.
  public func add(labels: some Collection<Int>, weight: Float, vector: [Float], to product: inout [Float]) {
    let targets = plan.input(targets)
    targets.update(repeating: 0)
    for (row, label) in labels.enumerated() { targets[row * classes + label] = weight }
    add(vector: vector, to: &product)
  }

  package func add(vector: [Float], to product: inout [Float]) {
    var place = 0
    vector.withUnsafeBufferPointer { vector in
      for part in parts {
        let to = plan.input(part.input)
        _ = to.update(fromContentsOf: UnsafeBufferPointer(rebasing: vector[place..<place + to.count]))
        place += to.count
      }
    }
    plan.forward()
    place = 0
    for part in parts {
      let count = plan.input(part.input).count
      if let output = part.output {
        let found = plan.output(output)
        for i in 0..<count { product[place + i] += found[i] }
      }
      place += count
    }
  }
}
