import DitherBasics
import DitherTensor

/// The input with a border of one number. Extents are an attribute up to opset 10, an input from 11 on.
/// - Source: ONNX `Pad`, opsets 2–21, in mode `constant` and with no negative extent.
struct Pad: OnnxOp {
  static let onnx = OnnxName("Pad", since: 2)
  private var pads: [Int]?
  private var value: Float?
  private let namesAxes: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("mode", "pads", "value")
    let mode = try node.string("mode", default: "constant")
    guard mode == "constant" else {
      throw GraphError(
        .unsupportedOp, at: "\(node.place), attribute 'mode'", expected: "constant", got: "'\(mode.clipped())'")
    }
    pads = try node.ints("pads")
    namesAxes = node.presentInputs.dropFirst(3).contains(true)
    if node["value"] != nil { value = try node.float("value", default: 0) }
  }
  func write(to node: inout OnnxNode) {
    if let pads { node.constantInputs[1] = .int64([pads.count], pads.map(Int64.init)) }
    if let value { node.constantInputs[2] = .float(Tensor([], [value])) }
  }
  var leastOpset: Int { namesAxes ? 18 : Self.onnx.since }
  func trainable(_ input: Int) -> Bool { input == 0 }

  /// Where the input lies in the result, and the result's shape.
  private func place(_ inputs: [TensorType?]) throws(GraphError) -> (Region, Shape) {
    let shape = try inputs.float(0, "data", rank: 1...8), pads = try inputs.known(pads, or: 1, "pads")
    var axes = Array(shape.dimensions.indices)
    if inputs.optional(3) != nil {
      axes = []
      for axis in try inputs.known(3, "axes") { axes.append(try resolveAxis(axis, rank: shape.rank, "axes")) }
    }
    guard pads.count == 2 * axes.count, Set(axes).count == axes.count, pads.allSatisfy({ (0...1 << 16).contains($0) })
    else {
      throw GraphError(
        .shape, at: "input 'pads'", expected: "\(2 * axes.count) values from 0 to \(1 << 16)", got: "\(pads)")
    }
    var region = Region(shape), result = shape
    for (i, axis) in axes.enumerated() {
      region.starts[axis] = pads[i]
      result[axis] += pads[i] + pads[i + axes.count]
    }
    return (region, result)
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    if inputs.optional(2) != nil {
      let shape = try inputs.float(2, "constant_value")
      guard shape.count == 1 else {
        throw GraphError(.shape, at: "input 'constant_value'", expected: "one number", got: "\(shape)")
      }
    }
    return [TensorType(try place(inputs).1)]
  }

  private func region(_ call: Call) -> Region {
    guard let place = try? place((0..<call.inputs.count).map { call.inputs.optional($0)?.type }) else {
      preconditionFailure("types() has passed these extents")
    }
    return place.0
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [upstream.apply(Cut(region(call)))] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let constant = call.inputs.optional(2), value = value
    plan.paste(call.inputs[0], into: region(call), of: call.outputs[0], others: [constant]) { memory in
      constant.map { memory.floats($0)[0] } ?? value ?? 0
    }
  }
}
