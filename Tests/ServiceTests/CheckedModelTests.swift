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
