import DitherTensor
import Foundation

/// The sine, element by element.
/// - Source: ONNX `Sin`, opsets 7–28.
struct Sin: Pointwise {
  static let onnx = OnnxName("Sin", since: 7)
  static func value(_ x: Float) -> Float { Foundation.sin(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value { try x.apply(Cos()) }
}
