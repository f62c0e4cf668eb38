import DitherBasics
import DitherTensor

/// Another element type. Taken between equal types, which is what exporters emit around shape arithmetic.
/// - Source: ONNX `Cast`, opsets 6–21.
struct Cast: OnnxOp, Viewing {
  static let onnx = OnnxName("Cast", since: 6)
  private let to: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("to", "saturate")
    to = try node.int("to", default: 0)
  }
  func write(to node: inout OnnxNode) { node["to"] = .int(Int64(to)) }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let type = try inputs.required(0, "input")
    // ONNX's numbers: 1 float, 7 int64, 9 bool.
    guard let target = [1: ElementType.float32, 7: .int64, 9: .bool][to], target == type.element else {
      throw GraphError(
        .unsupportedType, at: "attribute 'to'", expected: "the input's own type, \(type.element)", got: "type \(to)")
    }
    return [type]
  }
}
