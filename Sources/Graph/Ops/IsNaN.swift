import DitherTensor

/// Whether x is no number, element by element.
/// - Source: ONNX `IsNaN`, opsets 9–28.
struct IsNaN: FloatTest {
  static let onnx = OnnxName("IsNaN", since: 9)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func holds(_ x: Float) -> Bool { x.isNaN }
}
