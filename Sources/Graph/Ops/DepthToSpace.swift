import DitherBasics
import DitherTensor

/// Channels laid out as pixels: [N, C · b², H, W] to [N, C, H · b, W · b].
/// - Source: ONNX `DepthToSpace`, opsets 1–28, in both modes.
struct DepthToSpace: Composite, Rearranging {
  static let onnx = OnnxName("DepthToSpace", since: 1)
  private let block: Int
  private let isDepthFirst: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("blocksize", "mode")
    block = try blockSize(node)
    let mode = try node.string("mode", default: "DCR")
    guard ["DCR", "CRD"].contains(mode) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'mode'", expected: "DCR or CRD", got: "'\(mode.clipped())'")
    }
    isDepthFirst = mode == "DCR"
  }
  func write(to node: inout OnnxNode) {
    node["blocksize"] = .int(Int64(block))
    if !isDepthFirst { node["mode"] = .string("CRD") }
  }
  var leastOpset: Int { isDepthFirst ? Self.onnx.since : 11 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "input", rank: 4...4), s = x.shape
    guard s[1] % (block * block) == 0 else {
      throw GraphError(.shape, at: "input 'input'", expected: "channels in multiples of \(block * block)", got: "\(s)")
    }
    let depth = s[1] / (block * block)
    let split: Shape =
      isDepthFirst ? [s[0], block, block, depth, s[2], s[3]] : [s[0], depth, block, block, s[2], s[3]]
    let turned = try x.viewed(as: split).apply(Transpose(isDepthFirst ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]))
    return try [turned.viewed(as: [s[0], depth, s[2] * block, s[3] * block])]
  }
}

func blockSize(_ node: OnnxNode) throws(GraphError) -> Int {
  let block = try node.int("blocksize", default: 0)
  guard (1...1 << 12).contains(block) else {
    throw GraphError(
      .attribute, at: "\(node.place), attribute 'blocksize'", expected: "1 to \(1 << 12)", got: "\(block)")
  }
  return block
}
