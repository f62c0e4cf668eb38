import DitherBasics
import DitherTensor

/// The largest number of each window.
/// - Source: ONNX `MaxPool`, opsets 8–28, without the indices output.
struct MaxPool: Composite, Increasing {
  static let onnx = OnnxName("MaxPool", since: 1)
  var window: Window
  init(_ size: Int) { window = Window(kernel: [size, size], strides: [size, size]) }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides")
    guard node.outputCount == 1, try node.int("storage_order", default: 0) == 0 else {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "one output, row-major", got: "indices or column-major")
    }
    window = try Window(node)
  }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 1 }
  func write(to node: inout OnnxNode) { window.write(to: &node) }
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double { window.reads(outputs) }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...5)
    return [
      try x.pooled(by: window) { x, window throws(GraphError) in
        let shape = try window.pooling(x.shape), result = shape.output(like: x.shape, channels: x.shape[1])
        return try x.apply(GivenPooling(kind: .max, shape: shape, result: result))
      }
    ]
  }
}
