import DitherBasics
import DitherTensor

/// `y = a to the power of b`, element by element, with NumPy's broadcasting; of a's element type.
/// - Source: ONNX `Pow`, opsets 7–28.
struct Pow: Composite {
  static let onnx = OnnxName("Pow", since: 7)
  var takesEmpty: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let a = try inputs.value(0, "X"), b = try inputs.value(1, "Y")
    switch (a.type.element, b.type.element) {
    case (.float32, .int64): return [try a.apply(Binary(.power), b.apply(Cast(.float32)))]
    case (.int64, .float32): return [try a.apply(Cast(.float32)).apply(Binary(.power), b).apply(Cast(.int64))]
    default: return [try a.apply(Binary(.power), b)]
    }
  }
}
