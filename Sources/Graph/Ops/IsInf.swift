import DitherTensor

/// Whether x is infinite, of the signs asked for, element by element.
/// - Source: ONNX `IsInf`, opsets 10–28.
struct IsInf: FloatTest {
  static let onnx = OnnxName("IsInf", since: 10)
  private let negative: Bool
  private let positive: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("detect_negative", "detect_positive")
    negative = try node.flag("detect_negative", default: true)
    positive = try node.flag("detect_positive", default: true)
  }
  func write(to node: inout OnnxNode) {
    if !negative { node["detect_negative"] = .int(0) }
    if !positive { node["detect_positive"] = .int(0) }
  }
  func holds(_ x: Float) -> Bool { x.isInfinite && (x < 0 ? negative : positive) }
}
