import DitherBasics
import DitherTensor

/// An op that does away with axes: an attribute in older opsets, an input in newer ones.
protocol OverAxes: OnnxOp {
  /// The opset from which axes are an input.
  static var axesAreInputSince: Int { get }
  var axes: ReducedAxes { get }
  init(_ axes: ReducedAxes)
}

extension OverAxes {
  static var axesAreInputSince: Int { 18 }
  var takesEmpty: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) { self.init(try ReducedAxes(node, inputSince: Self.axesAreInputSince)) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
  var leastOpset: Int { axes.leastOpset(Self.onnx.since) }
  func trainable(_ input: Int) -> Bool { input == 0 }
}

/// A sum or mean over axes.
protocol Reduction: OverAxes {
  static var isMean: Bool { get }
}

struct ReducedAxes: Sendable {
  private var axes: [Int]?
  private var keepsAxes = true
  private var emptyMeansNone = false
  /// The opset from which axes are an input.
  private let inputSince: Int
  private let areInput: Bool

  /// These, kept with extent 1.
  init(_ axes: [Int]) {
    self.axes = axes
    inputSince = 18
    areInput = false
  }
  init(_ node: OnnxNode, inputSince: Int) throws(GraphError) {
    try node.allow("axes", "keepdims", "noop_with_empty_axes")
    self.inputSince = inputSince
    areInput = node.presentInputs.dropFirst().contains(true)
    axes = try node.ints("axes")
    keepsAxes = try node.flag("keepdims", default: true)
    emptyMeansNone = try node.flag("noop_with_empty_axes", default: false)
  }
  func leastOpset(_ first: Int) -> Int { areInput || emptyMeansNone ? inputSince : first }
  func write(to node: inout OnnxNode) {
    if !keepsAxes { node["keepdims"] = .int(0) }
    if emptyMeansNone { node["noop_with_empty_axes"] = .int(1) }
    guard let axes else { return }
    if node.opset < inputSince {
      node["axes"] = .ints(axes.map(Int64.init))
    } else {
      node.constantInputs[1] = .int64([axes.count], axes.map(Int64.init))
    }
  }

  /// The result's shape with extent 1 along reduced axes, and the result's shape.
  func shapes(_ shape: Shape, _ inputs: [TensorType?]) throws(GraphError) -> (kept: Shape, result: Shape) {
    let wanted = axes == nil && inputs.optional(1) == nil ? [] : try inputs.known(axes, or: 1, "axes")
    var reduced = Set<Int>()
    // A scalar may be reduced along its only element.
    let isScalar = shape.rank == 0
    for axis in wanted {
      let resolved = try resolveAxis(axis, rank: Swift.max(shape.rank, 1), "axes")
      if !isScalar { reduced.insert(resolved) }
    }
    if wanted.isEmpty && !emptyMeansNone { reduced = Set(shape.dimensions.indices) }
    let all = shape.dimensions.indices
    let kept = Shape(all.map { reduced.contains($0) ? 1 : shape[$0] })
    return (kept, keepsAxes ? kept : Shape(all.filter { !reduced.contains($0) }.map { shape[$0] }))
  }

  /// The result's shape with extent 1 along reduced axes.
  func kept(_ call: Call) throws(GraphError) -> Shape {
    let types = (0..<call.inputs.count).map { call.inputs.optional($0)?.type }
    return try shapes(call.inputs[0].shape, types).kept
  }
}

extension Reduction {
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data"), (kept, result) = try axes.shapes(data.shape, inputs)
    if !Self.isMean, let integers = IntegerReduction.sum.type(data, kept: kept, result: result) { return [integers] }
    let x = try inputs.float(0, "data", rank: 0...8)
    guard !Self.isMean || x.count > 0 || result.count == 0 else {
      throw GraphError(.shape, at: "input 'data'", expected: "elements to take the mean of", got: "\(x)")
    }
    return [TensorType(result)]
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], kept = try axes.kept(call)
    let spread = try upstream.viewed(as: kept).expanded(to: x.shape)
    return try [Self.isMean ? Float(kept.count) / Float(max(x.shape.count, 1)) * spread : spread, nil]
  }

  func rows(_ call: RowsCall) -> RowFacts? {
    let result = call.result.shape
    guard let facts = call[0], facts.form == .plain, let shape = call.type(0)?.shape, shape.isBatch, result.isBatch,
      let kept = try? axes.shapes(shape, call.types).kept, kept.isBatch
    else { return nil }
    let extent = Self.isMean ? Double(shape.count) / Double(max(kept.count, 1)) : 1
    let isTotal = !Self.isMean && result.rowCount == 1
    return call.nonnegative(
      shares: facts.areShares && Self.isMean, total: facts.total.map { $0 / extent },
      relation: isTotal ? .total(of: facts.source) : nil)
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], kept = try axes.kept(call)
    guard x.type.element == .float32 else {
      return IntegerReduction.sum.lower(x, to: call.outputs[0], kept: kept, into: &plan)
    }
    let factor = Self.isMean ? Float(kept.count) / Float(max(x.shape.count, 1)) : 1
    plan.sum(x, to: call.outputs[0], seen: kept, times: factor)
  }
}
