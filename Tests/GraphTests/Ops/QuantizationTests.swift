import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// QuantizeLinear and DequantizeLinear. The expected integers are those of ONNX's formula, by hand.
@Suite("Quantization")
struct QuantizationTests {
  private static func op(
    _ type: String, _ attributes: [String: OnnxAttribute] = [:], zero: StoredNumber? = nil
  ) throws -> any OnnxOp {
    var node = OnnxNode(name: type, type: type, opset: 21, attributes: attributes, presentInputs: [true, true])
    node.storedInputs[2] = zero
    return try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var scale: Tensor
    var zero: [Int64]
    var type: StoredNumber
    var attributes: [String: OnnxAttribute] = [:]
    /// The steps of [[-1.25, 0.25, 0.75], [130, -300, 0.3]].
    var expected: [Int64]
    var testDescription: String { name }
  }

  static let x = Tensor([2, 3], [-1.25, 0.25, 0.75, 130, -300, 0.3])
  static let rows = [
    Row(name: "halves to even", scale: Tensor([], [0.5]), zero: [0], type: .int8, expected: [-2, 0, 2, 127, -128, 1]),
    Row(name: "unsigned", scale: Tensor([], [0.5]), zero: [128], type: .uint8, expected: [126, 128, 130, 255, 0, 129]),
    Row(
      name: "16 bits", scale: Tensor([1], [0.01]), zero: [7], type: .int16, expected: [-118, 32, 82, 13007, -29993, 37]),
    Row(
      name: "by column", scale: Tensor([3], [0.5, 0.25, 2]), zero: [1, 2, 3], type: .uint8,
      expected: [0, 3, 3, 255, 0, 3]),
  ]

  /// Quantized, and back.
  private func graph(_ row: Row) throws -> Graph {
    let builder = GraphBuilder(), x = builder.input("x", [3])
    let scale = builder.constant(.float(row.scale), "scale")
    let zero = builder.constant(.int64(row.scale.shape, row.zero), "zero")
    let q = try builder.apply(
      Self.op("QuantizeLinear", row.attributes, zero: row.type), [x, scale, zero])[0]
    let back = try builder.apply(Self.op("DequantizeLinear", row.attributes, zero: row.type), [q, scale, zero])[0]
    return builder.finish(outputs: [("q", q), ("y", back)])
  }

  @Test("numbers are rounded and held as the type says, in files too", arguments: rows)
  func quantizes(_ row: Row) throws {
    let graph = try graph(row), written = try graph.onnx(), again = try Graph(onnx: written)
    #expect(try again.onnx() == written)
    for graph in [graph, again] {
      let plan = try Plan(
        graph, parameters: ParameterBuffers(graph), options: .init(rows: 2, inputGradient: true, output: 1))
      plan.write(.float(Self.x), to: 0)
      plan.forward()
      #expect(plan.literal(0) == .int64([2, 3], row.expected))
      let back = row.expected.enumerated().map { at, q in
        let place = row.scale.count == 1 ? 0 : at % 3
        return (Float(q) - Float(row.zero[place])) * row.scale.elements[place]
      }
      #expect(Array(plan.output(1)) == back)
      // Steps have no slope: nothing passes them.
      plan.cotangent.update(repeating: 1)
      plan.backward()
      #expect(plan.inputGradients[0].allSatisfy { $0 == 0 })
    }
  }

  @Test("weights that a file holds in 8 bits are floats once it is read", arguments: [0, 1] as [Int])
  func weights(_ axis: Int) throws {
    let builder = GraphBuilder(), x = builder.input("x", [2])
    let stored: [Int64] = [3, 250, 128, 0, 17, 255], zero: [Int64] = axis == 0 ? [128, 10] : [128, 10, 0]
    let scale: [Float] = axis == 0 ? [0.5, 0.25] : [0.5, 0.25, 2]
    let w = try builder.apply(
      Self.op("DequantizeLinear", ["axis": .int(Int64(axis))], zero: .uint8),
      [
        builder.constant(.int64([2, 3], stored), "w_quantized"),
        builder.constant(.float(Tensor([scale.count], scale)), "w_scale"),
        builder.constant(.int64([zero.count], zero), "w_zero"),
      ], outputs: ["w"])[0]
    let product = try builder.apply(
      Catalog<any OnnxOp.Type>.ops.entry(named: "MatMul").init(OnnxNode(name: "m", type: "MatMul", opset: 21)), [x, w])
    let graph = builder.finish(outputs: [("y", product[0])]), bytes = try graph.onnx()
    let read = try Graph(onnx: bytes)
    #expect(read.nodes.map(\.name) == graph.nodes.map(\.name).filter { $0.contains("MatMul") })
    let expected = stored.enumerated().map { at, q in
      let place = axis == 0 ? at / 3 : at % 3
      return (Float(q) - Float(zero[place])) * scale[place]
    }
    #expect(Array(read.literals.values) == [.float(Tensor([2, 3], expected))])
    let input: [Literal] = [.float(Tensor([2, 2], [1, 2, -1, 0.5]))]
    #expect(try Network(read).outputs(input) == Network(graph).outputs(input))
  }

