import DitherBasics
import DitherTensor

/// Elements that are one number (or NaN) replaced: by one number, or by that of their feature.
/// - Source: ONNX-ML `Imputer`, opset 1.
struct Imputer: Composite {
  static let onnx = OnnxName("Imputer", since: 1, domain: OnnxName.learning)
  private let values: [Float]
  private let integers: [Int64]
  private let replaced: Float
  private let replacedInteger: Int64
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("imputed_value_floats", "imputed_value_int64s", "replaced_value_float", "replaced_value_int64")
    values = try node.floats("imputed_value_floats") ?? []
    integers = try (node.ints("imputed_value_int64s") ?? []).map(Int64.init)
    guard values.isEmpty != integers.isEmpty else {
      throw GraphError(
        .attribute, at: "\(node.place), attributes 'imputed_value_floats' and 'imputed_value_int64s'",
        expected: "numbers in one of them", got: "\(values.count) and \(integers.count)")
    }
    // This number may be NaN, which other attributes may not.
    if case .float(let number)? = node["replaced_value_float"] { replaced = number } else { replaced = 0 }
    replacedInteger = Int64(try node.int("replaced_value_int64", default: 0))
  }
  func write(to node: inout OnnxNode) {
    if integers.isEmpty {
      node["imputed_value_floats"] = .floats(values)
      node["replaced_value_float"] = .float(replaced)
    } else {
      node["imputed_value_int64s"] = .ints(integers)
      node["replaced_value_int64"] = .int(replacedInteger)
    }
  }
  func trainable(_ input: Int) -> Bool { false }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.value(0, "X"), count = integers.isEmpty ? values.count : integers.count
    guard x.type.element == (integers.isEmpty ? .float32 : .int64) else {
      throw GraphError(
        .unsupportedType, at: "input 'X'", expected: integers.isEmpty ? "float32" : "int64", got: "\(x.type.element)")
    }
    guard x.shape.rank >= 1, count == 1 || x.shape[x.shape.rank - 1] == count else {
      throw GraphError(.shape, at: "input 'X'", expected: "\(count) features", got: "\(x.shape)")
    }
    let isMissing: Value, filling: Value
    if integers.isEmpty {
      filling = builder.constant(.float(Tensor([count], values)))
      isMissing =
        replaced.isNaN
        ? try x.apply(IsNaN(OnnxNode(name: "", type: IsNaN.onnx.type, opset: 21)))
        : try ((x >= replaced) * (x <= replaced)).apply(Cast(.bool))
    } else {
      filling = builder.constant(.int64([count], integers))
      isMissing = try x.apply(
        Equal(OnnxNode(name: "", type: Equal.onnx.type, opset: 21)), builder.constant(.int64([], [replacedInteger])))
    }
    return try builder.apply(Where(), [isMissing, filling, x])
  }
}
