import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Maxima with their places, maxima of integers, and an LSTM that sees its cell: as onnx.reference and onnxruntime have
/// them.
@Suite("Places of maxima, and peepholes")
struct MaximaPlacesTests {
  private static func op(
    _ type: String, _ attributes: [String: OnnxAttribute], present: [Bool] = [true], outputs: Int = 1
  ) throws -> any OnnxOp {
    try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(
        name: "op", type: type, opset: 14, attributes: attributes, presentInputs: present, outputCount: outputs))
  }
  private static let digits: [Float] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]

  @Test("places count all numbers of X, by rows or by columns", arguments: [false, true])
  func places(_ byColumns: Bool) throws {
    let builder = GraphBuilder(rows: 1), x = builder.input("x", [2, 4, 4])
    let pool = try Self.op(
      "MaxPool",
      ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2]), "storage_order": .int(byColumns ? 1 : 0)], outputs: 2)
    let values = try builder.apply(pool, [x]), graph = builder.finish(outputs: [("y", values[0]), ("i", values[1])])
    let written = try graph.onnx(), read = try Graph(onnx: written), again = try read.onnx()
    #expect(again == written)
    let plan = try Plan(read, parameters: ParameterBuffers(read), options: .init(rows: 1))
    plan.write(.float(Tensor([1, 2, 4, 4], Self.digits + Self.digits.map { -$0 })), to: 0)
    plan.forward()
    let maxima: Literal = .float(Tensor([1, 2, 2, 2], [9, 6, 9, 9, -1, -1, -3, -3]))
    let wanted: [Int64] = byColumns ? [5, 13, 3, 11, 20, 28, 22, 31] : [5, 7, 12, 14, 17, 19, 25, 31]
    let found = (plan.literal(0), plan.literal(1))
    #expect(found.0 == maxima && found.1 == .int64([1, 2, 2, 2], wanted), "\(found)")
  }

  @Test("integers have maxima too")
  func integers() throws {
    let builder = GraphBuilder(rows: 1), x = builder.input("x", [1, 4, 4], element: .int64)
    let y = try builder.apply(Self.op("MaxPool", ["kernel_shape": .ints([3, 3])]), [x])[0]
    let graph = builder.finish(outputs: [("y", y)]), read = try Graph(onnx: graph.onnx())
    let plan = try Plan(read, parameters: ParameterBuffers(read), options: .init(rows: 1))
    plan.write(.int64([1, 1, 4, 4], Self.digits.map { Int64($0) }), to: 0)
    plan.forward()
    let found = plan.literal(0)
    #expect(found == .int64([1, 1, 2, 2], [9, 9, 9, 9]))
    let volume = GraphBuilder(rows: 1), cube = volume.input("x", [1, 2, 2, 2])
    let pool = try Self.op("MaxPool", ["kernel_shape": .ints([2, 2, 2])], outputs: 2)
    let error = #expect(throws: GraphError.self) { _ = try volume.apply(pool, [cube]) }
    #expect(error?.description.contains("places of maxima") == true)
  }

  @Test("gates that see the cell")
  func peepholes() throws {
    let builder = GraphBuilder(rows: 2), x = builder.input("x", [1, 2])
    func constant(_ shape: Shape, _ number: (Float) -> Float) -> Value {
      builder.constant(.float(Tensor(shape, (0..<shape.count).map { number(Float($0)) })))
    }
    let weights = constant([1, 8, 2]) { $0 / 16 - 0.4 }, recurrent = constant([1, 8, 2]) { 0.3 - $0 / 20 }
    let bias = constant([1, 16]) { $0 / 40 - 0.2 }
    let seen = builder.constant(.float(Tensor([1, 6], [0.5, -0.25, 0.1, 0.2, -0.3, 0.4])))
    let lstm = try Self.op(
      "LSTM", ["hidden_size": .int(2)], present: [true, true, true, true, false, false, false, true], outputs: 3)
    let values = try builder.apply(lstm, [x, weights, recurrent, bias, nil, nil, nil, seen])
    let graph = builder.finish(outputs: [("y", values[0])]), read = try Graph(onnx: graph.onnx())
    let wanted: [Float] = [0.04232672, 0.06915428, 0.09638327, 0.15127929]
    for graph in [graph, read] {
      let found = try Network(graph).outputs([.float(Tensor([2, 1, 2], [1, -0.5, 0.25, 0.75]))])
      #expect(Tensor([4], found).isClose(to: Tensor([4], wanted), absolute: 1e-6), "\(found)")
    }
  }

  @Test("dropout in training mode is none where nothing is dropped")
  func dropout() throws {
    func apply(_ ratio: Float?) throws -> Graph {
      let builder = GraphBuilder(), x = builder.input("x", [3])
      let operands: [Value?] = [
        x, ratio.map { builder.constant(.float(Tensor([], [$0]))) }, builder.constant(.bool([], [true])),
      ]
      let op = try Self.op("Dropout", [:], present: [true, ratio != nil, true])
      return builder.finish(outputs: [("y", try builder.apply(op, operands)[0])])
    }
    let found = try Network(apply(0)).outputs([.float(Tensor([1, 3], [1, -2, 3]))])
    #expect(found == [1, -2, 3])
    for ratio: Float? in [nil, 0.5] {
      let error = #expect(throws: GraphError.self) { try apply(ratio) }
      #expect(error?.description.contains("evaluation mode") == true)
    }
  }
}
