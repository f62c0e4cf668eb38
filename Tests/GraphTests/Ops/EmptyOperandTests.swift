import DitherBasics
import DitherGraph
import DitherTensor
import Testing

/// Values without elements and operands of the wrong kind: computed as ONNX says, or refused with the node's name.
@Suite("Empty and unfitting operands")
struct EmptyOperandTests {
  struct Row: CustomTestStringConvertible, Sendable {
    let type: String, operands: [Literal], attributes: [String: OnnxAttribute], opset: Int, outputs: Int
    /// nil: refused.
    let result: Tensor?
    init(
      _ type: String, _ operands: [Literal], _ attributes: [String: OnnxAttribute] = [:], opset: Int = 18,
      outputs: Int = 1, result: Tensor? = nil
    ) {
      (self.type, self.operands, self.attributes, self.opset) = (type, operands, attributes, opset)
      (self.outputs, self.result) = (outputs, result)
    }
    var testDescription: String { "\(type) \(operands.map(\.type)) \(result.map { "\($0.shape)" } ?? "refused")" }

    /// One node on constants, put together as a reader does, which knows no types; beside it an input.
    func graph() throws -> Graph {
      var graph = Graph()
      func value(_ name: String) -> ValueID {
        graph.valueNames.append(name)
        return ValueID(graph.valueNames.count - 1)
      }
      graph.inputs = [GraphInput(name: "x", element: .float32, dimensions: [nil, 1], value: value("x"))]
      let constants = operands.indices.map { value("c\($0)") }
      for (id, literal) in zip(constants, operands) { graph.literals[id] = literal }
      let node = OnnxNode(
        name: "op", type: type, opset: opset, attributes: attributes, presentInputs: operands.map { _ in true },
        outputCount: outputs)
      let op = try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node)
      let results = (0..<outputs).map { value("y\($0)") }
      graph.nodes = [Node(name: "op", op: op, inputs: constants, outputs: results)]
      graph.outputs = [GraphOutput(name: "y", value: results[0])]
      return graph
    }
  }

  private static let nothing = Literal.float(Tensor(zeros: [2, 0, 4]))
  private static let axis = Literal.int64([1], [1])
  private static func filled(_ value: Float) -> Tensor { Tensor([2, 1, 4], repeating: value) }
  private static let numbers = Literal.int64([3], [0, 1, 2])
  private static let one = Literal.float(Tensor([1, 1], [3])), none = Literal.float(Tensor(zeros: [0]))
  private static let scalar = Literal.float(Tensor([], [1]))

  static let rows: [Row] = [
    Row("ReduceSum", [nothing, axis], result: filled(0)),
    Row("ReduceSumSquare", [nothing, axis], result: filled(0)),
    Row("ReduceL2", [nothing, axis], result: filled(0)),
    Row("ReduceProd", [nothing, axis], result: filled(1)),
    Row("ReduceMin", [nothing, axis], result: filled(.infinity)),
    Row("ReduceMax", [nothing, axis], opset: 20, result: filled(-.infinity)),
    Row("ReduceMin", [nothing, .int64([1], [2])], result: Tensor(zeros: [2, 0, 1])),
    Row("Sum", [nothing], result: Tensor(zeros: [2, 0, 4])),
    Row("Sum", [nothing, .float(Tensor([4], repeating: 2))], result: Tensor(zeros: [2, 0, 4])),
    Row("Mean", [nothing], result: Tensor(zeros: [2, 0, 4])),
    Row("Max", [nothing, nothing], result: Tensor(zeros: [2, 0, 4])),
    Row("Celu", [nothing], result: Tensor(zeros: [2, 0, 4])),
    Row("Dropout", [nothing], result: Tensor(zeros: [2, 0, 4])),
    Row("Dropout", [nothing], outputs: 2, result: Tensor(zeros: [2, 0, 4])),
    Row("Relu", [nothing], result: Tensor(zeros: [2, 0, 4])),
    Row("Concat", [nothing, .float(Tensor([2, 1, 4], repeating: 3))], ["axis": .int(1)], result: filled(3)),
    // Left out as older exporters write it: the region, then the scales or the sizes.
    Row("Resize", [one, none, .float(Tensor([2], [1, 4]))], result: Tensor([1, 4], repeating: 3)),
    Row("Resize", [one, none, none, .int64([2], [1, 4])], result: Tensor([1, 4], repeating: 3)),
    Row("Resize", [one, none, .float(Tensor([2], [1, 4])), .int64([0], [])], result: Tensor([1, 4], repeating: 3)),
    Row("Resize", [one, none, none]),
    Row("Resize", [nothing, none, .float(Tensor([3], repeating: 1))]),
    Row("ReduceMean", [nothing, axis]),
    Row("Mean", [numbers]),
    Row("LRN", [.float(Tensor(zeros: [1, 0, 4, 4]))], ["size": .int(3)]),
    Row("LRN", [numbers], ["size": .int(3)]),
    Row("Celu", [numbers]),
    Row("ReduceL2", [numbers]),
    Row("ReduceMin", [.bool([], [true]), .float(Tensor([1], [0]))]),
    Row(
      "GroupNormalization",
      [.float(Tensor(zeros: [0, 2, 3])), .float(Tensor(zeros: [1])), .float(Tensor(zeros: [1]))],
      ["num_groups": .int(1)]),
    Row("Slice", [scalar, .int64([1], [0]), .int64([1], [1])]),
    Row("Squeeze", [scalar, .int64([1], [0])]),
    Row("Softmax", [scalar]),
  ]

  @Test("are computed as ONNX says, or refused with the node's name", arguments: rows)
  func computesOrRefuses(_ row: Row) throws {
    guard let wanted = row.result else {
      let graph = try row.graph()
      let error = #expect(throws: GraphError.self) { try graph.types(rows: 1) }
      #expect(error?.place.contains("'op'") == true, "\(error?.description ?? "")")
      return
    }
    let graph = try Graph(onnx: row.graph().onnx())
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1))
    plan.forward()
    #expect(plan.outputTypes[0].shape == wanted.shape)
    #expect(Array(plan.output()) == wanted.elements)
  }
}
