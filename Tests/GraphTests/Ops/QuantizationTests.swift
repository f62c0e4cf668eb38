import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// QuantizeLinear and DequantizeLinear. The expected integers are those of ONNX's formula, by hand.
@Suite("Quantization")
struct QuantizationTests {
  private static func op(
    _ type: String, _ attributes: [String: OnnxAttribute] = [:], zero: StoredInteger? = nil
  ) throws -> any OnnxOp {
    var node = OnnxNode(name: type, type: type, opset: 21, attributes: attributes, presentInputs: [true, true])
    node.storedInputs[2] = zero
    return try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var scale: Tensor
    var zero: [Int64]
    var type: StoredInteger
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
    check(Tensor([1], [1]), [0], "per channel", ["block_size": .int(32)])
    check(Tensor([1], [1]), [0], "8 bits", ["output_dtype": .int(17)])
  }
}
