import DitherBasics
import DitherTensor

/// Sums of what the leaves of decision trees say of each class, and the class of the largest: random forests and
/// boosted trees.
/// - Shapes: [B, features]; the classes [B] as int64 and the scores [B, classes].
/// - Source: ONNX-ML `TreeEnsembleClassifier`, opsets 1–4. Of two classes the leaves may speak of one, by a score s: it
///   becomes [1 − s, s] where no weight is negative, else [−s, s], as in onnxruntime.
struct TreeEnsembleClassifier: Composite {
  static let onnx = OnnxName("TreeEnsembleClassifier", since: 1, domain: OnnxName.learning)
  static let longestList = Trees.mostNodes
  private let trees: Trees
  private let names: ClassNames
  private let transform: ScoreTransform
  private let attributes: [String: OnnxAttribute]
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      Trees.nodeKeys + [
        "class_ids", "class_nodeids", "class_treeids", "class_weights", "class_weights_as_tensor",
        "classlabels_int64s", "classlabels_strings",
      ])
    attributes = node.attributes
    names = try ClassNames(node, integers: "classlabels_int64s")
    transform = try ScoreTransform(node, among: [.none, .softmax, .logistic])
    let base = try node.reals("base_values")
    let ids = try node.ints("class_ids") ?? [], isSingle = names.count == 2 && Set(ids).count == 1
    if isSingle {
      // The one score, whichever class it is written under.
      var single = node
      single["class_ids"] = .ints([Int64](repeating: 0, count: ids.count))
      trees = try Trees(
        single, leaves: "class", targets: 1, sum: .sum, base: base.isEmpty ? [] : [base[base.count - 1]])
    } else {
      trees = try Trees(node, leaves: "class", targets: names.count, sum: .sum, base: base)
    }
  }
  func write(to node: inout OnnxNode) { node.attributes = attributes }
  var classLabels: [String]? { names.texts }
  func trainable(_ input: Int) -> Bool { false }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let scores = try inputs.featureTable().apply(TreeScores(trees: trees))
    guard trees.targets == 1 else { return try [names.best(of: scores), transform.applied(to: scores)] }
    guard trees.hasNegativeWeights else {
      let pair = try builder.apply(Concat(axis: 1), [-scores + 1, scores])[0]
      return try [names.best(of: pair), pair.copied()]
    }
    let pair = try builder.apply(Concat(axis: 1), [-scores, scores])[0]
    return try [names.best(of: pair), transform == .logistic ? pair.map(.sigmoid) : pair.copied()]
  }
}
