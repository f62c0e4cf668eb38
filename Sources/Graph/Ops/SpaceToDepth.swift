import DitherBasics
import DitherTensor

/// Pixels laid out as channels: [N, C, H · b, W · b] to [N, b² · C, H, W].
/// - Source: ONNX `SpaceToDepth`, opsets 1–28.
struct SpaceToDepth: Composite, Rearranging {
  static let onnx = OnnxName("SpaceToDepth", since: 1)
  private let block: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("blocksize")
    block = try blockSize(node)
  }
  func write(to node: inout OnnxNode) { node["blocksize"] = .int(Int64(block)) }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "input", rank: 4...4), s = x.shape
    guard s[2] % block == 0, s[3] % block == 0 else {
      throw GraphError(.shape, at: "input 'input'", expected: "images in multiples of \(block)", got: "\(s)")
    }
    let turned = try x.viewed(as: [s[0], s[1], s[2] / block, block, s[3] / block, block])
      .apply(Transpose([0, 3, 5, 1, 2, 4]))
    return try [turned.viewed(as: [s[0], s[1] * block * block, s[2] / block, s[3] / block])]
  }
}
