import DitherBasics
import DitherGraph
import DitherTensor
import Testing

/// Ops whose results are integers or truth values: at run time, and as exporters use them to compute shapes.
@Suite("Integers and truth values")
struct IntegerOpTests {
  private func op(_ type: String, _ attributes: [String: OnnxAttribute] = [:], inputs: Int = 1) throws -> any OnnxOp {
    let node = OnnxNode(
      name: type, type: type, opset: 21, attributes: attributes, presentInputs: .init(repeating: true, count: inputs))
    return try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node)
  }

  private func run(_ graph: Graph, _ inputs: [Literal]) throws -> Plan {
    let again = try Graph(onnx: graph.onnx())
    #expect(try again.onnx() == graph.onnx())
    let plan = try Plan(again, parameters: ParameterBuffers(again), options: .init(rows: inputs[0].type.shape[0]))
    for (index, input) in inputs.enumerated() { plan.write(input, to: index) }
    plan.forward()
    return plan
  }

  struct Relation: Sendable { let op: String, floats: [Bool], integers: [Bool] }
  @Test(
    "relations, of floats and of integers",
    arguments: [
      Relation(op: "Equal", floats: [false, true, false, false], integers: [false, true, false]),
      Relation(op: "Less", floats: [true, false, false, false], integers: [true, false, false]),
      Relation(op: "LessOrEqual", floats: [true, true, false, false], integers: [true, true, false]),
      Relation(op: "Greater", floats: [false, false, true, false], integers: [false, false, true]),
      Relation(op: "GreaterOrEqual", floats: [false, true, true, false], integers: [false, true, true]),
    ])
  func relations(_ test: Relation) throws {
    for isFloat in [true, false] {
      let builder = GraphBuilder(), n = isFloat ? 4 : 3
      let x = builder.input("x", [n], element: isFloat ? .float32 : .int64)
      let other: Literal = isFloat ? .float(Tensor([], [1])) : .int64([], [1])
      let y = try builder.apply(op(test.op, inputs: 2), [x, builder.constant(other)])[0]
      let input: Literal =
        isFloat ? .float(Tensor([1, 4], [0.5, 1, 2, .nan])) : .int64([1, 3], [-3, 1, .max])
      let plan = try run(builder.finish(outputs: [("y", y)]), [input])
      #expect(plan.outputs[0].prefix(n).map { $0 != 0 } == (isFloat ? test.floats : test.integers))
    }
  }

  @Test("connectives, and a choice by them")
  func connectives() throws {
    let builder = GraphBuilder(), x = builder.input("x", [4])
    func above(_ bound: Float) throws -> Value {
      try builder.apply(op("Greater", inputs: 2), [x, builder.constant(.float(Tensor([], [bound])))])[0]
    }
    let (low, high) = (try above(0), try above(1))
    let between = try builder.apply(
      op("And", inputs: 2), [low, builder.apply(op("Not"), [high])[0]])[0]
    let outside = try builder.apply(op("Xor", inputs: 2), [low, high])[0]
    let either = try builder.apply(op("Or", inputs: 2), [between, high])[0]
    let chosen = try builder.apply(
      op("Where", inputs: 3), [between, x, builder.constant(.float(Tensor([], [-9])))])[0]
    let number = try builder.apply(op("Cast", ["to": .int(7)]), [either])[0]
    let graph = builder.finish(outputs: [("b", between), ("o", outside), ("c", chosen), ("n", number)])
    let plan = try run(graph, [.float(Tensor([1, 4], [-1, 0.5, 1, 2]))])
    #expect(plan.outputs[0].prefix(4).map { $0 != 0 } == [false, true, true, false])
    #expect(plan.outputs[1].prefix(4).map { $0 != 0 } == [false, true, true, false])
    #expect(Array(plan.output(2)) == [-9, 0.5, 1, -9])
    #expect(Array(plan.outputs[3].bindMemory(to: Int64.self)) == [0, 1, 1, 1])
  }

  @Test("the index of the largest element", arguments: [false, true])
  func argMax(_ last: Bool) throws {
    let builder = GraphBuilder(), x = builder.input("x", [2, 3])
    let attributes: [String: OnnxAttribute] = [
      "axis": .int(-1), "keepdims": .int(0), "select_last_index": .int(last ? 1 : 0),
    ]
    let y = try builder.apply(op("ArgMax", attributes), [x])[0]
    let plan = try run(builder.finish(outputs: [("y", y)]), [.float(Tensor([1, 2, 3], [3, 1, 3, 0, 2, 1]))])
    #expect(Array(plan.outputs[0].bindMemory(to: Int64.self)) == [last ? 2 : 0, 1])
  }

  /// Upsampling by two, as older exporters write it: Shape → Slice → Cast → Mul → Floor → Cast → Concat → Resize.
  @Test("shape arithmetic through floats is known before anything runs")
  func arithmetic() throws {
    let builder = GraphBuilder(), x = builder.input("x", [1, 3, 5])
    func known(_ values: [Int64]) -> Value { builder.constant(.int64([values.count], values)) }
    let extents = try builder.apply(op("Shape"), [x])[0]
    let slice = try op("Slice", inputs: 3)
    let head = try builder.apply(slice, [extents, known([0]), known([2])])[0]
    let tail = try builder.apply(slice, [extents, known([2]), known([4])])[0]
    let cast = try builder.apply(op("Cast", ["to": .int(1)]), [tail])[0]
    let wider = try builder.apply(
      op("Mul", inputs: 2), [cast, builder.constant(.float(Tensor([2], [2, 1.5])))])[0]
    let whole = try builder.apply(op("Cast", ["to": .int(7)]), [builder.apply(op("Floor"), [wider])[0]])[0]
    let sizes = try builder.apply(op("Concat", ["axis": .int(0)], inputs: 2), [head, whole])[0]
    let node = OnnxNode(
      name: "resize", type: "Resize", opset: 21, attributes: ["mode": .string("nearest")],
      presentInputs: [true, false, false, true])
    let y = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "Resize").init(node), [x, nil, nil, sizes])[0]
    // A mask of the extents' own size, from a constant of shape and a range.
    let ones = try builder.apply(
      op("ConstantOfShape", ["value": .tensor(.float(Tensor([1], [3])))]), [known([1, 1, 6, 1])])[0]
    let range = try builder.apply(
      op("Range", inputs: 3),
      [builder.constant(.int64([], [0])), builder.constant(.int64([], [7])), builder.constant(.int64([], [1]))])[0]
    let row = try builder.apply(op("Cast", ["to": .int(1)]), [range])[0]
    let z = try builder.apply(op("Add", inputs: 2), [builder.apply(op("Mul", inputs: 2), [y, ones])[0], row])[0]
    let count = try builder.apply(op("Size"), [z])[0]
    let plan = try run(
      builder.finish(outputs: [("z", z), ("n", count)]), [.float(Tensor([2, 1, 3, 5], (0..<30).map(Float.init)))])
    #expect(plan.outputTypes[0].shape == [2, 1, 6, 7])
    #expect(Array(plan.outputs[1].bindMemory(to: Int64.self)) == [84])
    #expect(plan.output()[0] == 0 && plan.output()[6] == 4 * 3 + 6)
  }

  @Test("an op outside the list is refused with its name, its node and the list")
  func unknown() throws {
    let builder = GraphBuilder(), x = builder.input("x", [3])
    let graph = builder.finish(outputs: [("y", try builder.apply(op("Relu"), [x], name: "first")[0])])
    var bytes = try graph.onnx()
    let name = Array("Relu".utf8)
    let at = try #require(bytes.indices.dropLast(4).first { Array(bytes[$0..<$0 + 4]) == name })
    bytes.replaceSubrange(at..<at + 4, with: Array("Telu".utf8))
    #expect {
      _ = try Graph(onnx: bytes)
    } throws: {
      let text = "\($0)"
      return text.contains("'first'") && text.contains("Telu") && text.contains("ConvTranspose") && text.contains("Celu")
    }
  }
}
