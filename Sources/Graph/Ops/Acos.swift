import DitherTensor
import Foundation

/// The angle in radians whose cosine is x, element by element.
/// - Source: ONNX `Acos`, opsets 7–28.
struct Acos: Pointwise {
  static let onnx = OnnxName("Acos", since: 7)
  static func value(_ x: Float) -> Float { Foundation.acos(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value {
    try -(-(x * x) + 1).map(.squareRoot).map(.reciprocal)
  }
}
