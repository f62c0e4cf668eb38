import DitherBasics
import DitherTensor

/// The same elements without axes of extent 1: those named, or all. The axes are an attribute up to opset 12 and an
/// input from 13 on.
/// - Source: ONNX `Squeeze`, opsets 1–28.
struct Squeeze: OnnxOp, Viewing, Rearranging {
  static let onnx = OnnxName("Squeeze", since: 1)
  private let axes: NamedAxes
  init(_ node: OnnxNode) throws(GraphError) { axes = try NamedAxes(node) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data")
    if axes.areLeftOut(inputs) {
      let kept = data.shape.dimensions.filter { $0 != 1 }
      return [TensorType(Shape(kept), data.element, known: data.known, knownFloats: data.knownFloats)]
    }
    var gone = Set<Int>()
    for axis in try axes.known(inputs) { gone.insert(try resolveAxis(axis, rank: data.shape.rank)) }
    for axis in gone where data.shape[axis] != 1 {
      throw GraphError(.shape, at: "input 'data'", expected: "extent 1 along axis \(axis)", got: "\(data.shape)")
    }
    let kept = data.shape.dimensions.indices.filter { !gone.contains($0) }.map { data.shape[$0] }
    return [TensorType(Shape(kept), data.element, known: data.known, knownFloats: data.knownFloats)]
  }
}
