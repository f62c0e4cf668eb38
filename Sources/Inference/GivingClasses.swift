import DitherBasics
import DitherGraph

extension Graph {
  /// The same model with two logits, [0, z], for the one score of a binary task; any other as it is.
  ///
  /// What works on classes works on it: softmax([0, z]) is [1 − p, p] of the probability p that the score stands for.
  /// - Throws: when the graph is no model.
  func givingClasses() throws -> Graph {
    let found = try TaskOutput(of: self)
    guard found.task == .binary, found.width == 1 else { return self }
    var graph = try exposingBinaryLogits(of: found.output.name, kind: found.kind ?? .logits)
    graph.metadata[ModelSignature.taskKey] = ModelTask.binary.name
    return graph
  }
}
