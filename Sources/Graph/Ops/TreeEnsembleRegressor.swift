import DitherBasics
import DitherTensor

/// Sums, means, minima or maxima of what decision trees say, by target: random forests and boosted trees.
/// - Shapes: [B, features] to [B, targets].
/// - Source: ONNX-ML `TreeEnsembleRegressor`, opsets 1–4.
struct TreeEnsembleRegressor: Composite {
  static let onnx = OnnxName("TreeEnsembleRegressor", since: 1, domain: OnnxName.learning)
  static let longestList = Trees.mostNodes
  private let trees: Trees
  private let transform: ScoreTransform
  private let attributes: [String: OnnxAttribute]
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      Trees.nodeKeys + [
        "aggregate_function", "n_targets", "target_ids", "target_nodeids", "target_treeids", "target_weights",
        "target_weights_as_tensor",
      ])
    attributes = node.attributes
    transform = try ScoreTransform(node, among: [.none, .softmax, .logistic])
    let name = try node.string("aggregate_function", default: "SUM"), targets = try node.int("n_targets", default: 1)
    guard let sum = Trees.Sum(rawValue: name), (1...1 << 16).contains(targets) else {
      throw GraphError(
        .attribute, at: "\(node.place), attributes 'aggregate_function' and 'n_targets'",
        expected: "SUM, AVERAGE, MIN or MAX, and 1 to \(1 << 16)", got: "'\(name.clipped())' and \(targets)")
    }
    trees = try Trees(node, leaves: "target", targets: targets, sum: sum, base: node.reals("base_values"))
  }
  func write(to node: inout OnnxNode) { node.attributes = attributes }
  func trainable(_ input: Int) -> Bool { false }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    [try transform.applied(to: inputs.featureTable().apply(TreeScores(trees: trees)))]
  }
}
