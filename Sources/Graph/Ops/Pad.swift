import DitherBasics
import DitherTensor

/// The input with a border: of one number, or of the input's own pixels. A negative extent cuts. Extents are an
/// attribute up to opset 10, an input from 11 on.
/// - Source: ONNX `Pad`, opsets 2–28.
struct Pad: Composite, Increasing {
  static let onnx = OnnxName("Pad", since: 2)
  private enum Mode: String { case constant, reflect, edge, wrap }
  private let mode: Mode
  private let pads: [Int]?
  private let value: Float?
  private let namesAxes: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("mode", "pads", "value")
    let name = try node.string("mode", default: "constant")
    guard let mode = Mode(rawValue: name) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'mode'", expected: "constant, reflect, edge or wrap",
        got: "'\(name.clipped())'")
    }
    self.mode = mode
    pads = try node.ints("pads")
    namesAxes = node.presentInputs.dropFirst(3).contains(true)
    value = node["value"] == nil ? nil : try node.float("value", default: 0)
  }
  func write(to node: inout OnnxNode) {
    if mode != .constant { node["mode"] = .string(mode.rawValue) }
    if let pads { node.constantInputs[1] = .int64([pads.count], pads.map(Int64.init)) }
    if let value { node.constantInputs[2] = .float(Tensor([], [value])) }
  }
  var leastOpset: Int { mode == .wrap ? 19 : namesAxes ? 18 : Self.onnx.since }
  func trainable(_ input: Int) -> Bool { input == 0 }

  /// A border before and a cut behind leave the extent as it was.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    guard input == 0, let pads = try? types.known(pads, or: 1, "pads") else { return true }
    var axes = Array(0..<types.rank(0))
    if types.optional(3) != nil {
      guard let named = try? types.known(3, "axes") else { return true }
      axes = named.map { $0 < 0 ? $0 + types.rank(0) : $0 }
    }
    guard let place = axes.firstIndex(of: axis) else { return false }
    guard pads.count == 2 * axes.count else { return true }
    return pads[place] != 0 || pads[place + axes.count] != 0
  }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    var x = try inputs.value(0, "data")
    guard (1...8).contains(x.shape.rank) else {
      throw GraphError(.shape, at: "input 'data'", expected: "rank 1 to 8", got: "\(x.type)")
    }
    let pads = try inputs.types.known(pads, or: 1, "pads")
    var axes = Array(x.shape.dimensions.indices), filler: Value?
    if inputs.has(2) {
      let given = try inputs.float(2, "constant_value")
      guard given.shape.count == 1 else {
        throw GraphError(.shape, at: "input 'constant_value'", expected: "one number", got: "\(given.shape)")
      }
      filler = try given.viewed(as: [])
    } else if let value {
      filler = builder.scalar(value)
    }
    if inputs.has(3) {
      axes = []
      for axis in try inputs.types.known(3, "axes") { axes.append(try resolveAxis(axis, rank: x.shape.rank, "axes")) }
    }
    let most = 1 << 16
    guard pads.count == 2 * axes.count, Set(axes).count == axes.count, pads.allSatisfy((-most...most).contains) else {
      throw GraphError(
        .shape, at: "input 'pads'", expected: "\(2 * axes.count) values from \(-most) to \(most)", got: "\(pads)")
    }
    let original = x.shape
    for (i, axis) in axes.enumerated() {
      let length = pads[i] + original[axis] + pads[i + axes.count]
      guard length > 0, original[axis] > 0, mode == .constant || length <= AxisMix.limit || length == original[axis]
      else {
        throw GraphError(.shape, at: "input 'pads'", expected: "a result with elements", got: "\(pads) for \(original)")
      }
    }
    if mode == .constant, x.type.element == .float32 { return [try bordered(x, pads, axes, filler)] }
    guard mode != .constant || filler == nil else {
      throw GraphError(.unsupportedType, at: "input 'data'", expected: "float32", got: "\(x.type)")
    }
    for (i, axis) in axes.enumerated() where pads[i] != 0 || pads[i + axes.count] != 0 {
      let extent = original[axis], before = pads[i], length = before + extent + pads[i + axes.count]
      let columns = (0..<length).map { source($0 - before, extent) }
      x = try x.mixed(axis, columns.map { column in column.map { [(column: $0, weight: Float(1))] } ?? [] })
    }
    return try [x.copied()]
  }

  /// The part of the input that negative extents leave, amid `filler`.
  private func bordered(_ x: Value, _ pads: [Int], _ axes: [Int], _ filler: Value?) throws(GraphError) -> Value {
    var inner = Region(x.shape), place = inner, result = x.shape
    for (i, axis) in axes.enumerated() {
      let (before, after) = (pads[i], pads[i + axes.count])
      inner.starts[axis] = Swift.max(-before, 0)
      inner.counts[axis] = x.shape[axis] - Swift.max(-before, 0) - Swift.max(-after, 0)
      place.starts[axis] = Swift.max(before, 0)
      result[axis] = x.shape[axis] + before + after
      guard inner.counts[axis] > 0 else {
        throw GraphError(
          .shape, at: "input 'pads'", expected: "some of the input in the result", got: "\(pads) for \(x.shape)")
      }
    }
    place.counts = inner.counts
    let kept = inner.counts == x.shape.dimensions ? x : try x.apply(Cut(inner))
    return try kept.apply(Bordered((place, result)), filler)
  }

  /// Which pixel lies at `index`; nil: none.
  private func source(_ index: Int, _ extent: Int) -> Int? {
    switch mode {
    case .constant: return (0..<extent).contains(index) ? index : nil
    case .edge: return index.clamped(to: 0...extent - 1)
    case .wrap: return ((index % extent) + extent) % extent
    case .reflect:
      guard extent > 1 else { return 0 }
      let period = 2 * (extent - 1), place = ((index % period) + period) % period
      return place < extent ? place : period - place
    }
  }
}

/// An array of `shape` that holds the first operand in one region and the second, one number, elsewhere; 0 where there
/// is none.
struct Bordered: Op {
  let region: Region
  let shape: Shape
  init(_ place: (region: Region, shape: Shape)) { (region, shape) = place }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    guard region.fits(shape) else {
      throw GraphError(.shape, at: "input 'data'", expected: "a shape within \(shape)", got: "\(region.shape)")
    }
    return [TensorType(shape)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let inside = try upstream.apply(Cut(region))
    let forFiller = try call.inputs.optional(1).map { filler throws(GraphError) in
      try upstream.summed(to: []).viewed(as: filler.shape) - inside.summed(to: [])
    }
    return [inside, forFiller]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let filler = call.inputs.optional(1)
    plan.paste(call.inputs[0], into: region, of: call.outputs[0], others: [filler]) { memory in
      filler.map { memory.floats($0)[0] } ?? 0
    }
  }
}
