import DitherBasics
import DitherGraph
import DitherService
import DitherTensor
import Testing

/// Files that are models by their form, and are not by what they answer.
@Suite("Trial of an upload")
struct CheckedModelTests {
  private static func model(_ attributes: [String: OnnxAttribute]?, metadata: [String: String] = [:]) throws -> [UInt8]
  {
    let builder = GraphBuilder(name: "tried"), x = builder.input("x", [4])
    let weights = Tensor([3, 4], (0..<12).map { Float(($0 * 7) % 5) - 2 })
    var y = try builder.dense(x, builder.parameter("w", weights), nil, name: "fc")
    if let attributes {
      let node = OnnxNode(
        name: "softmax", type: "Softmax", opset: 21, attributes: attributes, presentInputs: [true])
      y = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "Softmax").init(node), [y])[0]
    }
    var graph = builder.finish(outputs: [("y", y)])
    graph.metadata.merge(metadata) { $1 }
    return try graph.onnx()
  }

  @Test("rows that depend on one another are refused")
  func rows() throws {
    _ = try CheckedModel(onnx: Self.model(["axis": .int(1)]))
    let error = #expect(throws: ServiceError.self) { try CheckedModel(onnx: Self.model(["axis": .int(0)])) }
    #expect(error?.place == "trial run" && error?.description.contains("(Softmax)") == true)
  }

  @Test("numbers that are not what the file says are refused", arguments: ["probabilities", "log_probabilities"])
  func kinds(_ kind: String) throws {
    let metadata = ["dither.output_kind": kind]
    let error = #expect(throws: (any Error).self) { try CheckedModel(onnx: Self.model(nil, metadata: metadata)) }
    #expect("\(String(describing: error))".contains("dither.output_kind"))
    if kind == "probabilities" { _ = try CheckedModel(onnx: Self.model(["axis": .int(1)], metadata: metadata)) }
  }

  @Test("a number of draws that none could have is refused, with noise and without", arguments: ["-1", "1e9", "32.5"])
  func samples(_ text: String) throws {
    let bytes = try Self.model(nil, metadata: ["dither.samples": text])
    let error = #expect(throws: ServiceError.self) { try CheckedModel(onnx: bytes) }
    #expect(error?.got == "'\(text)'")
  }

  @Test("what is not finite is told with the node that makes it so, the pass, and indices beyond their table as such")
  func undefined() throws {
    func op(_ type: String, _ inputs: Int, _ attributes: [String: OnnxAttribute] = [:]) throws -> any OnnxOp {
      try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
        OnnxNode(
          name: type, type: type, opset: 21, attributes: attributes,
          presentInputs: [Bool](repeating: true, count: inputs)))
    }
    func refusal(_ noise: NoiseModel? = nil, weight: Float = 1, _ tail: (GraphBuilder, Value) throws -> Value) throws
      -> ServiceError?
    {
      let builder = GraphBuilder(name: "undefined"), x = builder.input("x", [4])
      let z = try builder.dense(
        x, builder.parameter("w", Tensor([3, 4], (0..<12).map { $0 % 2 == 0 ? weight : -weight })),
        builder.parameter("b", Tensor([3], repeating: 7)), name: "fc")
      var graph = builder.finish(outputs: [("y", try tail(builder, z))])
      graph.noise = noise
      let bytes = try graph.onnx()
      return #expect(throws: ServiceError.self) { try CheckedModel(onnx: bytes) }
    }
    let log = try refusal { builder, z in
      try builder.apply(op("Log", 1), [builder.apply(op("Neg", 1), [z])[0]], name: "ln")[0]
    }
    #expect(log?.got == "NaN, from node 'ln' (Log) on" && log?.place == "trial run")
    let picked = try refusal { builder, z in
      let places = try builder.apply(op("Cast", 1, ["to": .int(7)]), [z])[0]
      let table = builder.parameter("t", Tensor([2], [1, 2]))
      return try builder.apply(op("Gather", 2), [table, places], name: "words")[0]
    }
    #expect(picked?.got.contains("'words' (Gather)") == true && picked?.advice?.contains("indices") == true)
    let noisy = try refusal(NoiseModel([.init(.input, sigma: 1e6)]), weight: 1e35) { _, z in z }
    #expect(noisy?.place == "trial run with its noise" && noisy?.got.contains("finite ones without noise") == true)
  }

  @Test("constants that a file of some bytes makes are bounded: 80 MiB are taken, as the model zoo's light files make")
  func made() throws {
    let builder = GraphBuilder(name: "made"), x = builder.input("x", [4])
    let extents = builder.constant(.int64([2], [1 << 11, 1 << 11]))
    let node = OnnxNode(name: "fill", type: "ConstantOfShape", opset: 17, attributes: [:], presentInputs: [true])
    func apply(_ type: String, _ inputs: [Value], _ attributes: [String: OnnxAttribute] = [:]) throws -> Value {
      let node = OnnxNode(
        name: type, type: type, opset: 17, attributes: attributes, presentInputs: inputs.map { _ in true })
      return try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), inputs, name: type)[0]
    }
    let fill = try Catalog<any OnnxOp.Type>.ops.entry(named: "ConstantOfShape").init(node)
    // Five times 16 MiB.
    let sum = try (0..<5).reduce(x) { sum, _ in
      let mean = try apply(
        "ReduceMean", builder.apply(fill, [extents]), ["axes": .ints([0, 1]), "keepdims": .int(0)])
      return try apply("Add", [sum, mean])
    }
    let bytes = try builder.finish(outputs: [("y", sum)]).onnx()
    #expect(bytes.count < 4096)
    _ = try CheckedModel(onnx: bytes)
    let narrow = {
      var limits = OnnxLimits.uploaded
      limits.freeMadeBytes = 64 << 20
      return limits
    }()
    let error = #expect(throws: GraphError.self) { try CheckedModel(onnx: bytes, limits: narrow) }
    #expect(error?.expected.contains("constants that are made of few numbers") == true)
  }

  @Test("noise that nobody could draw is refused")
  func noise() throws {
    for (text, says) in [
      (#"{"format":2,"terms":[{"site":"embeddings","sigma":0.1}]}"#, "a site that the model has"),
      (#"{"format":2,"format":1,"terms":[{"site":"weights","sigma":0.1}]}"#, "each key once"),
      (#"{"format":2,"terms":[{"site":"weights","sigma":0.1,"\u0073igma":9}]}"#, "each key once"),
    ] {
      let bytes = try Self.model(nil, metadata: ["dither.noise": text])
      let error = #expect(throws: (any Error).self) { try CheckedModel(onnx: bytes) }
      #expect("\(String(describing: error))".contains(says), "\(text)")
    }
  }
}
