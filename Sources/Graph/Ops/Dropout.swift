import DitherBasics
import DitherTensor

/// At inference, and in training mode with a ratio of 0, `y = x`, and the mask, if it is asked for, is true everywhere.
/// - Source: ONNX `Dropout`, opsets 7–28.
struct Dropout: Composite, Rearranging, Dropping {
  static let onnx = OnnxName("Dropout", since: 7)
  var takesEmpty: Bool { true }
  private let hasMask: Bool
  private let ratio: Float
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("ratio", "seed")
    ratio = try node.float("ratio", default: 0.5)
    guard (1...2).contains(node.outputCount) else {
      throw GraphError(.attribute, at: node.place, expected: "one or two outputs", got: "\(node.outputCount)")
    }
    hasMask = node.outputCount == 2
  }
  /// The ratio says nothing at inference, and newer files have no attribute of that name.
  func write(to node: inout OnnxNode) {}
  func trainable(_ input: Int) -> Bool { input == 0 }
  /// An attribute, or from opset 12 on the second operand.
  func rate(_ constants: [Literal?]) -> Float? {
    guard constants.count > 1, let given = constants[1] else { return ratio }
    guard case .float(let tensor) = given, tensor.count == 1 else { return nil }
    return tensor.elements[0]
  }

  func rows(_ call: RowsCall) -> RowFacts? { call.sameRows }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "data")
    if inputs.has(2) {
      let mode = try inputs.types.required(2, "training_mode")
      let drops = mode.known != [0] && inputs.types.optional(1)?.knownFloats != [0]
      guard mode.element == .bool, mode.known != nil, !drops else {
        throw GraphError(
          .unsupportedOp, at: "input 'training_mode'", expected: "false, as a constant", got: "\(mode)",
          advice: "export the model in evaluation mode")
      }
    }
    guard hasMask else { return try [x.copied()] }
    guard x.shape.count <= ConstantOfShape.limit else {
      throw GraphError(
        .tooLarge, at: "output 'mask'", expected: "at most \(ConstantOfShape.limit) elements", got: "\(x.shape)")
    }
    let mask = [Bool](repeating: true, count: x.shape.count)
    return try [x.copied(), builder.constant(.bool(x.shape, mask))]
  }
}
