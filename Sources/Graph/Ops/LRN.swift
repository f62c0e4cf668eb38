import DitherBasics
import DitherTensor

/// `x / (bias + alpha / size · Σ x²)^beta`, the sum over neighboring channels.
/// - Source: ONNX `LRN`, opsets 1–28; Krizhevsky et al. 2012.
struct LRN: Composite {
  static let onnx = OnnxName("LRN", since: 1)
  private let size: Int
  private let alpha: Float
  private let beta: Float
  private let bias: Float
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("alpha", "beta", "bias", "size")
    size = try node.int("size", default: 0)
    alpha = try node.float("alpha", default: 0.0001)
    beta = try node.float("beta", default: 0.75)
    bias = try node.float("bias", default: 1)
    guard (1...AxisMix.limit).contains(size) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'size'", expected: "1 to \(AxisMix.limit)", got: "\(size)")
    }
  }
  func write(to node: inout OnnxNode) {
    node["alpha"] = .float(alpha)
    node["beta"] = .float(beta)
    node["bias"] = .float(bias)
    node["size"] = .int(Int64(size))
  }
  var isNormalization: Bool { true }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis == 1 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...5), channels = x.shape[1]
    guard channels <= 1 << 14, channels * Swift.min(size, channels) <= 1 << 18 else {
      throw GraphError(
        .tooLarge, at: "input 'X'", expected: "fewer channels or a smaller size", got: "\(x.shape), \(size)")
    }
    let rows = (0..<channels).map { channel in
      let first = Swift.max(channel - (size - 1) / 2, 0), last = Swift.min(channel + size / 2, channels - 1)
      return (first...Swift.max(last, first)).map { (column: $0, weight: Float(1)) }
    }
    let sums = try (x * x).mixed(1, rows)
    return try [x * (alpha / Float(size) * sums + bias).power(-beta)]
  }
}
