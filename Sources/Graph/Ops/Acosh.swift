import DitherTensor
import Foundation

/// The inverse of the hyperbolic cosine, element by element.
/// - Source: ONNX `Acosh`, opsets 9–28.
struct Acosh: Pointwise {
  static let onnx = OnnxName("Acosh", since: 9)
  static func value(_ x: Float) -> Float { Foundation.acosh(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value {
    try (x * x + -1).map(.squareRoot).map(.reciprocal)
  }
}
