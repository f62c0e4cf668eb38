import DitherBasics
import DitherTensor

/// `data[start:end:step]` along some axes, counted as NumPy counts. Bounds are attributes up to opset 9, inputs from 10
/// on, and known before anything runs.
/// - Source: ONNX `Slice`, opsets 1–28.
struct Slice: OnnxOp, Rearranging {
  static let onnx = OnnxName("Slice", since: 1)
  var takesEmpty: Bool { true }
  private var starts: [Int]?
  private var ends: [Int]?
  private var axes: [Int]?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("starts", "ends", "axes")
    starts = try node.ints("starts")
    ends = try node.ints("ends")
    axes = try node.ints("axes")
  }
  func write(to node: inout OnnxNode) {
    for (position, values) in [(1, starts), (2, ends), (3, axes)] {
      if let values { node.constantInputs[position] = .int64([values.count], values.map(Int64.init)) }
    }
  }
  func trainable(_ input: Int) -> Bool { input == 0 }

  private func region(_ inputs: [TensorType?]) throws(GraphError) -> Region {
    let shape = try inputs.required(0, "data").shape
    let starts = try inputs.known(starts, or: 1, "starts"), ends = try inputs.known(ends, or: 2, "ends")
    var axes = Array(starts.indices), steps = [Int](repeating: 1, count: starts.count)
    if self.axes != nil || inputs.optional(3) != nil { axes = try inputs.known(self.axes, or: 3, "axes") }
    if inputs.optional(4) != nil { steps = try inputs.known(4, "steps") }
    guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
      throw GraphError(
        .shape, at: "inputs", expected: "as many ends, axes and steps as starts, \(starts.count)",
        got: "\(ends.count), \(axes.count) and \(steps.count)")
    }
    var region = Region(shape), seen = Set<Int>()
    for (i, named) in axes.enumerated() {
      let axis = try resolveAxis(named, rank: shape.rank, "axes"), step = steps[i], extent = shape[axis]
      guard seen.insert(axis).inserted, step != 0, step.magnitude <= 1 << 32 else {
        throw GraphError(
          .attribute, at: "inputs 'axes' and 'steps'", expected: "each axis once, steps other than 0",
          got: "axis \(axis), step \(step)")
      }
      func bound(_ value: Int, _ range: ClosedRange<Int>) -> Int {
        (value < 0 ? value + extent : value).clamped(to: range)
      }
      let range = step > 0 ? 0...extent : -1...Swift.max(extent - 1, -1)
      let first = bound(starts[i], step > 0 ? range : 0...Swift.max(extent - 1, 0))
      let distance = bound(ends[i], range) - first
      region.starts[axis] = first
      region.steps[axis] = step
      region.counts[axis] =
        extent == 0 || distance == 0 || (distance > 0) != (step > 0) ? 0 : (abs(distance) - 1) / abs(step) + 1
    }
    return region
  }

  /// All but the whole axis in its order.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    guard input == 0, let shape = types.optional(0)?.shape, let region = try? region(types) else { return true }
    return (region.starts[axis], region.steps[axis], region.counts[axis]) != (0, 1, shape[axis])
  }

  /// Some classes, or all backwards.
  func rows(_ call: RowsCall) -> RowFacts? {
    guard let facts = call[0], facts.form != .negatives, let shape = call.type(0)?.shape, shape.isBatch,
      call.result.shape.isBatch, let axis = shape.onlyAxis, let region = try? region(call.types)
    else { return nil }
    let places = (0..<region.counts[axis]).map { region.starts[axis] + $0 * region.steps[axis] }
    return call.picked(facts, places, of: shape[axis])
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data")
    guard (1...8).contains(data.shape.rank) else {
      throw GraphError(.shape, at: "input 'data'", expected: "rank 1 to 8", got: "\(data)")
    }
    let region = try region(inputs)
    return [data.rearranged(region.shape) { region.indices(data.shape) }]
  }

  private func region(_ call: Call) throws(GraphError) -> Region {
    try region((0..<call.inputs.count).map { call.inputs.optional($0)?.type })
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.apply(Paste(region: region(call), shape: call.inputs[0].shape))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    plan.cut(try region(call), from: call.inputs[0], to: call.outputs[0])
  }
}
