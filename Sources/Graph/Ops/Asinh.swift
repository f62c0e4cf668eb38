import DitherTensor
import Foundation

/// The inverse of the hyperbolic sine, element by element.
/// - Source: ONNX `Asinh`, opsets 9–28.
struct Asinh: Pointwise {
  static let onnx = OnnxName("Asinh", since: 9)
  static func value(_ x: Float) -> Float { Foundation.asinh(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value {
    try (x * x + 1).map(.squareRoot).map(.reciprocal)
  }
}
