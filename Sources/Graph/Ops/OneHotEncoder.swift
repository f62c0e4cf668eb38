import DitherBasics
import DitherTensor

/// Each element as a row of noughts with a 1 at its category; floats are cut to integers first. An element of no
/// category is a row of noughts, or with `zeros` = 0, where other readers stop, one of NaN.
/// - Shapes: [...]; the result [..., categories].
/// - Source: ONNX-ML `OneHotEncoder`, opset 1, of numbers.
struct OneHotEncoder: Composite {
  static let onnx = OnnxName("OneHotEncoder", since: 1, domain: OnnxName.learning)
  private let categories: [Int64]
  private let givesZeros: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("cats_int64s", "cats_strings", "zeros")
    categories = try (node.ints("cats_int64s") ?? []).map(Int64.init)
    givesZeros = try node.flag("zeros", default: true)
    guard !categories.isEmpty, Set(categories).count == categories.count else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'cats_int64s'", expected: "categories, each once",
        got: node["cats_strings"] == nil ? "\(categories.count), or one again" : "texts",
        advice: "encode texts as numbers before the model")
    }
  }
  func write(to node: inout OnnxNode) {
    node["cats_int64s"] = .ints(categories)
    if !givesZeros { node["zeros"] = .int(0) }
  }
  func trainable(_ input: Int) -> Bool { false }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    var x = try inputs.value(0, "X")
    guard x.shape.rank < 8 else {
      throw GraphError(.shape, at: "input 'X'", expected: "rank at most 7", got: "\(x.shape)")
    }
    if x.type.element != .int64 { x = try x.apply(Cast(.int64)) }
    let cells = try x.viewed(as: Shape(x.shape.dimensions + [1]))
    let known = builder.constant(.int64([categories.count], categories))
    let ones = try cells.apply(Equal(OnnxNode(name: "", type: Equal.onnx.type, opset: 21)), known).apply(Cast(.float32))
    guard !givesZeros else { return [ones] }
    return [try ones / ones.summed(to: cells.shape)]
  }
}
