import DitherBasics
import DitherTensor

/// [d0, …, d(axis−1), …] as a matrix of two axes.
/// - Source: ONNX `Flatten`, opsets 1–28.
struct Flatten: OnnxOp, Viewing, Rearranging {
  static let onnx = OnnxName("Flatten", since: 1)
  var axis = 1
  init() {}
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    axis = try node.int("axis", default: 1)
  }
  func write(to node: inout OnnxNode) { if axis != 1 { node["axis"] = .int(Int64(axis)) } }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "input")
    guard axis >= -data.shape.rank, axis <= data.shape.rank else {
      throw GraphError(
        .attribute, at: "attribute 'axis'", expected: "\(-data.shape.rank) to \(data.shape.rank)", got: "\(axis)")
    }
    let cut = axis < 0 ? axis + data.shape.rank : axis
    let dimensions = data.shape.dimensions
    return [TensorType([Shape(Array(dimensions[..<cut])).count, Shape(Array(dimensions[cut...])).count], data.element)]
  }
}
