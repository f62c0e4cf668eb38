import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Every op that has a rule for bounds, on boxes.
@Suite("Bounds")
struct BoundsTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var op: String
    var input: [Int]
    var attributes: [String: OnnxAttribute] = [:]
    /// Behind the input, as operands.
    var constants: [Literal] = []
    var testDescription: String { op }

    init(_ op: String, _ input: [Int] = [3, 4], _ attributes: [String: OnnxAttribute] = [:], _ constants: Literal...) {
      self.op = op
      self.input = input
      self.attributes = attributes
      self.constants = constants
    }
  }

  private static func weights(_ shape: Shape, from low: Float = -1, to high: Float = 1) -> Literal {
    .float(.random(shape, seed: UInt64(shape.count), from: low, to: high))
  }

  static let rows = [
    Row("Add", [3, 4], [:], weights([3, 4])), Row("Sub", [3, 4], [:], weights([3, 4])),
    Row("Mul", [3, 4], [:], weights([3, 4])), Row("Div", [3, 4], [:], weights([3, 4], from: -2, to: -0.5)),
    Row("Max", [3, 4], [:], weights([3, 4])), Row("Min", [3, 4], [:], weights([3, 4])),
    Row("Neg"), Row("Relu"), Row("LeakyRelu", [3, 4], ["alpha": .float(0.2)]), Row("Sigmoid"), Row("Tanh"),
    Row("Softplus"), Row("Softsign"), Row("Trilu"), Row("Exp"), Row("Erf"), Row("Elu"), Row("Selu"), Row("Celu"),
    Row("HardSigmoid"), Row("Clip", [3, 4], ["min": .float(-0.5), "max": .float(0.7)]),
    Row("Identity"), Row("Dropout"), Row("Flatten"), Row("Transpose", [3, 4], ["perm": .ints([0, 2, 1])]),
    Row("Reshape", [3, 4], [:], .int64([2], [0, -1])), Row("Squeeze", [3, 1, 4], ["axes": .ints([2])]),
    Row("Unsqueeze", [3, 4], ["axes": .ints([1])]), Row("Concat", [3, 4], ["axis": .int(1)], weights([2, 2, 4])),
    Row("Slice", [3, 4], ["starts": .ints([1]), "ends": .ints([3]), "axes": .ints([2])]),
    Row("DepthToSpace", [4, 2, 2], ["blocksize": .int(2)]), Row("SpaceToDepth", [1, 4, 4], ["blocksize": .int(2)]),
    Row("Pad", [1, 3, 3], ["pads": .ints([0, 0, 1, 0, 0, 0, 0, 2]), "value": .float(0.3)]),
    Row("MaxPool", [2, 4, 4], ["kernel_shape": .ints([2, 2]), "strides": .ints([1, 1])]),
    Row("AveragePool", [2, 4, 4], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
    Row("GlobalMaxPool", [2, 2, 2]), Row("GlobalAveragePool", [2, 2, 2]),
    Row("ReduceMax", [3, 4], ["axes": .ints([2])]),
    Row("ReduceMean", [3, 4], ["axes": .ints([2])]),
    Row("Gemm", [5], ["transB": .int(1), "alpha": .float(-0.5)], weights([4, 5]), weights([4])),
    Row("MatMul", [3, 4], [:], weights([4, 2])),
    Row("Conv", [1, 4, 4], ["pads": .ints([1, 1, 1, 1])], weights([3, 1, 3, 3]), weights([3])),
    Row(
      "BatchNormalization", [3, 4], [:], weights([3]), weights([3], from: 1, to: 2), weights([3], from: -2, to: -1),
      weights([3], from: 0.5, to: 1)),
  ]

  @Test("every op with a rule is in the table")
  func complete() {
    #expect(Set(Self.rows.map(\.op)) == Set(Graph.boundedOps))
    #expect(Self.rows.count == Graph.boundedOps.count)
  }

  private func graph(_ row: Row) throws -> Graph {
    let builder = GraphBuilder(name: row.op, rows: 2), x = builder.input("x", row.input)
    func node(_ type: String, _ attributes: [String: OnnxAttribute], _ inputs: [Value]) throws -> Value {
      let op = try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
        OnnxNode(name: type, type: type, opset: 9, attributes: attributes, presentInputs: inputs.map { _ in true }))
      return try builder.apply(op, inputs)[0]
    }
    let y = try node(row.op, row.attributes, [x] + row.constants.map { builder.constant($0) })
    // A last layer of weights would be left to the caller.
    return builder.finish(outputs: [("y", try node("Neg", [:], [y]))])
  }

  @Test("what is in the box comes out within its bounds, and they are not wide", arguments: rows)
  func encloses(_ row: Row) throws {
    let graph = try graph(row), bounded = try graph.bounded(rows: 2)
    #expect(bounded.head == nil)
    let inner = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 2))
    let outer = try Plan(bounded.graph, parameters: ParameterBuffers(bounded.graph), options: .init(rows: 2))
    let shape = Shape([2] + row.input), center = Tensor.random(shape, seed: 3, from: -1.5, to: 1.5).elements
    // A box of no extent too: rounding alone must stay within the bounds.
    for size in [Float(0), 0.3] {
      let radius = Tensor.random(shape, seed: 4, from: 0, to: size).elements
      _ = outer.input(0).update(fromContentsOf: center)
      _ = outer.input(1).update(fromContentsOf: radius)
      outer.forward()
      let middle = Array(outer.output(0)), room = Array(outer.output(1))
      var reached = [Double](repeating: 0, count: middle.count)
      for point in UInt32(0)..<400 {
        let turns = NoiseAddress(seed: 5, sample: point).uniforms(center.count)
        for i in center.indices {
          // Corners, and points between.
          let side: Float = point % 2 == 0 ? (turns[i] < 0.5 ? -1 : 1) : 2 * turns[i] - 1
          var value = center[i] + side * radius[i]
          // Rounding must not leave the box.
          while abs(Double(value) - Double(center[i])) > Double(radius[i]) {
            value = value > center[i] ? value.nextDown : value.nextUp
          }
          inner.input()[i] = value
        }
        inner.forward()
        for (i, value) in inner.output().enumerated() {
          reached[i] = max(reached[i], abs(Double(value) - Double(middle[i])))
        }
      }
      #expect(zip(reached, room).allSatisfy { $0 <= Double($1) })
      let share = zip(reached, room).reduce(0) { $0 + ($1.1 > 1e-5 ? $1.0 / Double($1.1) : 1) } / Double(reached.count)
      #expect(size == 0 || share > 0.7, "\(share)")
    }
  }

  @Test("a last layer of constant weights is left out, and a softmax behind it")
  func head() throws {
    let builder = GraphBuilder(name: "head"), x = builder.input("x", [6])
    let hidden = try builder.relu(builder.dense(x, builder.parameter("v", .random([5, 6], seed: 1)), nil))
    let w = Tensor.random([3, 5], seed: 2), b = Tensor.random([3], seed: 3)
    let logits = try builder.dense(hidden, builder.parameter("w", w), builder.parameter("b", b))
    let bounded = try builder.finish(outputs: [("p", try builder.softmax(logits))]).bounded(rows: 1)
    #expect(bounded.head?.weights == w && bounded.head?.bias == b.elements && bounded.dropsSoftmax)
  }
}
