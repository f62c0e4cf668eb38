import DitherBasics
import DitherTensor

/// One number, as often as a shape says that is known before anything runs.
/// - Source: ONNX `ConstantOfShape`, opsets 9–28.
struct ConstantOfShape: Composite {
  static let onnx = OnnxName("ConstantOfShape", since: 9)
  /// More elements than this are refused: they are memory that no input pays for.
  static let limit = 1 << 22
  private var value = Literal.float(Tensor([1], [0]))
  private let isDefault: Bool
  func isUniform(_ varies: [Bool]) -> Bool { true }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("value")
    isDefault = node["value"] == nil
    guard let given = node["value"] else { return }
    guard case .tensor(let literal) = given, literal.type.shape.count == 1 else {
      throw GraphError(.attribute, at: "\(node.place), attribute 'value'", expected: "one number", got: "another value")
    }
    value = literal
  }
  func write(to node: inout OnnxNode) { if !isDefault { node["value"] = .tensor(value) } }
  func trainable(_ input: Int) -> Bool { false }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let extents = try inputs.types.known(0, "input"), shape = Shape(extents)
    guard extents.allSatisfy({ $0 >= 0 }) else {
      throw GraphError(.shape, at: "input 'input'", expected: "extents from 0", got: "\(extents)")
    }
    guard extents.count <= 8, let span = shape.span, span <= Self.limit else {
      throw GraphError(
        .tooLarge, at: "input 'input'", expected: "at most 8 extents with a product up to \(Self.limit)",
        got: "\(extents)")
    }
    let count = shape.count
    switch value {
    case .float(let tensor): return [builder.constant(.float(Tensor(shape, repeating: tensor.elements[0])))]
    case .int64(_, let values): return [builder.constant(.int64(shape, [Int64](repeating: values[0], count: count)))]
    case .bool(_, let values): return [builder.constant(.bool(shape, [Bool](repeating: values[0], count: count)))]
    }
  }
}
