import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// What is no number stays visible: an answer that was made of a NaN would look like any other.
@Suite("NaN within a graph reaches its output")
struct NotANumberTests {
  struct Node: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var attributes: [String: OnnxAttribute] = [:]
    /// Of weights; empty: none.
    var weights: [Int] = []
    var isBehindRelu = false
    var type: String { String(testDescription.prefix { $0 != "," }) }
  }

  private static let pooling: [String: OnnxAttribute] = ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]

  private func op(_ type: String, _ attributes: [String: OnnxAttribute] = [:], inputs: Int = 1) throws -> any OnnxOp {
    try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(
        name: type, type: type, opset: 17, attributes: attributes,
        presentInputs: [Bool](repeating: true, count: inputs)))
  }

  @Test(
    "of the row that has it, and of no other",
    arguments: [
      Node(testDescription: "Relu"), Node(testDescription: "Celu"), Node(testDescription: "Sign"),
      Node(testDescription: "Elu"), Node(testDescription: "Selu"), Node(testDescription: "LeakyRelu"),
      Node(testDescription: "HardSigmoid"), Node(testDescription: "HardSwish"), Node(testDescription: "Softplus"),
      Node(testDescription: "Sigmoid"), Node(testDescription: "Tanh"), Node(testDescription: "Softmax"),
      Node(testDescription: "ThresholdedRelu"),
      Node(testDescription: "MaxPool", attributes: pooling), Node(testDescription: "GlobalMaxPool"),
      Node(testDescription: "ReduceMax"), Node(testDescription: "ReduceMin"),
      Node(testDescription: "Conv", weights: [16, 16, 3, 3]),
      Node(testDescription: "Conv, Relu", weights: [16, 16, 3, 3], isBehindRelu: true),
      Node(testDescription: "MatMul, Relu", weights: [4, 8], isBehindRelu: true),
    ], [1, 16])
  func visible(_ test: Node, channels: Int) throws {
    let shape = [test.weights.count == 4 ? 16 : channels, 4, 4], rows = 2
    for unlucky in 0..<rows {
      let builder = GraphBuilder(), x = builder.input("x", shape)
      var operands = [try builder.apply(op("Sqrt"), [x])[0]]
      if !test.weights.isEmpty { operands.append(builder.parameter("w", .random(Shape(test.weights), seed: 3))) }
      if test.type.hasPrefix("Reduce") {
        var attributes = test.attributes
        attributes["axes"] = .ints([1, 2, 3])
        operands = try builder.apply(op(test.type, attributes), operands)
      } else {
        operands = try builder.apply(op(test.type, test.attributes, inputs: operands.count), operands)
      }
      if test.isBehindRelu { operands = try builder.apply(op("Relu"), operands) }
      let graph = builder.finish(outputs: [("y", operands[0])])
      let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: rows)),
        count = shape.reduce(1, *)
      plan.input().update(repeating: 1)
      for i in 0..<count { plan.input()[unlucky * count + i] = -1 }
      plan.forward()
      let values = Array(plan.output()), length = values.count / rows
      for row in 0..<rows {
        let own = values[row * length..<(row + 1) * length]
        #expect(row == unlucky ? own.allSatisfy(\.isNaN) : own.allSatisfy(\.isFinite), "row \(row) of \(test)")
      }
    }
  }
}
