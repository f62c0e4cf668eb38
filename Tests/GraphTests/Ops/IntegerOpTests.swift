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

  private func run(_ graph: Graph, _ inputs: [Literal], name: String = #function) throws -> Plan {
    let again = try Graph(onnx: graph.onnx())
    #expect(try again.onnx() == graph.onnx())
    let plan = try Plan(again, parameters: ParameterBuffers(again), options: .init(rows: inputs[0].type.shape[0]))
    for (index, input) in inputs.enumerated() { plan.write(input, to: index) }
    plan.forward()
    let file = "\(name.prefix { $0.isLetter })_\(graph.inputs[0].element)_\(graph.nodes[0].name)"
    try Written.keep(file, again, graph.onnx(), inputs, graph.outputs.indices.map(plan.literal))
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

  @Test("integers between bounds, at run time and in shapes")
  func clip() throws {
    let builder = GraphBuilder(), x = builder.input("x", [4], element: .int64)
    func one(_ value: Int64) -> Value { builder.constant(.int64([], [value])) }
    let y = try builder.apply(op("Clip", inputs: 3), [x, one(0), one(9)])[0]
    let above = try builder.apply(op("Clip", inputs: 2), [x, one(2)])[0]
    let known = builder.constant(.int64([3], [-4, 1, 5]))
    let shape = try builder.apply(op("Clip", inputs: 3), [known, one(0), one(3)])[0]
    let folded: [Int64] = shape.type.known ?? []
    #expect(folded == [0, 1, 3])
    let row: [Int64] = [-3, 0, 9, 12]
    let graph = builder.finish(outputs: [("y", y), ("above", above)])
    let plan = try run(graph, [.int64([1, 4], row)])
    #expect(Array(plan.outputs[0].bindMemory(to: Int64.self)) == [0, 0, 9, 9])
    #expect(Array(plan.outputs[1].bindMemory(to: Int64.self)) == [2, 2, 9, 12])
    let bound = builder.constant(.float(Tensor([], [1])))
    let clip = try op("Clip", inputs: 2)
    let error = #expect(throws: GraphError.self) { _ = try builder.apply(clip, [x, bound]) }
    #expect(error?.place.contains("'min'") == true, "\(error?.description ?? "")")
  }

  @Test("an index as an axis of its own", arguments: [-1, 1])
  func oneHot(_ axis: Int64) throws {
    let builder = GraphBuilder(), x = builder.input("x", [2], element: .int64)
    let depth = builder.constant(.int64([], [3])), values = builder.constant(.float(Tensor([2], [-1, 4])))
    let y = try builder.apply(op("OneHot", ["axis": .int(axis)], inputs: 3), [x, depth, values])[0]
    let whole = builder.constant(.int64([2], [0, 1])), real = builder.constant(.float(Tensor([1], [3])))
    let z = try builder.apply(op("OneHot", ["axis": .int(axis)], inputs: 3), [x, real, whole])[0]
    // Indices from the end have a place, those beyond have none.
    let rows: [[Int64]] = [[0, 2], [-1, 3]], graph = builder.finish(outputs: [("y", y), ("z", z)])
    let plan = try run(graph, [.int64([2, 2], rows.flatMap { $0 })])
    func hot(_ row: [Int64]) -> [[Bool]] { row.map { index in (0..<3).map { $0 == index || $0 - 3 == index } } }
    let wanted = rows.flatMap { row -> [Bool] in
      let cells = hot(row)
      return axis == -1 ? cells.flatMap { $0 } : (0..<3).flatMap { place in cells.map { $0[place] } }
    }
    let floats: [Float] = wanted.map { $0 ? 4 : -1 }, integers: [Int64] = wanted.map { $0 ? 1 : 0 }
    #expect(Array(plan.output(0)) == floats)
    #expect(Array(plan.outputs[1].bindMemory(to: Int64.self)) == integers)
    for depth: Literal in [.int64([], [0]), .float(Tensor([1], [.infinity])), .int64([2], [3, 3])] {
      let builder = GraphBuilder(), x = builder.input("x", [2], element: .int64)
      let values = builder.constant(.int64([2], [0, 1]))
      let oneHot = try op("OneHot", inputs: 3), extent = builder.constant(depth)
      #expect(throws: GraphError.self) { _ = try builder.apply(oneHot, [x, extent, values]) }
    }
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

  @Test("the index of the smallest element", arguments: [false, true])
  func argMin(_ last: Bool) throws {
    let builder = GraphBuilder(), x = builder.input("x", [2, 3])
    let attributes: [String: OnnxAttribute] = [
      "axis": .int(-1), "keepdims": .int(0), "select_last_index": .int(last ? 1 : 0),
    ]
    let y = try builder.apply(op("ArgMin", attributes), [x])[0]
    let plan = try run(builder.finish(outputs: [("y", y)]), [.float(Tensor([1, 2, 3], [1, 3, 1, 2, 0, 1]))])
    #expect(Array(plan.outputs[0].bindMemory(to: Int64.self)) == [last ? 2 : 0, 1])
  }

  @Test("what is no number, and what is infinite")
  func notFinite() throws {
    let builder = GraphBuilder(), x = builder.input("x", [4])
    let outputs = try [
      ("nan", op("IsNaN")), ("inf", op("IsInf")), ("above", op("IsInf", ["detect_negative": .int(0)])),
      ("below", op("IsInf", ["detect_positive": .int(0)])),
    ].map { (name: $0.0, value: try builder.apply($0.1, [x])[0]) }
    let plan = try run(builder.finish(outputs: outputs), [.float(Tensor([1, 4], [.nan, .infinity, -.infinity, 3]))])
    let expected = [
      [true, false, false, false], [false, true, true, false], [false, true, false, false],
      [false, false, true, false],
    ]
    for (index, holds) in expected.enumerated() { #expect(plan.outputs[index].prefix(4).map { $0 != 0 } == holds) }
  }

  @Test("remainders of integers, by 0 as well", arguments: [false, true])
  func remainders(_ followsDividend: Bool) throws {
    let builder = GraphBuilder(), x = builder.input("x", [6], element: .int64)
    let mod = try op("Mod", followsDividend ? ["fmod": .int(1)] : [:], inputs: 2)
    let y = try builder.apply(mod, [x, constant(builder, [3, -3, 3, -3, 7, -1])])[0]
    let plan = try run(builder.finish(outputs: [("y", y)]), [.int64([1, 6], [7, 7, -7, -7, 0, .min])])
    #expect(
      Array(plan.outputs[0].bindMemory(to: Int64.self))
        == (followsDividend ? [1, 1, -1, -1, 0, 0] : [1, -2, 2, -1, 0, 0])
    )
    let zero = GraphBuilder(), z = zero.input("x", [2], element: .int64)
    let rest = try Plan(
      zero.finish(outputs: [("y", try zero.apply(mod, [z, constant(zero, [0, 2])])[0])]),
      parameters: ParameterBuffers(Graph()), options: .init(rows: 1))
    rest.write(.int64([1, 2], [5, 5]), to: 0)
    rest.forward()
    #expect(Array(rest.outputs[0].bindMemory(to: Int64.self)) == [0, 1])
  }

  @Test("running sums and triangles of integers")
  func sumsAndTriangles() throws {
    let builder = GraphBuilder(), x = builder.input("x", [2, 3], element: .int64)
    let axis = builder.constant(.int64([], [2]))
    let outputs = try [
      ("sum", builder.apply(op("CumSum", inputs: 2), [x, axis])[0]),
      ("back", builder.apply(op("CumSum", ["exclusive": .int(1), "reverse": .int(1)], inputs: 2), [x, axis])[0]),
      ("upper", builder.apply(op("Trilu"), [x])[0]), ("lower", builder.apply(op("Trilu", ["upper": .int(0)]), [x])[0]),
    ].map { (name: $0.0, value: $0.1) }
    let plan = try run(builder.finish(outputs: outputs), [.int64([1, 2, 3], [1, 2, 3, 4, 5, 6])])
    let expected: [[Int64]] = [
      [1, 3, 6, 4, 9, 15], [5, 3, 0, 11, 6, 0], [1, 2, 3, 0, 5, 6], [1, 0, 0, 4, 5, 0],
    ]
    for (index, values) in expected.enumerated() {
      #expect(Array(plan.outputs[index].bindMemory(to: Int64.self)) == values, "\(outputs[index].name)")
    }
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

  private func constant(_ builder: GraphBuilder, _ values: [Int64]) -> Value {
    builder.constant(.int64([values.count], values))
  }

  @Test("arithmetic of integers, as the graph runs")
  func integerArithmetic() throws {
    let builder = GraphBuilder(), x = builder.input("x", [3], element: .int64), y = constant(builder, [2, -3, 4])
    var outputs: [(name: String, value: Value)] = []
    for type in ["Add", "Sub", "Mul", "Div", "Max", "Min"] {
      outputs.append((type, try builder.apply(op(type, inputs: 2), [x, y])[0]))
    }
    for type in ["Neg", "Abs", "Sign"] { outputs.append((type, try builder.apply(op(type), [x])[0])) }
    let squared = try builder.apply(op("Pow", inputs: 2), [x, builder.constant(.int64([], [2]))])[0]
    outputs.append(("Pow", squared))
    for type in ["ReduceSum", "ReduceMax", "ReduceMin"] {
      outputs.append((type, try builder.apply(op(type, inputs: 2), [squared, constant(builder, [1])])[0]))
    }
    let plan = try run(builder.finish(outputs: outputs), [.int64([2, 3], [7, 7, 7, -1, 0, 100])])
    let expected: [[Int64]] = [
      [9, 4, 11, 1, -3, 104], [5, 10, 3, -3, 3, 96], [14, -21, 28, -2, 0, 400], [3, -2, 1, 0, 0, 25],
      [7, 7, 7, 2, 0, 100], [2, -3, 4, -1, -3, 4], [-7, -7, -7, 1, 0, -100], [7, 7, 7, 1, 0, 100],
      [1, 1, 1, -1, 0, 1], [49, 49, 49, 1, 0, 10_000], [147, 10_001], [49, 10_000], [49, 0],
    ]
    for (index, values) in expected.enumerated() {
      #expect(Array(plan.outputs[index].bindMemory(to: Int64.self)) == values, "\(outputs[index].name)")
    }
  }

  @Test("what moves elements moves integers and truth values", arguments: [ElementType.int64, .bool])
  func movements(_ element: ElementType) throws {
    let builder = GraphBuilder(), x = builder.input("x", [2, 3], element: element)
    func apply(_ type: String, _ attributes: [String: OnnxAttribute] = [:], _ inputs: Value...) throws -> Value {
      try builder.apply(op(type, attributes, inputs: inputs.count), inputs)[0]
    }
    let turned = try apply("Transpose", ["perm": .ints([0, 2, 1])], x)
    let cut = try apply(
      "Slice", [:], x, constant(builder, [2]), constant(builder, [-9]), constant(builder, [2]), constant(builder, [-2]))
    let picked = try apply("Gather", ["axis": .int(2)], x, constant(builder, [1, -1]))
    let joined = try apply("Concat", ["axis": .int(1)], x, x)
    let tiled = try apply("Tile", [:], cut, constant(builder, [1, 1, 2]))
    let spread = try apply(
      "Expand", [:], apply("Unsqueeze", [:], cut, constant(builder, [1])), constant(builder, [2, 1, 1]))
    let padded = try apply("Pad", ["mode": .string("edge")], x, constant(builder, [0, 0, 1, 0, 0, 0]))
    let graph = builder.finish(outputs: [
      ("turned", turned), ("cut", cut), ("picked", picked), ("joined", joined), ("tiled", tiled), ("spread", spread),
      ("padded", padded),
    ])
    let values: [Int64] = [1, 0, 1, 0, 0, 1]
    let plan = try run(
      graph, [element == .bool ? .bool([1, 2, 3], values.map { $0 != 0 }) : .int64([1, 2, 3], values)])
    let expected: [[Int64]] = [
      [1, 0, 0, 0, 1, 1], [1, 1, 1, 0], [0, 1, 0, 1], values + values, [1, 1, 1, 1, 1, 0, 1, 0],
      [1, 1, 1, 0, 1, 1, 1, 0], [1, 1, 0, 1, 0, 0, 0, 1],
    ]
    for (index, values) in expected.enumerated() {
      let literal: Literal =
        element == .bool
        ? .bool(plan.outputTypes[index].shape, values.map { $0 != 0 }) : .int64(plan.outputTypes[index].shape, values)
      #expect(plan.literal(index) == literal, "\(graph.outputs[index].name)")
    }
  }

  @Test("a dropout's mask at inference is true everywhere")
  func mask() throws {
    let builder = GraphBuilder(), x = builder.input("x", [3])
    let node = OnnxNode(name: "drop", type: "Dropout", opset: 21, presentInputs: [true], outputCount: 2)
    let values = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "Dropout").init(node), [x])
    let plan = try run(
      builder.finish(outputs: [("y", values[0]), ("mask", values[1])]), [.float(Tensor([1, 3], [1, 2, 3]))])
    #expect(plan.literal(1) == .bool([1, 3], [true, true, true]))
  }

  struct Absurd: CustomTestStringConvertible, Sendable {
    let op: String, operands: [[Int64]]
    var testDescription: String { "\(op) \(operands)" }
  }
  @Test(
    "what would take all memory, or overflow, is refused",
    arguments: [
      Absurd(op: "ConstantOfShape", operands: [[.max, .max]]), Absurd(op: "ConstantOfShape", operands: [[-1, 2]]),
      Absurd(op: "ConstantOfShape", operands: [[1 << 23]]), Absurd(op: "ConstantOfShape", operands: [[0, 3]]),
      Absurd(op: "Range", operands: [[0], [.max], [1]]), Absurd(op: "Range", operands: [[0], [5], [0]]),
      Absurd(op: "Range", operands: [[.min], [.max], [1]]), Absurd(op: "Range", operands: [[.max], [.min], [-1]]),
      Absurd(op: "Range", operands: [[0], [.max], [1 << 45]]), Absurd(op: "Range", operands: [[.max], [.min], [0]]),
      Absurd(op: "Add", operands: [[.max], [1]]), Absurd(op: "Mul", operands: [[.min], [-1]]),
      Absurd(op: "Div", operands: [[1], [0]]), Absurd(op: "Div", operands: [[.min], [-1]]),
      Absurd(op: "Pow", operands: [[10], [99]]), Absurd(op: "Pow", operands: [[0], [-1]]),
      Absurd(op: "Expand", operands: [[1], [.max, .max]]), Absurd(op: "Expand", operands: [[1], [1 << 20, 1 << 20]]),
      Absurd(op: "Tile", operands: [[1], [.max]]), Absurd(op: "Tile", operands: [[1], [-1]]),
    ])
  func absurd(_ test: Absurd) throws {
    let builder = GraphBuilder()
    let operands = test.operands.map { values in
      test.op == "Range" ? builder.constant(.int64([], values)) : constant(builder, values)
    }
    #expect(throws: GraphError.self) { try builder.apply(op(test.op, inputs: operands.count), operands) }
  }

  struct Steps: Sendable {
    let operands: [Int64], numbers: [Int64]
    init(_ start: Int64, _ limit: Int64, _ delta: Int64, _ numbers: [Int64]) {
      operands = [start, limit, delta]
      self.numbers = numbers
    }
  }
  static let steps: [Steps] = [
    Steps(.max, .min, .min, [.max, -1]), Steps(.min, .max, .max, [.min, -1, .max - 1]),
    Steps(0, .max, .max, [0]), Steps(0, 1, .max, [0]),
    Steps(.max, 0, -4_611_686_018_427_387_904, [.max, 4_611_686_018_427_387_903]),
    Steps(.max - 2, .max, 1, [.max - 2, .max - 1]), Steps(5, 5, 1, []), Steps(5, 1, 2, []), Steps(1, 5, -2, []),
    Steps(10, 4, -2, [10, 8, 6]), Steps(10, 3, -2, [10, 8, 6, 4]),
  ]
  @Test("ranges of the largest numbers are exact", arguments: steps)
  func ranges(_ steps: Steps) throws {
    let builder = GraphBuilder()
    let made = try builder.apply(op("Range", inputs: 3), steps.operands.map { builder.constant(.int64([], [$0])) })[0]
    #expect(made.type.known == steps.numbers)
  }

  @Test(
    "an op outside the list is refused with its name, its node, and the one that is meant or the list",
    arguments: [
      ("Telu", ["'Telu'", "did you mean 'Celu'?"]), ("Zqxj", ["'Zqxj'", "ConvTranspose", "Celu", "Constant,"]),
    ])
  func unknown(_ row: (name: String, words: [String])) throws {
    let builder = GraphBuilder(), x = builder.input("x", [3])
    let graph = builder.finish(outputs: [("y", try builder.apply(op("Relu"), [x], name: "first")[0])])
    var bytes = try graph.onnx()
    let name = Array("Relu".utf8)
    let at = try #require(bytes.indices.dropLast(4).first { Array(bytes[$0..<$0 + 4]) == name })
    bytes.replaceSubrange(at..<at + 4, with: Array(row.name.utf8))
    #expect {
      _ = try Graph(onnx: bytes)
    } throws: {
      let text = "\($0)"
      return text.contains("'first'") && row.words.allSatisfy(text.contains)
    }
  }
}
