import DitherBasics
import DitherGraph
import DitherTensor

extension Model {
  /// Several classifiers of the same inputs as one, deterministic: its logits are ln of the mean of their
  /// probabilities. Each keeps its own normalization of pixels; the whole takes inputs in [0, 1].
  /// - Throws: when the members do not take and give the same.
  public convenience init(ensemble members: [Model], precision: Plan.Precision = .float32) throws {
    guard let first = members.first?.signature else {
      throw InferenceError(.notAClassifier, at: "ensemble", expected: "at least one member", got: "none")
    }
    for member in members {
      let other = member.signature
      try other.checkClasses(for: "ensemble")
      guard !other.isRowByRow else {
        throw InferenceError(
          .notAClassifier, at: "ensemble", expected: "members that take any number of rows",
          got: "one whose file has a batch of one", advice: "export it with a dynamic batch")
      }
      // One float input may have another name in each.
      let isAlike = first.takesOneFloat && other.takesOneFloat || other.inputs == first.inputs
      guard isAlike, other.inputShape == first.inputShape, other.classes == first.classes else {
        throw InferenceError(
          .notAClassifier, at: "ensemble",
          expected: "members that all take \(first.takes) and have \(first.classes) classes",
          got: "one that takes \(other.takes) and has \(other.classes)")
      }
      guard other.labelNames == first.labelNames else {
        throw InferenceError(
          .notAClassifier, at: "ensemble", expected: "members of the same classes: \(first.labelNames)".clipped(),
          got: "\(other.labelNames)".clipped())
      }
    }
    let builder = GraphBuilder(name: "ensemble")
    let taken = first.inputs.map { input in
      builder.input(first.takesOneFloat ? "x" : input.name, input.shape.dimensions, element: input.element)
    }
    var outputs: [Value] = []
    for (number, member) in members.enumerated() {
      let signature = member.signature, pixels = signature.normalization
      var inputs = taken
      if !pixels.isIdentity {
        func constant(_ values: [Float], _ name: String) -> Value {
          builder.parameter("\(number).\(name)", Tensor(signature.inputShape, signature.spread(values)))
        }
        inputs[0] = try builder.divide(
          builder.subtract(taken[0], constant(pixels.mean, "mean")), constant(pixels.deviation, "deviation"))
      }
      var only = try member.exposingLogits().graph
      only.outputs = only.outputs.filter { $0.name == signature.outputName }
      let values = try builder.replay(only, on: inputs, prefix: "\(number).")
      outputs.append(values[0])
    }
    var graph = builder.finish(outputs: [("logits", try builder.mixture(of: outputs))])
    graph.metadata[ModelSignature.outputKindKey] = OutputKind.logits.rawValue
    graph.metadata[ModelSignature.taskKey] = first.task.name
    graph.metadata[ModelSignature.labelsKey] = members[0].graph.metadata[ModelSignature.labelsKey]
    try self.init(graph, precision: precision)
  }
}
