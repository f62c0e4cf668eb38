import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Graphs of a batch of one whose numbers hang on how many rows there are, or on other rows: such a batch stays fixed,
/// so that a server asks them row by row. Each was once freed and answered otherwise in company than alone.
@Suite("Numbers that follow the number of rows")
struct CountedRowsTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var isFreed = false
    var element = ElementType.float32
    var features = [5]
    var build: @Sendable (FixedBatchTests.Steps, Value) throws -> Value
    init(
      _ description: String, isFreed: Bool = false, element: ElementType = .float32, features: [Int] = [5],
      _ build: @escaping @Sendable (FixedBatchTests.Steps, Value) throws -> Value
    ) {
      testDescription = description
      (self.isFreed, self.element, self.features, self.build) = (isFreed, element, features, build)
    }
  }

  /// The number of rows, a list of one.
  @Sendable private static func count(_ op: FixedBatchTests.Steps, _ x: Value) throws -> Value {
    try op("Slice", [op("Shape", [x])] + op.integers([0], [1]))
  }
  @Sendable private static func float(_ op: FixedBatchTests.Steps, _ x: Value) throws -> Value {
    try op("Cast", [x], ["to": .int(1)])
  }

  static let rows: [Row] = [
    Row("many weights times the number of rows", features: [100]) { op, x in
      try op("Mul", [x, op("Mul", [op.weights([100]), float(op, count(op, x))])])
    },
    Row("many numbers that begin at the number of rows", features: [100]) { op, x in
      let first = try op("Squeeze", [float(op, count(op, x))])
      let last = try op("Add", [first, op.builder.constant(.float(Tensor([], [100])))])
      return try op("Add", [x, op("Range", [first, last, op.builder.constant(.float(Tensor([], [1])))])])
    },
    Row("one row alone as a case of its own") { op, x in
      let isOne = try op("Equal", [count(op, x)] + op.integers([1]))
      return try op("Where", [isOne, op("Neg", [x]), x])
    },
    Row("at most two rows counted") { op, x in
      try op("Mul", [x, float(op, op("Min", [count(op, x)] + op.integers([2])))])
    },
    Row("the number of rows added to integers", element: .int64) { op, x in
      try float(op, op("Add", [x, count(op, x)]))
    },
    Row("the column that the number of rows names") { op, x in
      try op("Gather", [x, count(op, x)], ["axis": .int(1)])
    },
    Row("a slice that begins where the number of rows says") { op, x in
      let rows = try count(op, x), one = op.integers([1])[0]
      return try op("Slice", [x, op("Sub", [rows, one]), rows, one])
    },
    Row("columns moved by the number of rows") { op, x in
      let rows = try count(op, x), none = op.integers([0])[0]
      return try op("Pad", [x, op("Concat", [none, rows, none, op("Neg", [rows])], ["axis": .int(0)])])
    },
    Row("the sum of ones, one for each row") { op, x in
      let ones = try op("ConstantOfShape", [op("Shape", [x])], ["value": .tensor(.float(Tensor([1], [1])))])
      return try op("Mul", [x, op("ReduceSum", [ones], ["keepdims": .int(0)])])
    },
    Row("a sum of all rows by a matrix of ones") { op, x in
      let rows = try count(op, x), square = try op("Concat", [rows, rows], ["axis": .int(0)])
      let ones = try op("ConstantOfShape", [square], ["value": .tensor(.float(Tensor([1], [1])))])
      return try op("MatMul", [ones, x])
    },
    Row("an answer made of the number of rows") { op, x in
      let ones = try op("ConstantOfShape", [op("Shape", [x])], ["value": .tensor(.float(Tensor([1], [1])))])
      return try op("Mul", [ones, float(op, count(op, x))])
    },
    Row("a sum over rows beside their own") { op, x in
      try op("Einsum", [x, x], ["equation": .string("nd,me->me")])
    },
    Row("a sum over rows for each") { op, x in
      try op.reshape(op("Einsum", [x, x], ["equation": .string("nd,me->m")]), -1, 1)
    },
    Row("each row with itself", isFreed: true) { op, x in
      try op.reshape(op("Einsum", [x, x], ["equation": .string("nd,ne->n")]), -1, 1)
    },
    Row("as many rows of one token as there are", isFreed: true) { op, x in
      let token = op.weights([1, 5])
      return try op("Add", [x, op("Expand", [token, op("Shape", [x])])])
    },
    Row("places of maxima among all numbers", features: [1, 4, 4]) { op, x in
      let node = OnnxNode(
        name: "pool", type: "MaxPool", opset: 17, attributes: ["kernel_shape": .ints([2, 2])], presentInputs: [true],
        outputCount: 2)
      let pool = try Catalog<any OnnxOp.Type>.ops.entry(named: "MaxPool").init(node)
      return try float(op, op.builder.apply(pool, [x])[1])
    },
  ]

  private static func file(_ row: Row) throws -> [UInt8] {
    let builder = GraphBuilder(rows: 1), x = builder.input("x", row.features, element: row.element)
    var graph = builder.finish(outputs: [("y", try row.build(FixedBatchTests.Steps(builder: builder), x))])
    graph.inputs[0].dimensions[0] = 1
    return try graph.onnx()
  }

  @Test("keep the batch as it is; what each row has of its own frees it", arguments: rows)
  func freed(_ row: Row) throws {
    let graph = try Graph(onnx: Self.file(row))
    #expect(graph.inputs[0].dimensions == [row.isFreed ? nil : 1] + row.features)
    guard row.isFreed else { return }
    func outputs(_ x: Tensor) throws -> [Float] { try Network(graph).outputs([.float(x)]) }
    let x = Tensor.random(Shape([7] + row.features), seed: 9), together = try outputs(x)
    let apart = try (0..<7).flatMap { try outputs(x.rows($0..<$0 + 1)) }
    #expect(Tensor([together.count], together).isClose(to: Tensor([apart.count], apart), absolute: 1e-5))
  }

  @Test("a free batch whose rows follow their number says where")
  func joining() throws {
    let builder = GraphBuilder(), op = FixedBatchTests.Steps(builder: builder), x = builder.input("x", [5])
    let isOne = try op("Equal", [Self.count(op, x)] + op.integers([1]))
    let y = try op("Where", [isOne, op("Neg", [x]), x])
    let found = builder.finish(outputs: [("y", y)]).nodeJoiningRows()
    #expect(found?.type == "Equal")
  }
}