  @Test("a scale gets its gradient")
  func scaleGradient() throws {
    let builder = GraphBuilder(), x = builder.input("x", [2], element: .int64)
    let scale = builder.parameter("scale", Tensor([2], [0.5, 2]))
    let y = try builder.apply(Self.op("DequantizeLinear"), [x, scale])[0]
    let graph = builder.finish(outputs: [("y", y)]), parameters = ParameterBuffers(graph)
    let plan = try Plan(graph, parameters: parameters, options: .init(rows: 2, parameterGradients: true))
    plan.write(.int64([2, 2], [3, 5, 7, 11]), to: 0)
    plan.forward()
    #expect(Array(plan.output()) == [1.5, 10, 3.5, 22])
    plan.cotangent.update(repeating: 1)
    plan.backward()
    let id = try #require(parameters.trainable.first)
    #expect(plan.parameterGradient(id).map { Array($0) } == [10, 16])
  }

  @Test("what does not fit is refused, with what would")
  func refuses() throws {
    func check(_ scale: Tensor, _ zero: [Int64], _ words: String, _ attributes: [String: OnnxAttribute] = [:]) {
      let error = #expect(throws: GraphError.self) {
        let builder = GraphBuilder(), x = builder.input("x", [3])
        try builder.apply(
          Self.op("QuantizeLinear", attributes, zero: .int8),
          [x, builder.constant(.float(scale)), builder.constant(.int64([zero.count], zero))])
      }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
    check(Tensor([2], [1, 1]), [0, 0], "y_scale")
    check(Tensor([3], [1, 1, 1]), [0, 0], "y_zero_point")
    check(Tensor([1], [1]), [200], "int8")
    check(Tensor([3], [1, 1, 1]), [0, 0, 0], "axis", ["axis": .int(2)])
    check(Tensor([1], [1]), [0], "each block of 32", ["block_size": .int(32)])
    check(Tensor([1], [1]), [0], "y_zero_point", ["output_dtype": .int(17)])
    check(Tensor([1], [1]), [0], "4, 8 or 16 bits", ["output_dtype": .int(6)])
    let halves = #expect(throws: GraphError.self) { try Self.op("DequantizeLinear", zero: .bfloat16) }
    #expect(halves?.description.contains("floats of 8 bits") == true)
  }

  struct Narrow: Sendable, CustomTestStringConvertible {
    var name: String
    var x: Tensor
    var scale: Tensor
    var type: StoredNumber
    var attributes: [String: OnnxAttribute] = [:]
    /// None where it has no elements.
    var zero: [Float]
    var expected: [Float]
    var testDescription: String { name }
  }
  /// The numbers of ONNX's own node tests.
  static let narrow = [
    Narrow(
      name: "4 bits", x: Tensor([3, 4], [0, 2.5, 4.8, 8.6, -30, -20, 6, 9, 12, 15, 16, 40]),
      scale: Tensor([3], [2, 3, 4]), type: .int4, attributes: ["axis": .int(0)], zero: [1, 1, 1],
      expected: [1, 2, 3, 5, -8, -6, 3, 4, 4, 5, 5, 7]),
    Narrow(
      name: "blocks with zero points", x: Tensor([3, 4], [6, 12, 50, 5, 1, 8, 4, 5, 0, 20, 10, 4]),
      scale: Tensor([3, 2], [1.5, 2.5, 3, 4.9, 5.1, 6.9]), type: .uint8, attributes: ["block_size": .int(2)],
      zero: [0, 1, 1, 0, 2, 3], expected: [4, 8, 21, 3, 1, 4, 1, 1, 2, 6, 4, 4]),
    Narrow(
      name: "blocks without", x: Tensor([3, 4], [6, -8, -10, 5, 1, 8, 4, 5, 0, 20, 10, 4]),
      scale: Tensor([3, 2], [1.5, 2.5, 3, 4.9, 5.1, 6.9]), type: .int16,
      attributes: ["block_size": .int(2), "output_dtype": .int(5)], zero: [],
      expected: [4, -5, -4, 2, 0, 3, 1, 1, 0, 4, 1, 1]),
    Narrow(
      name: "floats of 8 bits", x: Tensor([1, 5], [0, 1, 2, 100_000, 200]), scale: Tensor([], [2]), type: .float8e4m3fn,
      zero: [0], expected: [0, 0.5, 1, 448, 96]),
    Narrow(
      name: "floats of 8 bits with infinities", x: Tensor([1, 4], [0, 1, 100_000, -200_000]), scale: Tensor([], [1]),
      type: .float8e5m2, attributes: ["saturate": .int(0)], zero: [0], expected: [0, 1, .infinity, -.infinity]),
  ]

