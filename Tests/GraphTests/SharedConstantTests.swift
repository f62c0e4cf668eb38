import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Constants are in memory once for all plans of a model, whether its file has them or nodes make them.
@Suite("Constants of several plans")
struct SharedConstantTests {
  private static let rows = 512, columns = 1024
  private static var bytes: Int { rows * columns * 4 }
  /// One byte less than the table has.
  private static var limits: OnnxLimits {
    var limits = OnnxLimits()
    limits.madeBytes = bytes - 1
    return limits
  }

  /// The mean of x · w, w a table of 2 MiB: an initializer, or made by a node of a constant shape or of the input's.
  private static func graph(_ made: Made) throws -> Graph {
    let builder = GraphBuilder(name: "table"), x = builder.input("x", [1, 1])
    func apply(_ type: String, _ inputs: [Value], _ attributes: [String: OnnxAttribute] = [:]) throws -> Value {
      let node = OnnxNode(
        name: type, type: type, opset: 17, attributes: attributes, presentInputs: inputs.map { _ in true })
      return try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), inputs, name: type)[0]
    }
    func integers(_ values: [Int64]) -> Value { builder.constant(.int64([values.count], values)) }
    let half: [String: OnnxAttribute] = ["value": .tensor(.float(Tensor([1], [0.5])))]
    let extents = integers([Int64(rows), Int64(columns)])
    let table =
      switch made {
      case .initializer: builder.parameter("w", .random([rows, columns], seed: 1))
      case .constantShape: try apply("ConstantOfShape", [extents], half)
      case .inputShape:
        try apply(
          "ConstantOfShape",
          [
            apply(
              "Mul", [apply("Slice", [apply("Shape", [x]), integers([1]), integers([3]), integers([0])]), extents])
          ],
          half)
      }
    let mean = try apply(
      "ReduceMean", [apply("Mul", [x, table])], ["axes": .ints([1, 2]), "keepdims": .int(0)])
    return builder.finish(outputs: [("y", mean)])
  }

  enum Made: CaseIterable { case initializer, constantShape, inputShape }

  @Test("a table is held once, whatever makes it", arguments: Made.allCases)
  func once(_ made: Made) throws {
    let graph = try Graph(onnx: Self.graph(made).onnx()), parameters = ParameterBuffers(graph)
    #expect(parameters.heldBytes == 0)
    var plans: [Plan] = []
    for rows in [1, 1, 2, 3] {
      let plan = try Plan(graph, parameters: parameters, options: .init(rows: rows))
      let held = parameters.heldBytes - Self.bytes
      #expect(held >= 0 && held <= 4096, "\(rows): \(held)")
      #expect(plan.ownBytes < 4096, "\(plan.ownBytes)")
      plan.input().update(repeating: 2)
      plans.append(plan)
    }
    for plan in plans {
      plan.forward()
      let values = plan.output().prefix(plan.options.rows)
      let isOne = values.allSatisfy { abs($0 - 1) < 1e-3 }
      #expect(made == .initializer || isOne)
    }
  }

  @Test("what plans have made goes with the last of them")
  func leaves() throws {
    let graph = try Graph(onnx: Self.graph(.inputShape).onnx()), parameters = ParameterBuffers(graph)
    do {
      let plan = try Plan(graph, parameters: parameters, options: .init(rows: 1))
      plan.forward()
      #expect(parameters.heldBytes >= Self.bytes)
    }
    #expect(parameters.heldBytes < 4096)
  }

  @Test("another form of a graph has the same constants")
  func shared() throws {
    let graph = try Self.graph(.initializer), first = ParameterBuffers(graph)
    let plan = try Plan(graph, parameters: first, options: .init(rows: 1))
    var other = graph
    other.name = "other"
    let second = ParameterBuffers(other, sharing: first)
    #expect(second.heldBytes == first.heldBytes && second.heldBytes >= Self.bytes)
    withExtendedLifetime(plan) {}
  }

  @Test("a file need not hold one of a single number")
  func written() throws {
    let builder = GraphBuilder(name: "wide"), x = builder.input("x", [1024])
    let graph = try builder.finish(outputs: [
      ("y", builder.dense(x, builder.parameter("w", Tensor([1024, 1024], repeating: 0.25)), nil))
    ])
    let file = try graph.onnx(), again = try Graph(onnx: file)
    let wanted = Literal.float(Tensor([1024, 1024], repeating: 0.25))
    #expect(file.count < 1000 && Array(again.literals.values) == [wanted])
    let twice = try Graph(onnx: again.onnx())
    #expect(twice.literals.count == 1)
  }

  @Test("large ones of constant extents are constants of the model, within a bound of their own")
  func folded() throws {
    let file = try Self.graph(.constantShape).onnx(), graph = try Graph(onnx: file)
    let names = graph.nodes.map(\.name), shapes = graph.literals.values.map(\.type.shape)
    #expect(file.count < 1000 && !names.contains("ConstantOfShape"))
    #expect(shapes.contains([Self.rows, Self.columns]))
    let limits = Self.limits
    let error = #expect(throws: GraphError.self) { try Graph(onnx: file, limits: limits) }
    #expect(error?.code == .tooLarge && error?.description.contains("ConstantOfShape") == true)
  }
}
