import DitherTensor
import Foundation

/// The angle in radians whose tangent is x, element by element.
/// - Source: ONNX `Atan`, opsets 7–28.
struct Atan: Pointwise {
  static let onnx = OnnxName("Atan", since: 7)
  static func value(_ x: Float) -> Float { Foundation.atan(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value { try (x * x + 1).map(.reciprocal) }
}
