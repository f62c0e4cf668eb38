import DitherBasics
import DitherTensor

/// Rows of a table, given where a lookup was: still the place of its noise.
struct GivenRows: Op, Lookup {
  var table: Int { 1 }
  var rowNumbers: Int? { nil }
  var isView: Bool { true }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(try inputs.float(0, "rows"))]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { [upstream, nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) { plan.alias(call.outputs[0], to: call.inputs[0]) }
}
