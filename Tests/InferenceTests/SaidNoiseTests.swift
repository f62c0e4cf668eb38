import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import Testing

/// A model under another noise is what a file with that noise is.
@Suite("Noise in place of a model's own")
struct SaidNoiseTests {
  /// A convolution with a normalization behind it, an activation, a dense layer; learned strengths lie beside the weights.
  private static func graph(_ noise: [String] = []) throws -> Graph {
    let builder = GraphBuilder(name: "net"), x = builder.input("x", [1, 6, 6])
    func parameter(_ name: String, _ shape: Shape, _ seed: UInt64) -> Value {
      builder.parameter(name, Tensor(shape, NoiseAddress(seed: seed).normals(shape.count).map { 0.3 * $0 }))
    }
    func constant(_ name: String, _ values: [Float]) -> Value { builder.parameter(name, Tensor([3], values)) }
    var y = try builder.convolution(x, parameter("w0", [3, 1, 3, 3], 1), nil, padding: 1, name: "conv")
    let entry = try Catalog<any OnnxOp.Type>.ops.entry(named: "BatchNormalization")
    let node = OnnxNode(name: "norm", type: "BatchNormalization", opset: 15, attributes: [:])
    let operands = [
      y, constant("scale", [1, 2, 0.5]), constant("shift", [0.1, 0, -0.1]), constant("mean", [0, 0.2, 0.1]),
      constant("variance", [1, 0.5, 2]),
    ]
    y = try builder.relu(builder.apply(entry.init(node), operands, name: "norm")[0])
    y = try builder.dense(builder.flatten(y), parameter("w1", [3, 108], 2), nil, name: "fc")
    _ = builder.constant(.float(Tensor([1], [0.2])), "w1.sigma")
    var graph = builder.finish(outputs: [("logits", y)])
    if !noise.isEmpty { graph.noise = try NoiseModel(parsing: noise, of: graph) }
    return graph
  }

  private static let draws = NoiseDraws(0..<4, seeds: [1, 2])
  private static let inputs = Tensor([2, 1, 6, 6], NoiseAddress(seed: 5).uniforms(72))

  @Test(
    "it draws what a file with that noise draws, whatever noise the model had",
    arguments: [
      ["weights:gaussian,sigma=0.1"], ["weights:gaussian,sigma=0.1,scale=relative_to_layer,layers=conv"],
      ["activations:dropout,rate=0.25", "input:uniform,sigma=0.1"], ["after_normalization:gaussian,sigma=0.2"],
      ["weights:gaussian,sigma=1,learned=layer,layers=w1"],
    ],
    [[], ["input:gaussian,sigma=0.5"], ["weights:gaussian,sigma=1,learned=layer,layers=w1"]])
  func sameAsFile(_ noise: [String], _ own: [String]) throws {
    let expected = try Model(Self.graph(noise)), model = try Model(Self.graph(own)), other = try model.drawing(noise)
    #expect(other.noise == expected.noise && other.drawsFreshNoise == expected.drawsFreshNoise)
    #expect(
      try other.sampledOutputs(Self.inputs, Self.draws) == expected.sampledOutputs(Self.inputs, Self.draws))
    #expect(try other.outputs(Self.inputs) == model.outputs(Self.inputs))
    // The model itself is as it was.
    #expect(try model.noise == (own.isEmpty ? nil : NoiseModel(parsing: own, of: Self.graph())))
  }

  @Test("its terms are told as they are said, and read again as the same")
  func words() throws {
    for text in [
      "weights:gaussian,sigma=0.03", "weights:gaussian,layers=conv,scale=relative_to_layer,sigma=1e-05",
      "activations:dropout,rate=0.25", "input:gaussian,fraction=0.5,sigma=2",
      "weights:gaussian,layers=w1,learned=layer,sigma=1",
    ] {
      let noise = try NoiseModel(parsing: [text], of: Self.graph())
      #expect(noise.options == [text])
      #expect(try NoiseModel(parsing: noise.options, of: Self.graph()) == noise)
    }
    #expect(NoiseModel([], members: 4).options == ["one of 4 members for each draw"])
  }

  @Test("without a term there is no noise; what is none of the model is refused with its place")
  func refusals() throws {
    let model = try Model(Self.graph(["input:gaussian,sigma=0.5"]))
    #expect(try model.drawing(NoiseModel([])).noise == nil)
    for (noise, says) in [
      (["weights:gaussian,sigma=nan"], "a number"), (["embeddings:gaussian,sigma=1"], "a site that the model has"),
      (["dropout"], "Dropout nodes"), ([String](repeating: "input:sigma=1", count: 1_000_000), "at most 16 terms"),
      (["input:gaussian,sigma=" + String(repeating: "1", count: 2000)], "at most 1024 bytes"),
    ] {
      #expect {
        try model.drawing(noise)
      } throws: {
        "\($0)".contains(says) && "\($0)".hasPrefix("noise") && "\($0)".utf8.count < 1000
      }
    }
  }
}
