import DitherBasics
import DitherTensor

/// The same elements with new axes of extent 1. The axes are an attribute up to opset 12 and an input from 13 on.
/// - Source: ONNX `Unsqueeze`, opsets 1–28.
struct Unsqueeze: OnnxOp, Viewing, Rearranging {
  static let onnx = OnnxName("Unsqueeze", since: 1)
  private let axes: NamedAxes
  init(_ node: OnnxNode) throws(GraphError) { axes = try NamedAxes(node) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data")
    let wanted = try axes.known(inputs), rank = data.shape.rank + wanted.count
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
