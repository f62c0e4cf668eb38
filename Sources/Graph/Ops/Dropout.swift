import DitherBasics
import DitherTensor

/// At inference, `y = x`; the mask output, if it is asked for, is not given.
/// - Source: ONNX `Dropout`, opsets 7–21.
struct Dropout: OnnxOp, Viewing {
  static let onnx = OnnxName("Dropout", since: 7)
  private var ratio: Float?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("ratio", "seed")
    if node["ratio"] != nil { ratio = try node.float("ratio", default: 0.5) }
    guard node.outputCount == 1 else {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "one output", got: "\(node.outputCount): a mask as well")
    }
  }
  func write(to node: inout OnnxNode) { if let ratio, node.opset < 12 { node["ratio"] = .float(ratio) } }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    if let training = inputs.optional(2), training.known?.allSatisfy({ $0 == 0 }) != true {
      throw GraphError(
        .unsupportedOp, at: "input 'training_mode'", expected: "false, as at inference", got: "training mode",
        advice: "export the model in evaluation mode")
    }
    return [try inputs.required(0, "data")]
  }
}
