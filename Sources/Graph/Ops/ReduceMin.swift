import DitherBasics
import DitherTensor

/// The smallest element over axes; of none, ∞. Where elements tie, the gradient goes to the first.
/// - Source: ONNX `ReduceMin`, opsets 1–28.
struct ReduceMin: Composite, OverAxes {
  static let onnx = OnnxName("ReduceMin", since: 1)
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let data = try inputs.value(0, "data"), (kept, result) = try axes.shapes(data.shape, inputs.types)
    if IntegerReduction.minimum.type(data.type, kept: kept, result: result) != nil {
      return [try data.apply(IntegerMinimum(kept: kept, result: result))]
    }
    let x = try inputs.float(0, "data", rank: 0...8)
    return try [-(try (-x).apply(ReduceMax(axes), inputs.has(1) ? inputs[1] : nil))]
  }
}

/// The smallest of integers, by itself: the least integer has no negative whose maximum could be taken.
struct IntegerMinimum: Op {
  let kept: Shape
  let result: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.required(0, "data")
    return [IntegerReduction.minimum.type(x, kept: kept, result: result) ?? TensorType(result, x.element)]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    IntegerReduction.minimum.lower(call.inputs[0], to: call.outputs[0], kept: kept, into: &plan)
  }
}
