import DitherBasics
import DitherTensor

/// `(x − offset) · scale`, by feature.
/// - Source: ONNX-ML `Scaler`, opset 1.
struct Scaler: Composite {
  static let onnx = OnnxName("Scaler", since: 1, domain: OnnxName.learning)
  private let offset: [Float]
  private let scale: [Float]
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("offset", "scale")
    let offset = try node.floats("offset") ?? [0], scale = try node.floats("scale") ?? [1]
    // One number stands for all features; other readers want both lists of one length.
    self.offset = offset.count == 1 ? offset + [Float](repeating: offset[0], count: max(scale.count, 1) - 1) : offset
    self.scale = scale.count == 1 ? scale + [Float](repeating: scale[0], count: max(offset.count, 1) - 1) : scale
  }
  func write(to node: inout OnnxNode) {
    // As many of each: some readers ask for it.
    let count = Swift.max(offset.count, scale.count)
    func spread(_ values: [Float]) -> [Float] {
      values.count == 1 ? [Float](repeating: values[0], count: count) : values
    }
    node["offset"] = .floats(spread(offset))
    node["scale"] = .floats(spread(scale))
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 1...2), features = x.shape[x.shape.rank - 1]
    guard [1, features].contains(offset.count), [1, features].contains(scale.count) else {
      throw GraphError(
        .shape, at: "attributes", expected: "1 or \(features) numbers", got: "\(offset.count) and \(scale.count)")
    }
    func constant(_ values: [Float]) -> Value { builder.constant(.float(Tensor([values.count], values))) }
    return try [(x - constant(offset)) * constant(scale)]
  }
}
