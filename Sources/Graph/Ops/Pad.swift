import DitherBasics
import DitherTensor

/// The input with a border: of one number, or of the input's own pixels. A negative extent cuts. Extents are an attribute up
/// to opset 10, an input from 11 on.
/// - Source: ONNX `Pad`, opsets 2–21.
struct Pad: Composite {
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

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    var x = try inputs.float(0, "data", rank: 1...8)
    let pads = try inputs.types.known(pads, or: 1, "pads")
    var axes = Array(x.shape.dimensions.indices), filler: Value?
    if inputs.has(2) {
      let given = try inputs.float(2, "constant_value")
      guard given.shape.count == 1 else {
        throw GraphError(.shape, at: "input 'constant_value'", expected: "one number", got: "\(given.shape)")
      }
      filler = given.viewed(as: [])
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
      let extent = x.shape[axis], before = pads[i], length = before + extent + pads[i + axes.count]
      guard length > 0, length <= 1 << 20 else {
        throw GraphError(.shape, at: "input 'pads'", expected: "a result with elements", got: "\(pads) for \(original)")
      }
      let columns = (0..<length).map { source($0 - before, extent) }
      x = try x.mixed(axis, columns.map { column in column.map { [(column: $0, weight: Float(1))] } ?? [] })
    }
    guard mode == .constant, let filler else { return [x.copied()] }
    // 1 inside, axis by axis; the border is where their product is 0.
    var inside: Value?
    for (i, axis) in axes.enumerated() {
      let extent = original[axis], before = pads[i], length = before + extent + pads[i + axes.count]
      var spread = Shape([Int](repeating: 1, count: original.rank))
      spread[axis] = length
      let mask = builder.constant(
        .float(Tensor(spread, (0..<length).map { source($0 - before, extent) == nil ? 0 : 1 })))
      inside = inside.map { $0 * mask } ?? mask
    }
    guard let inside else { return [x.copied()] }
    return [x + (-inside + 1) * filler]
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
