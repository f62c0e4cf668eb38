import DitherTensor
import Foundation

/// The cosine, element by element.
/// - Source: ONNX `Cos`, opsets 7–28.
struct Cos: Pointwise {
  static let onnx = OnnxName("Cos", since: 7)
  static func value(_ x: Float) -> Float { Foundation.cos(x) }
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value { try -x.apply(Sin()) }
}
