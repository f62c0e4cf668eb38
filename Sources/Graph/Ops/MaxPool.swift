import DitherBasics
import DitherTensor

/// The largest number of each window, and where it lies among all numbers of X; of equal ones the first counts.
/// - Source: ONNX `MaxPool`, opsets 8–28; places in sequences and images.
struct MaxPool: Composite, Increasing {
  static let onnx = OnnxName("MaxPool", since: 1)
  var window: Window
  private let hasPlaces: Bool
  private let isColumnMajor: Bool
  init(_ size: Int) {
    window = Window(kernel: [size, size], strides: [size, size])
    (hasPlaces, isColumnMajor) = (false, false)
  }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides")
    guard (1...2).contains(node.outputCount) else {
      throw GraphError(.attribute, at: node.place, expected: "one or two outputs", got: "\(node.outputCount)")
    }
    hasPlaces = node.outputCount == 2
    isColumnMajor = try node.flag("storage_order", default: false)
    window = try Window(node)
  }
  /// A place among all numbers of X depends on the row's.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { hasPlaces || axis > 1 }
  func write(to node: inout OnnxNode) {
    window.write(to: &node)
    if isColumnMajor { node["storage_order"] = .int(1) }
  }
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double { window.reads(outputs) }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let given = try inputs.value(0, "X"), isFloat = given.type.element != .int64
    // Files pool integers of 8 bits, which floats hold as they are.
    let x = isFloat ? try inputs.float(0, "X", rank: 3...5) : try given.apply(Cast(.float32))
    guard (3...(hasPlaces ? 4 : 5)).contains(x.shape.rank) else {
      throw GraphError(
        .shape, at: "input 'X'", expected: hasPlaces ? "rank 3 or 4, for places of maxima" : "rank 3 to 5",
        got: "\(x.shape)")
    }
    let pooled = try x.pooled(by: window) { x, window throws(GraphError) in
      let shape = try window.pooling(x.shape), result = shape.output(like: x.shape, channels: x.shape[1])
      return try x.apply(GivenPooling(kind: .max, shape: shape, result: result))
    }
    let y = isFloat ? pooled : try pooled.apply(Cast(.int64))
    guard hasPlaces else { return [y] }
    let places = try MaximaPlaces(
      shape: window.pooling(x.shape), result: pooled.shape, isColumnMajor: isColumnMajor)
    return [y, try x.apply(places)]
  }
}
