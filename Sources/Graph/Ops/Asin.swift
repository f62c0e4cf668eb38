import DitherTensor
import Foundation

/// The angle in radians whose sine is x, element by element.
/// - Source: ONNX `Asin`, opsets 7–28.
struct Asin: Pointwise {
  static let onnx = OnnxName("Asin", since: 7)
  static func value(_ x: Float) -> Float { Foundation.asin(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value {
    try (-(x * x) + 1).map(.squareRoot).map(.reciprocal)
  }
}
