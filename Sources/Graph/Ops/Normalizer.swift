import DitherBasics
import DitherTensor

/// Each row divided by its largest element, the sum of its magnitudes, or its Euclidean norm.
/// - Source: ONNX-ML `Normalizer`, opset 1.
struct Normalizer: Composite {
  static let onnx = OnnxName("Normalizer", since: 1, domain: OnnxName.learning)
  private let norm: String
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("norm")
    norm = try node.string("norm", default: "MAX")
    guard ["MAX", "L1", "L2"].contains(norm) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'norm'", expected: "MAX, L1 or L2", got: "'\(norm.clipped())'")
    }
  }
  func write(to node: inout OnnxNode) { node["norm"] = .string(norm) }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis == types.rank(input) - 1 }
  func rows(_ call: RowsCall) -> RowFacts? {
    guard let facts = call.sameRows, facts.form == .plain else { return nil }
    return norm == "L1" ? call.normalized(facts) : call.nonnegative(logarithm: facts.logarithm?.upToFactor)
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 1...2), axis = x.shape.rank - 1
    var kept = x.shape
    kept[axis] = 1
    let size: Value =
      switch norm {
      case "L1": try x.map(.abs).summed(to: kept)
      case "L2": try x.sumOfSquares(to: kept).map(.squareRoot)
      default: try x.apply(ReduceMax(ReducedAxes([axis])))
      }
    return try [x / (size + (size >= 0) * (size <= 0))]  // a row of zeros stays one
  }
}
