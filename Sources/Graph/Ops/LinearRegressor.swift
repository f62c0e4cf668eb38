import DitherBasics
import DitherTensor

/// Weighted sums of the features.
/// - Shapes: [B, features]; the result [B, targets].
/// - Source: ONNX-ML `LinearRegressor`, opset 1.
struct LinearRegressor: Composite {
  static let onnx = OnnxName("LinearRegressor", since: 1, domain: OnnxName.learning)
  private let model: LinearModel
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("coefficients", "intercepts", "post_transform", "targets")
    model = try LinearModel(
      node, targets: node.int("targets", default: 1), transforms: [.none, .softmax, .logistic])
  }
  func write(to node: inout OnnxNode) {
    model.write(to: &node)
    if model.targets != 1 { node["targets"] = .int(Int64(model.targets)) }
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    try [model.transform.applied(to: model.scores(inputs, in: builder))]
  }
}
