import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

/// A file whose batch is one and cannot be shown to be any batch is asked row by row.
@Suite("Batches of one")
struct RowByRowTests {
  /// (x + softmax along the batch of x) · w, the softmax being 1 for one row.
  /// - Parameter squeezed: whether its output has lost its axes of extent 1.
  private static func model(_ weights: Tensor = weights, squeezed: Bool = false) throws -> Model {
    let builder = GraphBuilder(name: "one", rows: 1), x = builder.input("x", [4])
    func op(_ type: String, _ inputs: [Value], _ attributes: [String: OnnxAttribute] = [:]) throws -> Value {
      let node = OnnxNode(name: type, type: type, opset: 17, attributes: attributes)
      return try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), inputs, name: type)[0]
    }
    let sum = try op("Add", [x, op("Softmax", [x], ["axis": .int(0)])])
    var y = try op("MatMul", [sum, builder.parameter("w", weights)])
    if squeezed { y = try op("Squeeze", [y]) }
    var graph = builder.finish(outputs: [("y", y)])
    graph.inputs[0].dimensions[0] = 1
    return try Model(onnx: graph.onnx())
  }
  private static let weights = Tensor.random([4, 3], seed: 8)

  private static func expected(_ x: Tensor) -> [Float] {
    var sums: [Float] = []
    for row in 0..<x.rowCount {
      for column in 0..<3 {
        var sum: Float = 0
        for k in 0..<4 { sum += (x.elements[row * 4 + k] + 1) * weights.elements[k * 3 + column] }
        sums.append(sum)
      }
    }
    return sums
  }

  @Test("each row is answered as if it were alone")
  func answers() throws {
    let model = try Self.model(), x = Tensor.random([7, 4], seed: 3)
    #expect(model.signature.isRowByRow && model.signature.inputShape == [4] && model.signature.classes == 3)
    let found = try model.outputs(x)
    #expect(found.isClose(to: Tensor([7, 3], Self.expected(x)), absolute: 1e-5))
    #expect(try model.rowDependence(on: x) == nil)
    let gradient = try model.lossGradient(x, loss: .crossEntropy, targets: [Int](repeating: 1, count: 7)).gradient
    let alone = try model.lossGradient(x.rows(4..<5), loss: .crossEntropy, targets: [1]).gradient
    #expect(gradient.rows(4..<5).isClose(to: alone, absolute: 1e-6))
  }

  /// As PyTorch's `squeeze()` leaves it in a file of batch one.
  @Test("an output without the axis of its row is that row's")
  func squeezed() throws {
    let classes = try Self.model(squeezed: true), x = Tensor.random([5, 4], seed: 3)
    #expect(classes.signature.isRowByRow && classes.signature.task == .classification(classes: 3))
    #expect(try classes.outputs(x).isClose(to: Tensor([5, 3], Self.expected(x)), absolute: 1e-5))
    let gradient = try classes.lossGradient(x, loss: .crossEntropy, targets: [0, 1, 2, 0, 1]).gradient
    let whole = try Self.model().lossGradient(x, loss: .crossEntropy, targets: [0, 1, 2, 0, 1]).gradient
    #expect(gradient.isClose(to: whole, absolute: 1e-6))
    let column = Tensor([4, 1], (0..<4).map { Self.weights.elements[$0 * 3] })
    let value = try Self.model(column, squeezed: true)
    #expect(value.signature.task == .regression(width: 1))
    let wanted = (0..<5).map { Self.expected(x)[$0 * 3] }
    #expect(try value.outputs(x).isClose(to: Tensor([5, 1], wanted), absolute: 1e-5))
  }

  /// A sigmoid's score with its axis, or squeezed, of any number of rows: one row has no axis at all then.
  @Test("a binary score may lose its axes", arguments: [false, true])
  func binary(_ isFixed: Bool) throws {
    func model(squeezed: Bool) throws -> Model {
      let builder = GraphBuilder(name: "one", rows: 1), x = builder.input("x", [4])
      func op(_ type: String, _ inputs: [Value]) throws -> Value {
        let node = OnnxNode(name: type, type: type, opset: 17)
        return try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), inputs, name: type)[0]
      }
      var y = try op("MatMul", [x, builder.parameter("w", .random([4, 1], seed: 2))])
      if squeezed { y = try op("Squeeze", [y]) }
      var graph = builder.finish(outputs: [("y", try op("Sigmoid", [y]))])
      if isFixed { graph.inputs[0].dimensions[0] = 1 }
      graph.metadata[Graph.outputKindKey] = "probabilities"
      return try Model(onnx: graph.onnx())
    }
    let plain = try model(squeezed: false), squeezed = try model(squeezed: true), x = Tensor.random([5, 4], seed: 3)
    #expect(squeezed.signature.task == .binary && squeezed.signature.isRowByRow == isFixed)
    for rows in [0..<1, 0..<5] {
      let wanted = try plain.outputs(x.rows(rows)), found = try squeezed.outputs(x.rows(rows))
      #expect(found.shape == wanted.shape && found.isClose(to: wanted, absolute: 1e-6))
    }
  }

  @Test("each draw of each row is of its own seed")
  func draws() throws {
    let model = try Self.model().drawing(["weights:gaussian,sigma=0.1"]), x = Tensor.random([3, 4], seed: 3)
    let all = try model.sampledOutputs(x, NoiseDraws(0..<4, seeds: [5, 6, 5]))
    let alone = try model.sampledOutputs(x.rows(2..<3), NoiseDraws(0..<4, seeds: [5]))
    for draw in 0..<4 {
      let row = Array(all.elements[(draw * 3 + 2) * 3..<(draw * 3 + 3) * 3])
      #expect(row == Array(alone.elements[draw * 3..<(draw + 1) * 3]))
    }
    #expect(all.isFinite && Set(all.elements).count > 30)
    let curvature = try GaussNewton(Self.model(), inputs: x).diagonals
    #expect(curvature["w"]?.count == 12)
  }

  @Test("it is no member of an ensemble")
  func ensembles() throws {
    let members = try [Self.model(), Self.model()]
    #expect { try Model(ensemble: members) } throws: { "\($0)".contains("a batch of one") }
  }
}
