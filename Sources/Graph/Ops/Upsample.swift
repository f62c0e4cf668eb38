import DitherBasics
import DitherTensor

/// Images brought to larger extents; what `Resize` was before it had that name.
/// - Source: ONNX `Upsample`, opset 9.
struct Upsample: Composite {
  static let onnx = OnnxName("Upsample", since: 7)
  private let sampling: Sampling
  private let scales: [Float]?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("mode", "scales")
    guard node.opset < 10 else {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "opset 9 or earlier", got: "opset \(node.opset)",
        advice: "newer opsets have Resize")
    }
    scales = try node.floats("scales")
    sampling = try Sampling(node, modes: [.nearest, .linear], coordinates: "asymmetric", rounding: "floor")
  }
  /// In newer files it is a `Resize`.
  func write(to node: inout OnnxNode) {
    node.type = Resize.onnx.type
    sampling.write(to: &node)
    node.movedInputs = [0: 0, 1: 2]
    if let scales { node.constantInputs[2] = .float(Tensor([scales.count], scales)) }
  }
  var leastOpset: Int { 11 }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    let scales = self.scales ?? (try? types.knownFloats(1, "scales")) ?? []
    return input == 0 && !(scales.indices.contains(axis) && scales[axis] == 1)
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 1...8)
    var scales = self.scales ?? []
    if self.scales == nil { scales = try inputs.types.knownFloats(1, "scales") }
    guard scales.count == x.shape.rank else {
      throw GraphError(.shape, at: "input 'scales'", expected: "\(x.shape.rank) numbers", got: "\(scales.count)")
    }
    return [try sampling.resize(x, scales: scales)]
  }
}
