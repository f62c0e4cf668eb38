import DitherBasics
import DitherTensor

/// An op that is written in terms of others: it is kept in the graph and in files as it is, and becomes those when the graph
/// is planned. So its shapes, its gradient and its kernels are theirs.
protocol Composite: OnnxOp {
  /// - Throws: as `types` does: an operand that does not fit is named here, before anything is made of it.
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value]
}

extension Composite {
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let builder = GraphBuilder(rows: 1)
    return try expand(inputs.map { $0.map { builder.placeholder("operand", $0) } }, in: builder).map(\.type)
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    preconditionFailure("a composite op is expanded before gradients are made")
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    preconditionFailure("a composite op is expanded before it is planned")
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
  /// As `apply`, for ops whose result may be refused.
  func applying(_ op: some Op, _ others: Value?...) throws(GraphError) -> Value {
    try builder.apply(op, [self] + others)[0]
  }
  /// The same value under a name of its own.
  func copied() -> Value { apply(View(shape: shape)) }
  func sumOfSquares(to kept: Shape) -> Value { (self * self).summed(to: kept) }
  func power(_ exponent: Float) -> Value { apply(Binary(.power), builder.scalar(exponent)) }
}
