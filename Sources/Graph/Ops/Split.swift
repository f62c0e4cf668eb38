import DitherBasics
import DitherTensor

/// Parts of the input along an axis. Their lengths are an attribute up to opset 12, an input from 13 on, or equal.
/// - Source: ONNX `Split`, opsets 2–28.
struct Split: Composite {
  static let onnx = OnnxName("Split", since: 2)
  private let axis: Int
  private let lengths: [Int]?
  private let parts: Int
  /// Parts are as equal as can be: the last may be shorter.
  private let rounds: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis", "split", "num_outputs")
    axis = try node.int("axis", default: 0)
    lengths = try node.ints("split")
    parts = node.outputCount
    rounds = node["num_outputs"] != nil
    guard try node.int("num_outputs", default: parts) == parts else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'num_outputs'", expected: "\(parts), as there are outputs",
        got: "another number")
    }
  }
  func write(to node: inout OnnxNode) {
    if axis != 0 { node["axis"] = .int(Int64(axis)) }
    if let lengths { node.constantInputs[1] = .int64([lengths.count], lengths.map(Int64.init)) }
    if rounds || (node.opset >= 18 && lengths == nil && !node.presentInputs.dropFirst().contains(true)) {
      node["num_outputs"] = .int(Int64(parts))
    }
  }
  var leastOpset: Int { rounds ? 18 : 13 }
  func trainable(_ input: Int) -> Bool { input == 0 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.value(0, "input"), axis = try resolveAxis(axis, rank: x.shape.rank)
    guard (1...8).contains(x.shape.rank) else {
      throw GraphError(.shape, at: "input 'input'", expected: "rank 1 to 8", got: "\(x.type)")
    }
    let extent = x.shape[axis], each = (extent + parts - 1) / parts
    var lengths = self.lengths ?? (0..<parts).map { Swift.min(each, Swift.max(extent - $0 * each, 0)) }
    if inputs.has(1) { lengths = try inputs.types.known(1, "split") }
    guard lengths.count == parts, lengths.allSatisfy({ (0...extent).contains($0) }), lengths.reduce(0, +) == extent,
      rounds || self.lengths != nil || inputs.has(1) || extent % parts == 0
    else {
      throw GraphError(
        .shape, at: "input 'split'", expected: "\(parts) lengths that add up to \(extent)", got: "\(lengths)")
    }
    var start = 0, result: [Value] = []
    for length in lengths {
      defer { start += length }
      var region = Region(x.shape)
      region.starts[axis] = start
      region.counts[axis] = length
      result.append(try x.apply(Cut(region)))
    }
    return result
  }
}
