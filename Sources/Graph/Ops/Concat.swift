import DitherBasics
import DitherTensor

/// Values one behind the other along an axis.
/// - Source: ONNX `Concat`, opsets 4–28.
struct Concat: OnnxOp, Rearranging {
  static let onnx = OnnxName("Concat", since: 4)
  var takesEmpty: Bool { true }
  let axis: Int
  init(axis: Int) { self.axis = axis }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    guard let axis = try node.int("axis") else {
      throw GraphError(.missing, at: "\(node.place), attribute 'axis'", expected: "a value", got: "none")
    }
    self.axis = axis
  }
  func write(to node: inout OnnxNode) { node["axis"] = .int(Int64(axis)) }

  /// Parts of a distribution: [1 − p, p], or pieces whose totals are known.
  func rows(_ call: RowsCall) -> RowFacts? {
    let parts = call.facts.compactMap { $0 }, shape = call.result.shape
    guard parts.count == call.facts.count, let first = parts.first, shape.isBatch,
      parts.allSatisfy({ $0.form == first.form && $0.form != .negatives }), axis != 0, axis != -shape.rank
    else { return nil }
    var total: Double? = 0
    for part in parts { total = total.flatMap { sum in part.total.map { sum + $0 } } }
    if parts.count == 2, shape.rowCount == 2,
      parts[0].relation == .complement(of: parts[1].source) || parts[1].relation == .complement(of: parts[0].source)
    {
      total = 1
    }
    // One behind the other along the only axis there is.
    let isList = shape.onlyAxis.map { $0 == (axis < 0 ? axis + shape.rank : axis) } ?? false
    let forms = parts.compactMap(\.logarithm)
    return call.nonnegative(
      shares: parts.allSatisfy(\.areShares), total: total,
      logarithm: isList && forms.count == parts.count ? LogarithmForm.joined(forms) : nil
    ).formed(first.form)
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let first = try inputs.required(0, "inputs")
    let axis = try resolveAxis(axis, rank: first.shape.rank)
    guard (1...8).contains(first.shape.rank) else {
      throw GraphError(.shape, at: "inputs", expected: "rank 1 to 8", got: "\(first)")
    }
    var shape = first.shape
    for position in inputs.indices.dropFirst() {
      let next = try inputs.required(position, "inputs[\(position)]")
      var comparable = next.shape
      if comparable.rank == shape.rank { comparable[axis] = shape[axis] }
      guard next.element == first.element, comparable == shape else {
        throw GraphError(
          .shape, at: "input \(position)", expected: "\(first) but along axis \(axis)", got: "\(next)")
      }
      shape[axis] += next.shape[axis]
    }
    guard (shape.checkedCount ?? .max) <= Literal.knownLimit else { return [TensorType(shape, first.element)] }
    let outer = Shape(Array(shape.dimensions[..<axis])).count
    func joined<T>(_ parts: [[T]?]) -> [T]? {
      let whole = parts.compactMap { $0 }
      guard whole.count == inputs.count else { return nil }
      return (0..<outer).flatMap { row in
        whole.flatMap { part in part[(row * part.count / outer)..<((row + 1) * part.count / outer)] }
      }
    }
    let floats = joined(inputs.map { $0?.knownFloats }).flatMap { $0.count <= Literal.knownFloatLimit ? $0 : nil }
    return [TensorType(shape, first.element, known: joined(inputs.map { $0?.known }), knownFloats: floats)]
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let axis = try resolveAxis(axis, rank: upstream.shape.rank)
    var start = 0
    var gradients: [Value?] = []
    for position in 0..<call.inputs.count {
      let shape = call.inputs[position].shape
      var region = Region(shape)
      region.starts[axis] = start
      gradients.append(try upstream.apply(Cut(region)))
      start += shape[axis]
    }
    return gradients
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let y = call.outputs[0]
    let axis = try resolveAxis(axis, rank: y.shape.rank)
    let outer = Shape(Array(y.shape.dimensions[..<axis])).count
    let inputs = (0..<call.inputs.count).map { call.inputs[$0] }
    let size = y.type.element.byteCount, total = y.shape.count / max(outer, 1) * size
    let lengths = inputs.map { $0.shape.count / max(outer, 1) * size }
    plan.step(inputs + [y]) { memory in
      let from = inputs.map { memory.raw($0) }, to = memory.raw(y)
      return {
        for row in 0..<outer {
          var at = to + row * total
          for (source, length) in zip(from, lengths) {
            at.copyMemory(from: source + row * length, byteCount: length)
            at += length
          }
        }
      }
    }
  }
}
