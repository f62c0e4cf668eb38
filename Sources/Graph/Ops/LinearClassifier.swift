import DitherBasics
import DitherTensor

/// Scores of the classes, each a weighted sum of the features, and the class of the largest: scikit-learn's linear
/// models.
/// - Shapes: [B, features]; the classes [B] as int64 and the scores [B, classes].
/// - Source: ONNX-ML `LinearClassifier`, opset 1. Two classes may have one score s, which becomes [−s, s], or
///   [1 − p, p].
struct LinearClassifier: Composite {
  static let onnx = OnnxName("LinearClassifier", since: 1, domain: OnnxName.learning)
  private let model: LinearModel
  private let names: ClassNames
  private let multiClass: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "coefficients", "intercepts", "multi_class", "post_transform", "classlabels_ints", "classlabels_strings")
    names = try ClassNames(node, integers: "classlabels_ints")
    multiClass = try node.int("multi_class", default: 0)
    let given = try node.floats("coefficients")?.count ?? 0, intercepts = try node.floats("intercepts")?.count ?? 0
    // A row of weights for each class, or one for both of two.
    let isSingle = names.count == 2 && (intercepts == 1 || given % 2 == 1)
    model = try LinearModel(
      node, targets: isSingle ? 1 : names.count, transforms: [.none, .softmax, .logistic])
  }
  func write(to node: inout OnnxNode) {
    model.write(to: &node)
    names.write(to: &node, integers: "classlabels_ints")
    if multiClass != 0 { node["multi_class"] = .int(Int64(multiClass)) }
  }
  var classLabels: [String]? { names.texts }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let raw = try model.scores(inputs, in: builder)
    guard model.targets == 1 else {
      return try [names.best(of: raw), model.transform.applied(to: raw)]
    }
    let pair = try builder.apply(Concat(axis: 1), [-raw, raw])[0]
    return try [names.best(of: pair), model.transform.applied(to: pair)]
  }
}
