import DitherBasics
import DitherTensor

/// A reduction over axes that is made of ops. The axes are an attribute in older opsets and an input in newer ones.
protocol AxesReduction: Composite {
  var axes: ReducedAxes { get }
  init(_ axes: ReducedAxes)
  /// - Parameter kept: the result's shape, with extent 1 along reduced axes.
  func reduced(_ x: Value, to kept: Shape) throws(GraphError) -> Value
}

extension AxesReduction {
  var takesEmpty: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) { self.init(try ReducedAxes(node, inputSince: 18)) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
  var leastOpset: Int { axes.leastOpset(Self.onnx.since) }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "data", rank: 0...8), (kept, result) = try axes.shapes(x.shape, inputs.types)
    return [try reduced(x, to: kept).viewed(as: result)]
  }
}
