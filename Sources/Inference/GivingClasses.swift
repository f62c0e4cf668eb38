import DitherBasics
import DitherGraph

extension Graph {
  /// The same model with two logits, [0, z], for the one score of a binary task; any other as it is.
  ///
  /// What works on classes works on it: softmax([0, z]) is [1 − p, p] of the probability p that the score stands for.
  /// - Parameter tried: the kind that the score looks like, where neither the file nor its nodes tell.
  /// - Throws: when the graph is no model.
  func givingClasses(_ tried: OutputKind? = nil) throws -> Graph {
    let found = try TaskOutput(of: self)
    guard found.task == .binary, found.width == 1 else { return self }
    var graph = try exposingBinaryLogits(of: found.output.name, kind: found.kind ?? tried ?? .logits)
    graph.metadata[ModelSignature.taskKey] = ModelTask.binary.name
    return graph
  }
}
