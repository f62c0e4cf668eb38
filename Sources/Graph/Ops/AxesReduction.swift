import DitherBasics
import DitherTensor

/// A reduction of floats that is made of ops.
protocol AxesReduction: Composite, OverAxes {
  /// - Parameter kept: the result's shape, with extent 1 along reduced axes.
  func reduced(_ x: Value, to kept: Shape) throws(GraphError) -> Value
}

extension AxesReduction {
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "data", rank: 0...8), (kept, result) = try axes.shapes(x.shape, inputs.types)
    return [try reduced(x, to: kept).viewed(as: result)]
  }
}
