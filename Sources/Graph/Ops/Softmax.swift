import DitherBasics
import DitherTensor

/// Softmax or its logarithm along one axis. Before opset 13 the input is seen as a matrix, cut at the axis.
protocol SoftmaxFamily: OnnxOp {
  static var isLogarithm: Bool { get }
  var axis: Int { get set }
  var flattens: Bool { get set }
  init(axis: Int)
}

extension SoftmaxFamily {
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    self.init(axis: try node.int("axis", default: node.opset < 13 ? 1 : -1))
    flattens = node.opset < 13
  }
  func write(to node: inout OnnxNode) { node["axis"] = .int(Int64(axis)) }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let shape = try inputs.float(0, "input", rank: 1...8)
    _ = try resolveAxis(axis, rank: shape.rank)
    return [TensorType(shape)]
  }

  /// The input as the matrix that is taken along its rows, where that differs from taking one axis.
  func matrix(_ shape: Shape) -> Shape? {
    guard flattens, let axis = try? resolveAxis(axis, rank: shape.rank),
      Shape(Array(shape.dimensions[(axis + 1)...])).count > 1
    else { return nil }
    return [Shape(Array(shape.dimensions[..<axis])).count, Shape(Array(shape.dimensions[axis...])).count]
  }

  func flattened(_ input: Shape) -> Int? { matrix(input) == nil ? nil : axis }
  var keepsRowOrder: Bool { axis == 1 || axis == -1 }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    guard let own = try? resolveAxis(self.axis, rank: types.rank(input)) else { return true }
    return flattens ? axis >= own : axis == own
  }

  func rows(_ call: RowsCall) -> RowFacts? {
    let shape = call.result.shape
    guard shape.isBatch, let axis = try? resolveAxis(axis, rank: shape.rank), axis > 0, let input = call.operand(0)
    else { return nil }
    let extent = matrix(shape)?[1] ?? shape[axis], total = Double(shape.rowCount) / Double(max(extent, 1))
    let facts = call.nonnegative(
      shares: true, total: total, logarithm: total == 1 ? LogarithmForm(input) : nil)
    return facts.formed(Self.isLogarithm ? .logarithms : .plain)
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let y = call.outputs[0]
    guard let matrix = matrix(y.shape) else {
      return try [upstream.apply(SoftmaxGradient(axis: axis, isLogarithm: Self.isLogarithm), y)]
    }
    let gradient = SoftmaxGradient(axis: 1, isLogarithm: Self.isLogarithm)
    return try [upstream.viewed(as: matrix).apply(gradient, y.viewed(as: matrix)).viewed(as: y.shape)]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], y = call.outputs[0], logarithm = Self.isLogarithm
    if let matrix = matrix(x.shape) {
      plan.step([x, y]) { memory in
        let from = memory.floats(x), to = memory.floats(y)
        return { Kernels.softmax(to, from, matrix[0], matrix[1], logarithm: logarithm) }
      }
      return
    }
    let resolved = try resolveAxis(axis, rank: x.shape.rank), n = x.shape[resolved]
    try plan.alongLast(axis: resolved, [x], y) { from, to, rows in
      Kernels.softmax(to, from[0], rows, n, logarithm: logarithm)
    }
  }
}

/// - Source: ONNX `Softmax`, opsets 9–28.
struct Softmax: SoftmaxFamily {
  static let onnx = OnnxName("Softmax", since: 1)
  static let isLogarithm = false
  var axis: Int
  var flattens = false
  init(axis: Int = -1) { self.axis = axis }
}

/// The gradient of a softmax from its output: inputs are the upstream gradient and that output.
struct SoftmaxGradient: Op {
  let axis: Int
  let isLogarithm: Bool
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(try inputs.float(0, "upstream"))]
  }
  func gradient(_ call: Call, upstream u: Value) throws(GraphError) -> [Value?] {
    let g = call.inputs[0], y = call.inputs[1]
    let axis = try resolveAxis(axis, rank: y.shape.rank)
    var kept = y.shape
    kept[axis] = 1
    func total(_ value: Value) throws(GraphError) -> Value { try value.summed(to: kept) }
    if isLogarithm {  // g − exp(y) · Σ g
      let p = try y.map(.exp)
      return try [u - total(u * p), -(u * p * total(g))]
    }
    // y · (g − Σ g y)
    return try [u * y - y * total(u * y), u * (g - total(g * y)) - g * total(u * y)]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let resolved = try resolveAxis(axis, rank: call.outputs[0].shape.rank), n = call.outputs[0].shape[resolved]
    let logarithm = isLogarithm
    try plan.alongLast(axis: resolved, [call.inputs[0], call.inputs[1]], call.outputs[0]) { from, to, rows in
      Kernels.softmaxGradient(to, from[0], from[1], rows, n, logarithm: logarithm)
    }
  }
}

extension PlanBuilder {
  /// Runs `kernel` on rows along `axis`: in place where that is the last axis, else through transposed copies.
  mutating func alongLast(
    axis: Int, _ inputs: [Value], _ output: Value,
    _ kernel: @escaping ([UnsafeMutablePointer<Float>], UnsafeMutablePointer<Float>, Int) -> Void
  ) throws(GraphError) {
    let shape = output.shape, rows = shape[axis] == 0 ? 0 : shape.count / shape[axis]
    if Shape(Array(shape.dimensions[(axis + 1)...])).count == 1 {
      step(inputs + [output]) { memory in
        let from = inputs.map { memory.floats($0) }, to = memory.floats(output)
        return { kernel(from, to, rows) }
      }
      return
    }
    var order = Array(0..<shape.rank)
    order.append(order.remove(at: axis))
    let turned = Shape(order.map { shape[$0] }), strides = order.map { Int64(shape.strides[$0]) }
    let dims = turned.dimensions.map(Int64.init), bytes = shape.count * 4
    let room = (0...inputs.count).map { _ in scratch(bytes: bytes) }
    step(inputs + [output], scratch: room) { memory in
      let from = inputs.map { memory.floats($0) }, to = memory.floats(output)
      let copies = room.map { memory.scratch($0).assumingMemoryBound(to: Float.self) }
      let copied = Array(copies.dropLast()), result = copies[inputs.count]
      return {
        for i in from.indices { Kernels.copy(copied[i], from[i], dims, strides, size: 4) }
        kernel(copied, result, rows)
        Kernels.scatter(to, result, dims, strides)
      }
    }
  }
}
