import DitherTensor
import Foundation

/// The inverse of the hyperbolic tangent, element by element.
/// - Source: ONNX `Atanh`, opsets 9–28.
struct Atanh: Pointwise {
  static let onnx = OnnxName("Atanh", since: 9)
  static func value(_ x: Float) -> Float { Foundation.atanh(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value { try (-(x * x) + 1).map(.reciprocal) }
}
