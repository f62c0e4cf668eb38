import DitherTensor
import Foundation

/// The hyperbolic cosine, element by element.
/// - Source: ONNX `Cosh`, opsets 9–28.
struct Cosh: Pointwise {
  static let onnx = OnnxName("Cosh", since: 9)
  static func value(_ x: Float) -> Float { Foundation.cosh(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value { try x.apply(Sinh()) }
}
