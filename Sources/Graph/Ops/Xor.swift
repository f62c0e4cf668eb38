/// Whether a or b, but not both, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Xor`, opsets 7–28.
struct Xor: Connective {
  static let onnx = OnnxName("Xor", since: 7)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func combine(_ a: UInt8, _ b: UInt8) -> UInt8 { a ^ b }
}
