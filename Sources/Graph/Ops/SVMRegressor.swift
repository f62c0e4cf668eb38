import DitherBasics
import DitherTensor

/// A weighted sum of kernels of the features with support vectors, plus `rho`; with `one_class` its sign.
/// - Shapes: [B, features]; the result [B, 1].
/// - Source: ONNX-ML `SVMRegressor`, opset 1, `post_transform` NONE.
struct SVMRegressor: Composite {
  static let onnx = OnnxName("SVMRegressor", since: 1, domain: OnnxName.learning)
  private let vectors: SupportVectors?
  private let coefficients: [Float]
  private let rho: Float
  private let isOneClass: Bool
  private let attributes: [String: OnnxAttribute]
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "coefficients", "kernel_params", "kernel_type", "n_supports", "n_targets", "one_class", "post_transform", "rho",
      "support_vectors")
    _ = try ScoreTransform(node, among: [.none])
    let count = try node.int("n_supports", default: 0)
    coefficients = try node.floats("coefficients") ?? []
    let rho = try node.floats("rho") ?? []
    guard !coefficients.isEmpty, count == 0 || coefficients.count == count, rho.count == 1,
      try node.int("n_targets", default: 1) == 1
    else {
      throw GraphError(
        .attribute, at: "\(node.place), attributes 'coefficients', 'rho' and 'n_supports'",
        expected: count == 0 ? "a number for each feature, and one rho" : "\(count) numbers, and one rho",
        got: "\(coefficients.count) and \(rho.count)")
    }
    self.rho = rho[0]
    vectors = count == 0 ? nil : try SupportVectors(node, count: count)
    isOneClass = try node.flag("one_class", default: false)
    attributes = node.attributes
  }
  func write(to node: inout OnnxNode) { node.attributes = attributes }
  func trainable(_ input: Int) -> Bool { false }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.featureTable(), terms = try vectors?.kernels(x) ?? x
    guard terms.shape[1] == coefficients.count else {
      throw GraphError(.shape, at: "input 'X'", expected: "\(coefficients.count) features", got: "\(x.shape)")
    }
    let weights = builder.constant(.float(Tensor([coefficients.count, 1], coefficients)))
    let sum = try terms.apply(MatMul(), weights) + rho
    guard isOneClass else { return [sum] }
    let above = try builder.scalar(0).apply(Binary(.less), sum)
    return [try 2 * above + -1]
  }
}
