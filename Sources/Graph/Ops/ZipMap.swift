import DitherBasics
import DitherTensor

/// Probabilities, which scikit-learn's exporter may put out as a list of dictionaries; here they stay the array that
/// they were, and the keys become the model's label names.
/// - Source: ONNX-ML `ZipMap`, opset 1.
struct ZipMap: OnnxOp, Viewing {
  static let onnx = OnnxName("ZipMap", since: 1, domain: OnnxName.learning)
  /// The keys of the dictionaries, which become the model's label names.
  let classLabels: [String]?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("classlabels_int64s", "classlabels_strings")
    classLabels =
      switch (node["classlabels_strings"], node["classlabels_int64s"]) {
      case (.strings(let names)?, _): names
      case (_, .ints(let numbers)?): numbers.map(String.init)
      default: nil
      }
  }
  /// As the array.
  func write(to node: inout OnnxNode) {
    node.type = Identity.onnx.type
    node.domain = Identity.onnx.domain
  }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(try inputs.float(0, "X", rank: 1...2))]
  }
}
