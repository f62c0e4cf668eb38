import DitherTensor
import Foundation

/// The hyperbolic sine, element by element.
/// - Source: ONNX `Sinh`, opsets 9–28.
struct Sinh: Pointwise {
  static let onnx = OnnxName("Sinh", since: 9)
  static func value(_ x: Float) -> Float { Foundation.sinh(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value { try x.apply(Cosh()) }
}
