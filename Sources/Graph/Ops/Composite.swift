import DitherBasics
import DitherTensor

/// An op that is written in terms of others: it is kept in the graph and in files as it is, and becomes those when the
/// graph is planned. So its shapes, its gradient and its kernels are theirs.
protocol Composite: OnnxOp {
  /// - Throws: as `types` does: an operand that does not fit is named here, before anything is made of it.
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value]
}

extension Composite {
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let builder = GraphBuilder(rows: 1)
    return try expand(inputs.map { $0.map { builder.placeholder("operand", $0) } }, in: builder).map(\.type)
  }
  // Replaying a graph expands it: neither is asked of a graph that was replayed.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { throw notExpanded(call) }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) { throw notExpanded(call) }
  private func notExpanded(_ call: Call) -> GraphError {
    GraphError(
      .unsupportedOp, at: "node '\(call.name.clipped())' (\(Self.onnx.type))", expected: "the ops that it is made of",
      got: "itself")
  }
}

extension Array where Element == Value? {
  var types: [TensorType?] { map { $0?.type } }

  func value(_ position: Int, _ name: String) throws(GraphError) -> Value {
    guard position < count, let value = self[position] else {
      throw GraphError(.missing, at: "input '\(name)'", expected: "a value", got: "none")
    }
    return value
  }
  func float(_ position: Int, _ name: String, rank: ClosedRange<Int>? = nil) throws(GraphError) -> Value {
    _ = try types.float(position, name, rank: rank)
    return try value(position, name)
  }
  func has(_ position: Int) -> Bool { position < count && self[position] != nil }
}

extension Value {
  /// The same value under a name of its own.
  func copied() throws(GraphError) -> Value { try apply(View(shape: shape)) }
  func sumOfSquares(to kept: Shape) throws(GraphError) -> Value { try (self * self).summed(to: kept) }
  func power(_ exponent: Float) throws(GraphError) -> Value { try apply(Binary(.power), builder.scalar(exponent)) }
}
