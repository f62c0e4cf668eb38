import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

@Suite("Model signatures")
struct ModelSignatureTests {
  @Test("the classifier's output is the one named for its probabilities, wherever it stands")
  func picksProbabilities() throws {
    func op(_ type: String) throws -> any OnnxOp {
      try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(OnnxNode(name: type, type: type, opset: 17))
    }
    let builder = GraphBuilder(), x = builder.input("x", [4])
    let features = try builder.apply(op("Relu"), [x])[0]
    let probabilities = try builder.apply(
      op("Softmax"), [builder.apply(op("MatMul"), [features, builder.parameter("w", .random([4, 3], seed: 1))])[0]])[0]
    let label = try builder.apply(op("ArgMax"), [probabilities])[0]
    for (outputs, name, classes) in [
      ([("label", label), ("features", features), ("probabilities", probabilities)], "probabilities", 3),
      ([("label", label), ("output_probability", probabilities)], "output_probability", 3),
      ([("label", label), ("features", features), ("scores", probabilities)], "features", 4),
    ] {
      let signature = try ModelSignature(builder.finish(outputs: outputs.map { (name: $0.0, value: $0.1) }))
      #expect(signature.outputName == name && signature.classes == classes)
    }
    #expect(throws: InferenceError.self) { try ModelSignature(builder.finish(outputs: [("label", label)])) }
  }

  struct Metadata: CustomTestStringConvertible, Sendable {
    let testDescription: String, metadata: [String: String], says: String
  }
  @Test(
    "a file's own words that mean nothing, or too much, are refused",
    arguments: [
      Metadata(
        testDescription: "another spelling", metadata: ["dither.normalization": #"{"mean": [1], "deviation": [2]}"#],
        says: "did you mean 'dither.normalisation'"),
      Metadata(
        testDescription: "a slip", metadata: ["dither.lables": #"["a", "b"]"#], says: "did you mean 'dither.labels'"),
      Metadata(
        testDescription: "a name as long as a book",
        metadata: ["dither.labels": #"["a", "\#(String(repeating: "ü", count: 257))"]"#],
        says: "'dither.labels', name 1: expected at most 512 bytes, got 514"),
    ])
  func refusesMetadata(_ test: Metadata) throws {
    let builder = GraphBuilder(), x = builder.input("x", [2])
    var graph = builder.finish(outputs: [("y", x)])
    graph.metadata = ["origin": "a test", "dither.samples": "8"]
    _ = try ModelSignature(graph)
    graph.metadata.merge(test.metadata) { $1 }
    #expect { try ModelSignature(graph) } throws: { "\($0)".contains(test.says) }
  }
}
