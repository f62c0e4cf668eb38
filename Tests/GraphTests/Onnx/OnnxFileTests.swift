import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

@Suite("ONNX files")
struct OnnxFileTests {
  /// Convolution, pooling and a dense layer, with a name for every value that matters.
  static func network() throws -> Graph {
    let builder = GraphBuilder(name: "small")
    func op(_ type: String, _ attributes: [String: OnnxAttribute] = [:]) throws -> any OnnxOp {
      try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
        OnnxNode(name: type, type: type, opset: 17, attributes: attributes))
    }
    func weights(_ name: String, _ shape: Shape, _ seed: UInt64) -> Value {
      builder.parameter(name, .random(shape, seed: seed))
    }
    let x = builder.input("image", [1, 8, 8])
    var y = try builder.apply(
      op("Conv", ["pads": .ints([1, 1, 1, 1])]), [x, weights("w1", [4, 1, 3, 3], 1), weights("b1", [4], 2)])[0]
    y = try builder.apply(op("Relu"), [y])[0]
    y = try builder.apply(op("MaxPool", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]), [y])[0]
    y = try builder.apply(op("Flatten"), [y])[0]
    y = try builder.apply(op("Gemm"), [y, weights("w2", [64, 3], 3), weights("b2", [3], 4)], name: "dense")[0]
    var graph = builder.finish(outputs: [("logits", y)])
    graph.noise = try NoiseModel([
      .init(.weights, sigma: 0.05), .init(.input, sigma: 0.1, distribution: "uniform"),
      .init(.activations, sigma: 0.2, scale: .relative, distribution: "laplace"),
    ])
    graph.metadata = ["dither.labels": "[\"a\",\"b\",\"ü\"]", "origin": "a test"]
    return graph
  }

  @Test("noise, words, names and weights survive")
  func everythingSurvives() throws {
    let graph = try Self.network(), written = try graph.onnx(), again = try Graph(onnx: written)
    #expect(again.noise == graph.noise && again.metadata == graph.metadata && again.name == "small")
    #expect(again.inputs.map(\.name) == ["image"] && again.outputs.map(\.name) == ["logits"])
    #expect(again.inputs[0].dimensions == [nil, 1, 8, 8])
    #expect(Set(again.parameters.map { again.valueNames[$0.index] }) == ["w1", "b1", "w2", "b2"])
    #expect(try again.onnx() == written)
  }

  @Test("a key of metadata that stands twice is refused, but for those that uploads add")
  func keysOnce() throws {
    let file = try Self.network().onnx()
    for key in ["dither.noise", "dither.labels", "origin"] {
      #expect {
        try Graph(onnx: OnnxMetadata.adding("again", for: key, to: file))
      } throws: { "\($0)".contains("'\(key)' twice") }
    }
    let twice = OnnxMetadata.adding(
      "logits", for: Graph.outputKindKey, to: OnnxMetadata.adding("probabilities", for: Graph.outputKindKey, to: file))
    #expect(try Graph(onnx: twice).metadata[Graph.outputKindKey] == "logits")
  }

  @Test("outputs that share a value, and values that share a name, are told apart")
  func namesAreUnique() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [3])
    let relu = try Catalog<any OnnxOp.Type>.ops.entry(named: "Relu").init(OnnxNode(name: "r", type: "Relu", opset: 17))
    let a = try builder.apply(relu, [x], name: "x")[0], b = try builder.apply(relu, [a], name: "x")[0]
    let graph = builder.finish(outputs: [("first", b), ("second", b), ("same", x)])
    let written = try graph.onnx(), again = try Graph(onnx: written)
    #expect(again.outputs.map(\.name) == ["first", "second", "same"])
    #expect(try again.onnx() == written)
    let plan = try Plan(again, parameters: ParameterBuffers(again), options: .init(rows: 1))
    _ = plan.input().update(fromContentsOf: [-1, 2, 3])
    plan.forward()
    #expect(Array(plan.output(0)) == [0, 2, 3] && Array(plan.output(1)) == [0, 2, 3])
    #expect(Array(plan.output(2)) == [-1, 2, 3])
  }

  @Test(
    "tensor files keep their content",
    arguments: [
      .float(.random([2, 3], seed: 1)), .float(Tensor([], [7])), .int64([3], [1, -2, .max]), .bool([2], [true, false]),
    ] as [Literal])
  func tensorFiles(_ literal: Literal) throws {
    #expect(try OnnxTensor.read(OnnxTensor.write(literal, name: "t")) == literal)
  }

  struct Bound: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let says: String
    let limit: @Sendable (inout OnnxLimits) -> Void
  }

  @Test(
    "limits hold",
    arguments: [
      Bound(testDescription: "file", says: "bytes") { $0.fileBytes = 1000 },
      Bound(testDescription: "nodes", says: "nodes") { $0.nodes = 4 },
      Bound(testDescription: "initializers", says: "initializers") { $0.initializers = 3 },
      Bound(testDescription: "parts", says: "parts") { $0.parts = 20 },
      Bound(testDescription: "integer lists", says: "integer lists") { $0.listedBytes = 8 },
      Bound(testDescription: "elements", says: "elements") { $0.elements = 100 },
      Bound(testDescription: "activations", says: "bytes") { $0.activationBytes = 2000 },
      Bound(testDescription: "one value", says: "bytes of one value") { $0.valueBytes = 30 },
      Bound(testDescription: "operations", says: "operations") { $0.operations = 2000 },
      Bound(testDescription: "attributes", says: "attributes") { $0.attributesPerNode = 0 },
      Bound(testDescription: "metadata", says: "bytes") { $0.metadataBytes = 10 },
      Bound(testDescription: "rank", says: "rank") { $0.rank = 3 },
    ])
  func limits(_ bound: Bound) throws {
    var limits = OnnxLimits()
    bound.limit(&limits)
    let bytes = try Self.network().onnx()
    let error = #expect(throws: GraphError.self) { try Graph(onnx: bytes, limits: limits) }
    #expect(error.map { $0.code == .tooLarge || $0.code == .shape } == true)
    #expect(error?.description.contains(bound.says) == true, "\(error?.description ?? "")")
  }

  @Test("a small file of very many empty messages is refused before it is unfolded")
  func manyEmptyMessages() {
    // ModelProto.graph > GraphProto.node > four million empty attributes.
    let attributes = [UInt8](repeating: 0, count: 8 << 20).enumerated().map { $0.offset % 2 == 0 ? UInt8(0x2A) : 0 }
    func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
      var length = content.count, bytes = [number << 3 | 2]
      while length >= 0x80 {
        bytes.append(UInt8(length & 0x7F | 0x80))
        length >>= 7
      }
      return bytes + [UInt8(length)] + content
    }
    let error = #expect(throws: GraphError.self) { try Graph(onnx: field(7, field(1, attributes))) }
    #expect(error?.code == .tooLarge)
  }

  /// Flips, cuts, repeats and overwrites bytes of valid files: whatever comes out is refused or can be run.
  @Test("no damaged file crashes the reader or a plan", arguments: 0..<4000 as Range<UInt64>)
  func mutations(_ seed: UInt64) throws {
    let files = try [Self.network().onnx()] + OpCase.all.map { try $0.graph().onnx() }
    var generator = PhiloxGenerator(seed: seed, stream: 0xF022)
    var refused = 0
    let trials = 250
    for _ in 0..<trials {
      let bytes = Self.damaged(files[Int.random(in: files.indices, using: &generator)], &generator)
      guard let graph = try? Graph(onnx: bytes) else {
        refused += 1
        continue
      }
      let plan = try? Plan(
        graph, parameters: ParameterBuffers(graph),
        options: .init(rows: 2, inputGradient: true, parameterGradients: true))
      plan?.forward()
      plan?.backward()
    }
    #expect(refused > trials / 4)
  }

  private static func damaged(_ file: [UInt8], _ generator: inout PhiloxGenerator) -> [UInt8] {
    var bytes = file
    // Most of a file is weights; its structure is what breaks readers.
    func place() -> Int { Int.random(in: 0..<bytes.count, using: &generator) }
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      switch Int.random(in: 0..<6, using: &generator) {
      case 0, 1: bytes[place()] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 2: bytes[place()] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
      case 3: bytes.removeLast(min(bytes.count - 1, Int.random(in: 1...200, using: &generator)))
      case 4:
        let start = place(), end = min(bytes.count, start + Int.random(in: 1...40, using: &generator))
        bytes.insert(contentsOf: bytes[start..<end], at: place())
      default:
        let start = place()
        if bytes.count > 64 { bytes.removeSubrange(start..<min(bytes.count, start + 8)) }
      }
    }
    return bytes
  }
}
