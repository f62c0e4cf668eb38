import DitherBasics
import DitherTensor

extension [Value?] {
  /// The first operand of ONNX-ML's models, [B, features] as floats; a list of features is one row.
  func featureTable() throws(GraphError) -> Value {
    var x = try value(0, "X")
    if x.type.element == .int64 { x = try x.apply(Cast(.float32)) }
    _ = try [x].types.float(0, "X", rank: 1...2)
    return x.shape.rank == 1 ? try x.viewed(as: [1, x.shape[0]]) : x
  }
}
