import DitherTensor
import Foundation

/// The tangent, element by element.
/// - Source: ONNX `Tan`, opsets 7–28.
struct Tan: Pointwise {
  static let onnx = OnnxName("Tan", since: 7)
  static func value(_ x: Float) -> Float { Foundation.tan(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value { try y * y + 1 }
}
