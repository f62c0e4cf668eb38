import DitherBasics
import DitherTensor

/// The axes that an op names: an attribute up to opset 12, an input from 13 on.
struct NamedAxes: Sendable {
  private let axes: [Int]?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axes")
    axes = try node.ints("axes")
  }
  func write(to node: inout OnnxNode) {
    guard let axes else { return }
    if node.opset < 13 {
      node["axes"] = .ints(axes.map(Int64.init))
    } else {
      node.constantInputs[1] = .int64([axes.count], axes.map(Int64.init))
    }
  }
  /// Whether there are none, neither as an attribute nor as an input.
  func areLeftOut(_ inputs: [TensorType?]) -> Bool { axes == nil && inputs.optional(1) == nil }
  func known(_ inputs: [TensorType?]) throws(GraphError) -> [Int] { try inputs.known(axes, or: 1, "axes") }
}
