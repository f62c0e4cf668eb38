import DitherBasics
import DitherTensor

/// The values that a plan is asked for: outputs, and with the reverse pass appended, gradients.
struct PlannedValues {
  let inputs: [Value]
  let outputs: [Value]
  /// Where the caller writes the gradient of its loss for the output that is differentiated.
  private(set) var cotangent: Value?
  /// By input; nil where none was asked for or none arrives.
  private(set) var inputGradients: [Value?]
  private(set) var parameterGradients: [(parameter: ValueID, gradient: Value)] = []
  let statistics: [GraphBuilder.Statistics]
  /// How many nodes there are before those of the reverse pass.
  let forwardNodes: Int

  /// - Parameter trainable: the parameters whose gradients may be asked for.
  init(
    of graph: Graph, in builder: GraphBuilder, _ options: Plan.Options, trainable: [ValueID]
  ) throws(GraphError) {
    inputs = builder.graph.inputs.map { Value(id: $0.value, builder: builder) }
    var outputs: [Value] = []
    for output in graph.outputs {
      guard let value = builder.replayed[output.value] else {
        throw GraphError(
          .missing, at: "output '\(output.name.clipped())'", expected: "a value that a node puts out", got: "none")
      }
      outputs.append(value)
    }
    self.outputs = outputs
    inputGradients = [Value?](repeating: nil, count: inputs.count)
    statistics = builder.batchStatistics
    forwardNodes = builder.graph.nodes.count
    if options.inputGradient || options.parameterGradients { try differentiate(builder, options, trainable) }
  }

  private mutating func differentiate(
    _ builder: GraphBuilder, _ options: Plan.Options, _ trainable: [ValueID]
  ) throws(GraphError) {
    guard outputs.indices.contains(options.output), outputs[options.output].type.element == .float32 else {
      throw GraphError(
        .shape, at: "plan", expected: "a float output to differentiate", got: "output \(options.output)")
    }
    let output = outputs[options.output], seed = builder.placeholder("cotangent", output.type)
    cotangent = seed
    let differentiable = options.inputGradient ? inputs.filter { $0.type.element == .float32 } : []
    let trained =
      options.parameterGradients ? trainable.compactMap { id in builder.replayed[id].map { (id, $0) } } : []
    let found = try builder.gradients(of: output, upstream: seed, for: differentiable + trained.map(\.1))
    for (target, gradient) in zip(differentiable, found) {
      if let index = inputs.firstIndex(where: { $0.id == target.id }) { inputGradients[index] = gradient }
    }
    for ((id, _), gradient) in zip(trained, found.dropFirst(differentiable.count)) {
      if let gradient { parameterGradients.append((id, gradient)) }
    }
  }

  var statisticValues: [Value] { statistics.flatMap { [$0.batchMean, $0.batchVariance] } }
  var gradients: [Value] { inputGradients.compactMap { $0 } + parameterGradients.map(\.gradient) }
  /// All that outlives a run.
  var wanted: [Value] { outputs + statisticValues + gradients }
}
