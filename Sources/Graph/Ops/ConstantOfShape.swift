import DitherBasics
import DitherTensor

/// One number, as often as a shape says that is known before anything runs.
/// - Source: ONNX `ConstantOfShape`, opsets 9–28.
struct ConstantOfShape: Composite {
  static let onnx = OnnxName("ConstantOfShape", since: 9)
  /// More elements than this are refused where they follow from shapes: each plan would make them anew.
  static let limit = 1 << 22
  /// Where extents are constant, more are one constant of the model, which all plans share: weights, as files that
  /// leave theirs out have them.
  private static let foldedFrom = 1 << 16
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

  func foldedShape(_ operands: [Literal?]) -> Shape? {
    guard case .float = value, operands.count == 1, case .int64(_, let extents)? = operands[0], extents.count <= 8,
      extents.allSatisfy({ (1...Int64(Int32.max)).contains($0) })
    else { return nil }
    let shape = Shape(extents.map { Int($0) })
    return shape.span.map { $0 >= Self.foldedFrom } == true ? shape : nil
  }

  func folded(_ operands: [Literal?]) -> Tensor? {
    guard case .float(let number) = value, let shape = foldedShape(operands) else { return nil }
    return Tensor(shape, repeating: number.elements[0])
  }

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
