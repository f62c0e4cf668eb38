import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Files that declare a batch of fixed size: it is free where rows can be shown to be independent.
@Suite("Fixed batches")
struct FixedBatchTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var isFreed: Bool
    var batch = 1
    var features = [2, 4]
    var build: @Sendable (Steps, Value) throws -> Value
  }

  /// Ops by their names.
  struct Steps {
    let builder: GraphBuilder
    func callAsFunction(_ type: String, _ inputs: [Value?], _ attributes: [String: OnnxAttribute] = [:]) throws -> Value
    {
      let op = try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
        OnnxNode(
          name: type, type: type, opset: 17, attributes: attributes, presentInputs: inputs.map { $0 != nil }))
      return try builder.apply(op, inputs)[0]
    }
    func reshape(_ x: Value, _ shape: Int64...) throws -> Value {
      try self("Reshape", [x, builder.constant(.int64([shape.count], shape))])
    }
    func integers(_ lists: [Int64]...) -> [Value] {
      lists.map { builder.constant(.int64([$0.count], $0)) }
    }
    func weights(_ shape: Shape) -> Value { builder.parameter("w\(shape)", .random(shape, seed: 3)) }
  }

  static let rows = [
    Row(testDescription: "a Reshape to [1, n]", isFreed: true) { op, x in
      try op("Gemm", [op.reshape(x, 1, 8), op.weights([8, 3])])
    },
    Row(testDescription: "a Reshape to [1, -1], then groups of channels exchanged", isFreed: true) { op, x in
      let split = try op.reshape(op.reshape(x, 1, -1), 1, 2, 2, 2)
      let turned = try op("Transpose", [split], ["perm": .ints([0, 2, 1, 3])])
      return try op("Softmax", [op.reshape(turned, 1, 8)], ["axis": .int(1)])
    },
    Row(testDescription: "a batch of four", isFreed: true, batch: 4) { op, x in
      try op("Gemm", [op.reshape(x, 4, 8), op.weights([8, 3])])
    },
    Row(testDescription: "no Reshape at all", isFreed: true) { op, x in try op("Relu", [x]) },
    Row(testDescription: "a softmax along the batch", isFreed: false, batch: 3) { op, x in
      try op("Softmax", [x], ["axis": .int(0)])
    },
    Row(testDescription: "the batch's mean taken off", isFreed: false, batch: 3) { op, x in
      try op("Sub", [x, op("ReduceMean", [x], ["axes": .ints([0])])])
    },
    Row(testDescription: "attention among the rows of a sequence", isFreed: false, batch: 5, features: [4]) { op, x in
      let scores = try op("MatMul", [x, op("Transpose", [x], ["perm": .ints([1, 0])])])
      return try op("MatMul", [op("Softmax", [scores], ["axis": .int(-1)]), x])
    },
    Row(testDescription: "rows laid side by side", isFreed: false, batch: 2) { op, x in
      try op("Gemm", [op.reshape(x, 1, 16), op.weights([16, 3])])
    },
    Row(testDescription: "the batch in reverse, of one", isFreed: false) { op, x in
      try op("Slice", [x] + op.integers([-1], [-1 << 40], [0], [-1]))
    },
    Row(testDescription: "the batch in reverse, of four", isFreed: false, batch: 4) { op, x in
      try op("Add", [x, op("Slice", [x] + op.integers([-1], [-1 << 40], [0], [-1]))])
    },
    Row(testDescription: "features in reverse", isFreed: true) { op, x in
      try op("Slice", [x] + op.integers([-1], [-1 << 40], [1], [-1]))
    },
    Row(testDescription: "rows moved by one, the last first", isFreed: false, batch: 3) { op, x in
      let last = try op("Slice", [x] + op.integers([-1], [1 << 40], [0]))
      return try op("Concat", [last, op("Slice", [x] + op.integers([0], [-1], [0]))], ["axis": .int(0)])
    },
    Row(testDescription: "rows moved by one, zeros first", isFreed: false, batch: 3) { op, x in
      try op("Pad", [x] + op.integers([1, 0, 0, -1, 0, 0]))
    },
    Row(testDescription: "a border of features", isFreed: true) { op, x in
      try op("Pad", [x] + op.integers([0, 1, 0, 0, 0, 2]))
    },
    Row(testDescription: "the triangle of the batch's matrix", isFreed: false, batch: 3, features: [3]) { op, x in
      try op("Trilu", [x])
    },
    Row(testDescription: "the triangle of each row's matrix", isFreed: true) { op, x in try op("Trilu", [x]) },
    Row(testDescription: "a row's number added", isFreed: false) { op, x in
      let count = try op("Gather", [op("Shape", [x]), op.builder.constant(.int64([], [0]))], ["axis": .int(0)])
      let zero = op.builder.constant(.int64([], [0])), one = op.builder.constant(.int64([], [1]))
      let numbers = try op("Cast", [op("Range", [zero, count, one])], ["to": .int(1)])
      return try op("Add", [x, op.reshape(numbers, -1, 1, 1)])
    },
    Row(testDescription: "divided by the number of rows", isFreed: false, batch: 2) { op, x in
      let count = try op("Gather", [op("Shape", [x]), op.builder.constant(.int64([], [0]))], ["axis": .int(0)])
      return try op("Div", [x, op("Cast", [count], ["to": .int(1)])])
    },
    Row(testDescription: "a token of its own before each row", isFreed: true) { op, x in
      let rows = try op("Slice", [op("Shape", [x])] + op.integers([0], [1]))
      let shape = try op("Concat", [rows] + op.integers([1, 4]), ["axis": .int(0)])
      let token = try op("Expand", [op.weights([1, 1, 4]), shape])
      return try op("Concat", [token, op("Add", [x, op("ConstantOfShape", [op("Shape", [x])])])], ["axis": .int(1)])
    },
    Row(testDescription: "a token of its own before the one row", isFreed: true) { op, x in
      try op("Concat", [op.weights([1, 1, 4]), x], ["axis": .int(1)])
    },
    Row(testDescription: "a recurrence whose first state is one row's", isFreed: true, features: [3, 4]) { op, x in
      let steps = try op("Transpose", [x], ["perm": .ints([1, 0, 2])])
      let state = op.weights([1, 1, 5])
      let operands: [Value?] = [
        steps, op.weights([1, 20, 4]), op.weights([1, 20, 5]), op.weights([1, 40]), nil, state, state,
      ]
      let y = try op("LSTM", operands, ["hidden_size": .int(5)])
      return try op("Gather", [op("Squeeze", [y] + op.integers([1])), op.builder.constant(.int64([], [2]))])
    },
    // Rows are steps of their sequences, then heads, as PyTorch's attention has them: [length · batch, features].
    Row(testDescription: "steps and rows on one axis, and apart again", isFreed: true, features: [3, 4]) { op, x in
      let steps = try op("Transpose", [x], ["perm": .ints([1, 0, 2])])
      let flat = try op.reshape(op("Gemm", [op.reshape(steps, 3, 4), op.weights([4, 6])]), 3, 1, 6)
      let heads = try op("Transpose", [op.reshape(flat, 3, 2, 3)], ["perm": .ints([1, 0, 2])])
      let scores = try op("MatMul", [heads, op("Transpose", [heads], ["perm": .ints([0, 2, 1])])])
      let seen = try op("MatMul", [op("Softmax", [scores], ["axis": .int(-1)]), heads])
      let joined = try op.reshape(op("Transpose", [seen], ["perm": .ints([1, 0, 2])]), 3, 6)
      let again = try op.reshape(op("Gemm", [joined, op.weights([6, 5])]), 3, 1, 5)
      return try op("ReduceMean", [op("Transpose", [again], ["perm": .ints([1, 0, 2])])], ["axes": .ints([1])])
    },
    Row(testDescription: "steps and rows on one axis, and a step for a row", isFreed: false, features: [3, 4]) {
      op, x in
      let flat = try op.reshape(op("Transpose", [x], ["perm": .ints([1, 0, 2])]), 3, 4)
      return try op("Slice", [flat] + op.integers([0], [1], [0]))
    },
    Row(testDescription: "sums along features", isFreed: true) { op, x in
      try op("CumSum", [x, op.builder.constant(.int64([], [1]))])
    },
    Row(testDescription: "sums along the batch", isFreed: false, batch: 3) { op, x in
      try op("CumSum", [x, op.builder.constant(.int64([], [0]))])
    },
    Row(testDescription: "channels by their numbers", isFreed: true) { op, x in
      let channels = try op("Transpose", [x], ["perm": .ints([1, 0, 2])])
      let picked = try op("GatherND", [channels, op.builder.constant(.int64([3, 1], [1, 0, 1]))])
      return try op("Transpose", [picked], ["perm": .ints([1, 0, 2])])
    },
    Row(testDescription: "a picture of a size", isFreed: true, features: [2, 3, 4]) { op, x in
      try op("Resize", [x, nil, nil] + op.integers([1, 2, 5, 6]), ["mode": .string("linear")])
    },
    Row(testDescription: "a batch of another size", isFreed: false, batch: 2, features: [2, 3]) { op, x in
      try op("Resize", [x, nil, nil] + op.integers([4, 2, 3]), ["mode": .string("linear")])
    },
    Row(testDescription: "rows resized by less than one", isFreed: false, batch: 3) { op, x in
      let scales = op.builder.constant(.float(Tensor([3], [1.2, 1, 1])))
      return try op("Resize", [x, nil, scales], ["mode": .string("linear")])
    },
    Row(testDescription: "rows picked by a matrix", isFreed: false, batch: 2, features: [2]) { op, x in
      try op("MatMul", [op.weights([2, 2]), x])
    },
    Row(testDescription: "rows that become features of one another", isFreed: false, batch: 2, features: [2]) { op, x in
      try op.reshape(op("Transpose", [x], ["perm": .ints([1, 0])]), 2, 2)
    },
  ]

  private static func file(_ row: Row) throws -> [UInt8] {
    let builder = GraphBuilder(rows: row.batch), x = builder.input("x", row.features)
    var graph = builder.finish(outputs: [("y", try row.build(Steps(builder: builder), x))])
    graph.inputs[0].dimensions[0] = row.batch
    return try graph.onnx()
  }

  @Test("is free where rows are independent, and only there", arguments: rows)
  func freed(_ row: Row) throws {
    let graph = try Graph(onnx: Self.file(row))
    #expect(graph.inputs[0].dimensions == [row.isFreed ? nil : row.batch] + row.features)
    #expect(graph.warnings.isEmpty, "\(graph.warnings)")
    guard row.isFreed else { return }
    // Rows together are what each is alone, and what the file's own batch makes of it.
    func outputs(_ x: Tensor) throws -> [Float] {
      let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: x.rowCount))
      plan.write(.float(x), to: 0)
      plan.forward()
      return Array(plan.output())
    }
    let x = Tensor.random(Shape([5] + row.features), seed: 9), together = try outputs(x)
    let apart = try (0..<5).flatMap { try outputs(x.rows($0..<$0 + 1)) }
    #expect(Tensor([together.count], together).isClose(to: Tensor([apart.count], apart), absolute: 1e-6))
  }

  /// A length-delimited field of a protobuf message: a second `graph` field of a file is merged into its first.
  private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(content.count)] + content
  }

  /// ValueInfoProto, float32, with these extents.
  private static func declaration(_ name: String, _ extents: [UInt8], element: UInt8 = 1) -> [UInt8] {
    let shape = extents.flatMap { field(1, [8, $0]) }
    return field(1, Array(name.utf8)) + field(2, field(1, [8, element] + field(2, shape)))
  }

  @Test("a stale declaration of a shape is a warning, of an element type a refusal")
  func stale() throws {
    let row = Row(testDescription: "", isFreed: true) { op, x in try op("Relu", [op("Neg", [x])]) }
    let file = try Self.file(row)
    func graph(_ declarations: [UInt8]...) throws -> Graph {
      try Graph(onnx: file + Self.field(7, declarations.flatMap { Self.field(13, $0) }))
    }
    let found = try graph(Self.declaration("Neg_0", [9, 9]), Self.declaration("x", [1, 2, 4]))
    try #require(found.warnings.count == 1)
    #expect(found.warnings[0].contains("'Neg_0'") && found.warnings[0].contains("[9, 9]"))
    #expect(found.warnings[0].contains("[1, 2, 4]"))
    let error = #expect(throws: GraphError.self) { try graph(Self.declaration("Neg_0", [1, 2, 4], element: 7)) }
    #expect(error?.code == .unsupportedType)
  }
}
