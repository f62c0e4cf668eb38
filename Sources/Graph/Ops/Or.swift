/// Whether a or b, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Or`, opsets 7–28.
struct Or: Connective {
  static let onnx = OnnxName("Or", since: 7)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func combine(_ a: UInt8, _ b: UInt8) -> UInt8 { a | b }
}
