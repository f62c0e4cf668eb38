import DitherBasics
import DitherTensor

/// The attributes that quantizing and its inverse have in common.
struct QuantizationScheme: Sendable {
  /// The type of zero points and quantized numbers.
  let type: StoredNumber
  let axis: Int
  /// Places of the axis that follow each other and have one scale; 0: no blocks.
  let block: Int

  init(_ node: OnnxNode, _ type: StoredNumber) throws(GraphError) {
    self.type = type
    // Its range is that of its type, which only constants tell.
    if node.presentInputs.count > 2, node.presentInputs[2], node.storedInputs[2] == nil {
      throw GraphError(
        .unsupportedType, at: "\(node.place), input 2", expected: "a constant zero point of 4 to 16 bits, or int32",
        got: "another", advice: "export with constant zero points")
    }
    axis = try node.int("axis", default: 1)
    block = try node.int("block_size", default: 0)
    guard (0...1 << 24).contains(block) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'block_size'", expected: "0 to \(1 << 24)", got: "\(block)")
    }
  }
  func write(to node: inout OnnxNode) {
    if axis != 1 { node["axis"] = .int(Int64(axis)) }
    if block != 0 { node["block_size"] = .int(Int64(block)) }
  }
  /// Axes came with opset 13, floats of 8 bits with 19, integers of 4 and 16 bits, blocks and `output_dtype` with 21.
  func leastOpset(hasOutputType: Bool) -> Int {
    hasOutputType || block != 0 || type == .uint16 || type == .int16 ? 21 : max(type.since, 13)
  }

  /// The scales' shape for x, where they are of blocks.
  func blocks(of x: Shape) throws(GraphError) -> (shape: Shape, axis: Int) {
    let axis = try resolveAxis(axis, rank: x.rank)
    var shape = x
    shape[axis] = (x[axis] + block - 1) / block
    return (shape, axis)
  }

  /// Scale and zero point of blocks, as floats of x's shape.
  private func blockOperands(
    _ x: Shape, _ scale: Value, _ inputs: [Value?], _ scaleName: String, _ zeroName: String
  ) throws(GraphError) -> (scale: Value, zero: Value?) {
    let (shape, axis) = try blocks(of: x)
    guard scale.shape == shape else {
      throw GraphError(
        .shape, at: "input '\(scaleName)'",
        expected: "\(shape), one number for each block of \(block) along axis \(axis)", got: "\(scale.shape)")
    }
    guard x[axis] <= AxisMix.limit else {
      throw GraphError(
        .tooLarge, at: "input 'x'", expected: "at most \(AxisMix.limit) places along axis \(axis)", got: "\(x)")
    }
    let columns = (0..<x[axis]).map { $0 / block }, factor = try scale.picked(axis, columns)
    guard inputs.has(2) else { return (factor, nil) }
    let zero = try zero(inputs, zeroName, like: scale, scaleName).viewed(as: shape)
    return (factor, try zero.picked(axis, columns))
  }

  /// The zero point as floats.
  private func zero(_ inputs: [Value?], _ name: String, like scale: Value, _ scaleName: String) throws(GraphError)
    -> Value
  {
    let zero = try inputs.value(2, name)
    let fits = zero.type.known?.allSatisfy { type.integers?.contains($0) == true } ?? true
    guard zero.type.element == type.element, zero.shape.count == scale.shape.count, fits else {
      throw GraphError(
        .shape, at: "input '\(name)'", expected: "\(type) as \(scaleName) has numbers: \(scale.shape)",
        got: "\(zero.type)")
    }
    // Floats of 8 bits have their zero where it is; the standard allows no other.
    guard type.element == .int64 || zero.type.knownFloats?.allSatisfy({ $0 == 0 }) ?? true else {
      throw GraphError(.attribute, at: "input '\(name)'", expected: "0, as \(type) has no other", got: "others")
    }
    return type.element == .float32 ? zero : try zero.apply(Cast(.float32))
  }

  /// Scale and zero point as floats that broadcast to x.
  func operands(
    _ x: Shape, _ scale: Value, _ inputs: [Value?], _ scaleName: String, _ zeroName: String
  ) throws(GraphError) -> (scale: Value, zero: Value?) {
    if block > 0 { return try blockOperands(x, scale, inputs, scaleName, zeroName) }
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
    return (
      try scale.viewed(as: place), try zero(inputs, zeroName, like: scale, scaleName).viewed(as: place)
    )
  }
}
