import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

/// What is no classifier for every number of rows is refused before anything runs.
@Suite("Which graphs are served")
struct ServableTests {
  private static func op(_ type: String, _ attributes: [String: OnnxAttribute] = [:]) throws -> any OnnxOp {
    try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(name: "op", type: type, opset: 17, attributes: attributes))
  }

  @Test("integer and boolean inputs are taken", arguments: [ElementType.int64, .bool])
  func otherInputs(_ element: ElementType) throws {
    let builder = GraphBuilder()
    let x = builder.input("ids", [3], element: element)
    let y = try builder.apply(Self.op("Cast", ["to": .int(1)]), [x])[0]
    let model = try Model(builder.finish(outputs: [("y", y)])), rows = Tensor([2, 3], [0, 1, 1, 1, 0, 0])
    #expect(try model.outputs(rows) == rows && model.signature.inputs.map(\.element) == [element])
  }

  @Test("more inputs than a model may have, and one without elements, are refused")
  func tooMany() throws {
    let many = GraphBuilder()
    let inputs = (0..<65).map { many.input("x\($0)", [2]) }
    let sum = try inputs.dropFirst().reduce(inputs[0]) { try many.apply(Self.op("Add"), [$0, $1])[0] }
    let graph = many.finish(outputs: [("y", sum)])
    #expect { try Model(graph) } throws: { "\($0)".contains("1 to 64 inputs") }
    let empty = GraphBuilder()
    let ids = empty.input("ids", [0], element: .int64), x = empty.input("x", [2])
    _ = ids
    let other = empty.finish(outputs: [("y", x)])
    #expect { try Model(other) } throws: { "\($0)".contains("input 'ids': expected an input with elements") }
  }

  @Test("an output whose rows do not follow the batch is refused")
  func rowsOfTheirOwn() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [4])
    let turned = try builder.apply(Self.op("Transpose", ["perm": .ints([1, 0])]), [x])[0]
    let gram = try builder.apply(Self.op("MatMul"), [x, turned])[0]
    #expect(throws: InferenceError.self) { try Model(builder.finish(outputs: [("y", gram)])) }
  }

  @Test("noise that would do nothing is refused wherever a model is used", arguments: [NoiseSite.embeddings, .weights])
  func idleNoise(_ site: NoiseSite) throws {
    let builder = GraphBuilder(), x = builder.input("x", [4])
    let y = try builder.apply(Self.op("MatMul"), [x, builder.parameter("w", .random([4, 3], seed: 1))])[0]
    var graph = builder.finish(outputs: [("y", y)])
    var term = NoiseTerm(site, sigma: 0.1)
    if site == .weights { term.layers = "nope" }
    graph.noise = NoiseModel([term])
    #expect(throws: GraphError.self) { try Model(graph) }
  }

  @Test("of several outputs the one whose name the file says is the answer")
  func chosenOutput() throws {
    let builder = GraphBuilder(), x = builder.input("x", [4])
    func layer(_ width: Int) throws -> Value {
      try builder.dense(x, builder.parameter("w\(width)", .random([width, 4], seed: UInt64(width))), nil)
    }
    var graph = try builder.finish(outputs: [("first", layer(3)), ("second", layer(2))])
    #expect(try Model(graph).signature.outputName == "first")
    graph.metadata["dither.output"] = "second"
    let model = try Model(graph)
    #expect(model.signature.outputName == "second" && model.signature.classes == 2)
    #expect(try Model(onnx: graph.onnx()).signature.outputName == "second")
    graph.metadata["dither.output"] = "secnd"
    let slip = graph
    #expect { try Model(slip) } throws: { "\($0)".contains("did you mean 'second'?") }
  }

  @Test("classes as images of one pixel are classes")
  func onePixel() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [5, 2, 2])
    let y = try builder.globalAveragePool(x)
    let model = try Model(builder.finish(outputs: [("y", y)]))
    let outputs = try model.outputs(Tensor([3, 5, 2, 2], repeating: 2))
    #expect(outputs.shape == [3, 5] && outputs.elements.allSatisfy { $0 == 2 })
  }
}
