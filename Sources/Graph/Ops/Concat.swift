import DitherBasics
import DitherTensor

/// Values one behind the other along an axis.
/// - Source: ONNX `Concat`, opsets 4–21.
struct Concat: OnnxOp {
  static let onnx = OnnxName("Concat", since: 4)
  let axis: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    guard let axis = try node.int("axis") else {
      throw GraphError(.missing, at: "\(node.place), attribute 'axis'", expected: "a value", got: "none")
    }
    self.axis = axis
  }
  func write(to node: inout OnnxNode) { node["axis"] = .int(Int64(axis)) }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let first = try inputs.required(0, "inputs")
    let axis = try resolveAxis(axis, rank: first.shape.rank)
    var shape = first.shape, known: [Int64]? = first.known
    for position in inputs.indices.dropFirst() {
      let next = try inputs.required(position, "inputs[\(position)]")
      var comparable = next.shape
      if comparable.rank == shape.rank { comparable[axis] = shape[axis] }
      guard next.element == first.element, comparable == shape else {
        throw GraphError(
          .shape, at: "input \(position)", expected: "\(first) but along axis \(axis)", got: "\(next)")
      }
      shape[axis] += next.shape[axis]
      known = shape.rank == 1 ? known.flatMap { a in next.known.map { a + $0 } } : nil
    }
    guard first.element == .float32 || known != nil else {
      throw GraphError(
        .unsupportedType, at: "inputs", expected: "float32, or integers known beforehand", got: "\(first)")
    }
    return [TensorType(shape, first.element, known: known)]
  }

  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    guard let axis = try? resolveAxis(axis, rank: upstream.shape.rank) else {
      preconditionFailure("types() has passed it")
    }
    var start = 0
    return (0..<call.inputs.count).map { position in
      let shape = call.inputs[position].shape
      defer { start += shape[axis] }
      var region = Region(shape)
      region.starts[axis] = start
      return upstream.apply(Cut(region))
    }
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let y = call.outputs[0]
    guard y.type.element == .float32 else { return }
    let axis = try resolveAxis(axis, rank: y.shape.rank)
    let outer = Shape(Array(y.shape.dimensions[..<axis])).count
    let inputs = (0..<call.inputs.count).map { call.inputs[$0] }
    let lengths = inputs.map { $0.shape.count / max(outer, 1) }, total = y.shape.count / max(outer, 1)
    plan.step(inputs + [y]) { memory in
      let from = inputs.map { memory.floats($0) }, to = memory.floats(y)
      return {
        for row in 0..<outer {
          var at = to + row * total
          for (source, length) in zip(from, lengths) {
            at.update(from: source + row * length, count: length)
            at += length
          }
        }
      }
    }
  }
}