  @Test("other widths and blocks, in files too", arguments: narrow)
  func narrowTypes(_ row: Narrow) throws {
    let builder = GraphBuilder(rows: row.x.rowCount), x = builder.input("x", [row.x.rowLength])
    let isFloat = row.expected.contains { !$0.isFinite || $0 != $0.rounded() } || row.name.contains("floats")
    var operands: [Value?] = [x, builder.constant(.float(row.scale), "scale")]
    if !row.zero.isEmpty {
      let shape = row.scale.shape
      let literal: Literal =
        isFloat ? .float(Tensor(shape, row.zero)) : .int64(shape, row.zero.map { Int64($0) })
      operands.append(builder.constant(literal, "zero"))
    }
    let zero = row.zero.isEmpty ? nil : row.type
    let q = try builder.apply(Self.op("QuantizeLinear", row.attributes, zero: zero), operands)[0]
    var again = row.attributes
    for key in ["output_dtype", "saturate"] { again[key] = nil }
    let back = try builder.apply(Self.op("DequantizeLinear", again, zero: zero), [q] + operands.dropFirst())[0]
    var graph = builder.finish(outputs: [("q", q), ("y", back)])
    // Scales of rows and of blocks are of so many rows.
    if row.scale.count > 1 { graph.inputs[0].dimensions[0] = row.x.rowCount }
    let written = try graph.onnx(), read = try Graph(onnx: written), bytes = try read.onnx()
    #expect(bytes == written)
    for graph in [graph, read] {
      let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: row.x.rowCount))
      plan.write(.float(row.x), to: 0)
      plan.forward()
      let found = plan.literal(0), shape = row.x.shape
      let expected: Literal =
        isFloat ? .float(Tensor(shape, row.expected)) : .int64(shape, row.expected.map { Int64($0) })
      #expect(found == expected)
    }
  }

  @Test("weights in blocks of 4 bits and in floats of 8 are floats once they are read")
  func narrowWeights() throws {
    let builder = GraphBuilder(), x = builder.input("x", [4])
    let stored: [Int64] = [1, -8, 7, 0, -1, 2, 3, -4], scale: [Float] = [0.5, 2, 1, 4], zero: [Int64] = [0, 1, -1, 2]
    let four = try builder.apply(
      Self.op("DequantizeLinear", ["axis": .int(0), "block_size": .int(2)], zero: .int4),
      [
        builder.constant(.int64([4, 2], stored)), builder.constant(.float(Tensor([2, 2], scale))),
        builder.constant(.int64([2, 2], zero)),
      ])[0]
    let eight = try builder.apply(
      Self.op("DequantizeLinear", zero: .float8e5m2),
      [
        builder.constant(.float(Tensor([4, 2], [1, -0.5, 1.75, 57_344, 0.0625, 0, 3, -96]))),
        builder.constant(.float(Tensor([], [0.5]))), builder.constant(.float(Tensor([], [0]))),
      ])[0]
    let multiply = try Catalog<any OnnxOp.Type>.ops.entry(named: "MatMul")
    let outputs = try [four, eight].map { weights in
      try builder.apply(multiply.init(OnnxNode(name: "m", type: "MatMul", opset: 21)), [x, weights])[0]
    }
    let graph = builder.finish(outputs: [("a", outputs[0]), ("b", outputs[1])]), read = try Graph(onnx: graph.onnx())
    #expect(read.nodes.count == 2)
    let wanted: [Float] = stored.indices.map { at in
      let place = at / 4 * 2 + at % 2
      return (Float(stored[at]) - Float(zero[place])) * scale[place]
    }
    let floats: [Float] = [0.5, -0.25, 0.875, 28_672, 0.03125, 0, 1.5, -48]
    let values = Set(read.literals.values.map { "\($0)" })
    #expect(values == Set([wanted, floats].map { "\(Literal.float(Tensor([4, 2], $0)))" }))
  }
}
