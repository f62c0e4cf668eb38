import DitherBasics
import DitherTensor

/// Groups of channels brought to mean 0 and variance 1, then `· scale + bias`: by group up to opset 20, by channel from
/// 21 on.
/// - Source: ONNX `GroupNormalization`, opsets 18–28; Wu and He 2018, arXiv 1803.08494.
struct GroupNormalization: Composite {
  static let onnx = OnnxName("GroupNormalization", since: 18)
  private let epsilon: Float
  private let groups: Int
  private let isByGroup: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("epsilon", "num_groups", "stash_type")
    epsilon = try node.float("epsilon", default: 1e-5)
    groups = try node.int("num_groups", default: 0)
    isByGroup = node.opset < 21
    guard groups > 0, try node.int("stash_type", default: 1) == 1 else {
      throw GraphError(
        .attribute, at: node.place, expected: "num_groups above 0, computed in float32", got: "\(groups)")
    }
  }
  func write(to node: inout OnnxNode) {
    node["epsilon"] = .float(epsilon)
    node["num_groups"] = .int(Int64(groups))
  }
  var leastOpset: Int { isByGroup ? 18 : 21 }
  var mostOpset: Int { isByGroup ? 20 : Graph.opsets.upperBound }
  var isNormalization: Bool { true }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 0 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...5), scale = try inputs.float(1, "scale", rank: 1...1)
    let bias = try inputs.float(2, "bias", rank: 1...1), wanted = isByGroup ? groups : x.shape[1]
    guard x.shape[1] % groups == 0, scale.shape[0] == wanted, bias.shape[0] == wanted else {
      throw GraphError(
        .shape, at: "inputs", expected: "channels in \(groups) equal groups, \(wanted) scales and biases",
        got: "\(x.shape), \(scale.shape) and \(bias.shape)")
    }
    let rows = x.shape[0], each = x.shape.count / (rows * groups)
    var y = try x.viewed(as: [rows, groups, each]).standardized(keeping: [rows, groups, 1], epsilon: epsilon).normalized
    if isByGroup {
      y = try y * scale.viewed(as: [1, groups, 1]) + bias.viewed(as: [1, groups, 1])
      return try [y.viewed(as: x.shape)]
    }
    let channels = Shape([1, x.shape[1]] + [Int](repeating: 1, count: x.shape.rank - 2))
    return try [y.viewed(as: x.shape) * scale.viewed(as: channels) + bias.viewed(as: channels)]
  }
}
