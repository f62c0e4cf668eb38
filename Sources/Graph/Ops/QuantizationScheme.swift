import DitherBasics
import DitherTensor

/// Integers as ONNX files store them; in a graph all are held as int64.
public enum StoredInteger: Sendable {
  case uint8, int8, uint16, int16, int32
  /// The number of the element type in files.
  var onnx: Int {
    switch self {
    case .uint8: 2
    case .int8: 3
    case .uint16: 4
    case .int16: 5
    case .int32: 6
    }
  }
  init?(onnx number: Int) {
    guard let found = [Self.uint8, .int8, .uint16, .int16, .int32].first(where: { $0.onnx == number }) else {
      return nil
    }
    self = found
  }
  var range: ClosedRange<Int64> {
    switch self {
    case .uint8: 0...255
    case .int8: -128...127
    case .uint16: 0...65_535
    case .int16: -32_768...32_767
    case .int32: -2_147_483_648...2_147_483_647
    }
  }
}

/// The attributes that quantizing and its inverse have in common.
struct QuantizationScheme: Sendable {
  /// The type of zero points and quantized numbers.
  let type: StoredInteger
  let axis: Int

  init(_ node: OnnxNode, _ type: StoredInteger) throws(GraphError) {
    self.type = type
    // Its range is that of its type, which only constants tell.
    if node.presentInputs.count > 2, node.presentInputs[2], node.storedInputs[2] == nil {
      throw GraphError(
        .unsupportedType, at: "\(node.place), input 2", expected: "a constant zero point of 8 or 16 bits, or int32",
        got: "another", advice: "export with constant zero points")
    }
    axis = try node.int("axis", default: 1)
    let block = try node.int("block_size", default: 0)
    guard block == 0 else {
      throw GraphError(
        .unsupportedOp, at: "\(node.place), attribute 'block_size'",
        expected: "one scale, or one for each place of an axis",
        got: "blocks of \(block)", advice: "quantize per tensor or per channel")
    }
  }
  func write(to node: inout OnnxNode) { if axis != 1 { node["axis"] = .int(Int64(axis)) } }
  /// Axes came with opset 13, other types than 8 bits and `output_dtype` with 21.
  func leastOpset(hasOutputType: Bool) -> Int {
    hasOutputType || type == .uint16 || type == .int16 ? 21 : 13
  }

  /// Scale and zero point as floats that broadcast to x.
  func operands(
    _ x: Shape, _ scale: Value, _ inputs: [Value?], _ scaleName: String, _ zeroName: String
  ) throws(GraphError) -> (scale: Value, zero: Value?) {
    let count = scale.shape.count
    var place = Shape([])
    if scale.shape.rank > 1 || count != 1 {
      let axis = try resolveAxis(axis, rank: x.rank)
      guard scale.shape.rank == 1, count == x[axis] else {
        throw GraphError(
          .shape, at: "input '\(scaleName)'", expected: "one number, or \(x[axis]), one for each place of axis \(axis)",
          got: "\(scale.shape)")
      }
      place = Shape((0..<x.rank).map { $0 == axis ? count : 1 })
    }
    guard inputs.has(2) else { return (try scale.viewed(as: place), nil) }
    let zero = try inputs.value(2, zeroName)
    guard zero.type.element == .int64, zero.shape.count == count,
      zero.type.known?.allSatisfy(type.range.contains) ?? true
    else {
      throw GraphError(
        .shape, at: "input '\(zeroName)'", expected: "\(type) as \(scaleName) has numbers: \(scale.shape)",
        got: "\(zero.type)")
    }
    return (try scale.viewed(as: place), try zero.apply(Cast(.float32)).viewed(as: place))
  }
}
