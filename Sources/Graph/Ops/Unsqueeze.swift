import DitherBasics
import DitherTensor

/// The same elements with new axes of extent 1. The axes are an attribute up to opset 12 and an input from 13 on.
/// - Source: ONNX `Unsqueeze`, opsets 1–28.
struct Unsqueeze: OnnxOp, Viewing, Rearranging {
  static let onnx = OnnxName("Unsqueeze", since: 1)
  private var axes: [Int]?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axes")
    axes = try node.ints("axes")
  }
  func write(to node: inout OnnxNode) {
    guard let axes else { return }
    if node.opset < 13 {
      node["axes"] = .ints(axes.map(Int64.init))
    } else {
      node.constantInputs[1] = .int64([axes.count], axes.map(Int64.init))
    }
  }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data")
    let wanted = try inputs.known(axes, or: 1, "axes"), rank = data.shape.rank + wanted.count
    guard rank <= 8 else { throw GraphError(.shape, at: "input 'axes'", expected: "rank at most 8", got: "\(rank)") }
    var new = Set<Int>()
    for axis in wanted {
      guard new.insert(try resolveAxis(axis, rank: rank)).inserted else {
        throw GraphError(.attribute, at: "axes", expected: "each axis once", got: "\(wanted)")
      }
    }
    var rest = data.shape.dimensions.makeIterator()
    let shape = (0..<rank).map { new.contains($0) ? 1 : rest.next() ?? 1 }
    return [TensorType(Shape(shape), data.element, known: data.known, knownFloats: data.knownFloats)]
  }
}
