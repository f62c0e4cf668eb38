import DitherBasics
import DitherTensor

/// The same elements in the same order, with another shape: what reshaping ops become.
protocol Viewing: Op {}

extension Viewing {
  var isView: Bool { true }
  var takesEmpty: Bool { true }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.viewed(as: call.inputs[0].shape)] + [Value?](repeating: nil, count: max(call.inputs.count - 1, 0))
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) { plan.alias(call.outputs[0], to: call.inputs[0]) }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func rows(_ call: RowsCall) -> RowFacts? { call.sameRows }
}

struct View: Viewing {
  let shape: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let type = try inputs.required(0, "data")
    guard type.shape.count == shape.count else {
      throw GraphError(.shape, at: "input 'data'", expected: "as many elements as \(shape) has", got: "\(type)")
    }
    return [TensorType(shape, type.element, known: type.known, knownFloats: type.knownFloats)]
  }
}
