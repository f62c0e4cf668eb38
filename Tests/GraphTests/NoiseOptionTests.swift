import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Noise as a command line writes it: the terms of recipes, for the graph at hand.
@Suite("Noise as an option")
struct NoiseOptionTests {
  /// Two dense layers, and Dropout nodes of these ratios behind the first.
  private static func graph(dropping ratios: [(name: String, ratio: Float)], opset: Int = 17) throws -> Graph {
    let builder = GraphBuilder(name: "net"), x = builder.input("x", [6])
    var y = try builder.relu(builder.dense(x, builder.parameter("w0", .random([5, 6], seed: 1)), nil, name: "fc0"))
    let entry = try Catalog<any OnnxOp.Type>.ops.entry(named: "Dropout")
    for (name, ratio) in ratios {
      let isOperand = opset >= 12, attributes = isOperand ? [:] : ["ratio": OnnxAttribute.float(ratio)]
      let node = OnnxNode(name: name, type: "Dropout", opset: opset, attributes: attributes)
      let operand = isOperand ? builder.constant(.float(Tensor([], [ratio]))) : nil
      y = try builder.apply(entry.init(node), isOperand ? [y, operand] : [y], name: name)[0]
    }
    y = try builder.dense(y, builder.parameter("w1", .random([3, 5], seed: 2)), nil, name: "fc1")
    return builder.finish(outputs: [("logits", y)])
  }

  @Test("a term is that of a recipe")
  func terms() throws {
    let graph = try Self.graph(dropping: [])
    let found = try NoiseModel(
      parsing: [
        "weights:gaussian,sigma=0.05,scale=relative_to_layer,layers=fc*", "activations:dropout,rate=1/4",
        "input:sigma=0.1",
      ], of: graph)
    let setting = Setting([
      ["site": "weights", "sigma": 0.05, "scale": "relative_to_layer", "layers": "fc*"],
      ["site": "activations", "distribution": "dropout", "rate": 0.25], ["site": "input", "sigma": 0.1],
    ])
    #expect(try found == NoiseModel(setting))
    #expect(try found.json().contains("\"format\":2"))
  }

  @Test(
    "what is no noise of the model is refused, with the nearest word",
    arguments: [
      ("weight:gaussian,sigma=1", "did you mean 'weights'?"), ("weights:gausian,sigma=1", "did you mean 'gaussian'?"),
      ("weights:gaussian,sigm=1", "did you mean 'sigma'?"), ("weights:gaussian", "'sigma': expected a number"),
      ("weights", "'sigma': expected a number"), ("weights:gaussian,sigma=-1", "a sigma from 0 to 1e6"),
      ("weights:gaussian,sigma=nan", "a number"), ("weights:gaussian,sigma=0", "above 0"),
      ("weights:gaussian,sigma=1,schedule=cosine", "its schedule ends at 0"),
      ("weights:gaussian,0.1", "SITE:DISTRIBUTION,key=value"), ("weights:gaussian,sigma=1,sigma=2", "one value"),
      ("weights:gaussian,sigma=1,layers=fc9", "did you mean 'fc"), ("gradients:gaussian,sigma=1", "of the training"),
      ("embeddings:gaussian,sigma=1", "a site that the model has"), ("droput", "did you mean 'dropout'?"),
      ("weights:gaussian,sigma=1,learned=layer", "initializer 'w0.sigma'"), ("dropout", "Dropout nodes"),
      ("", "one of input"),
    ])
  func refusals(_ text: String, _ says: String) throws {
    let graph = try Self.graph(dropping: [])
    #expect {
      try NoiseModel(parsing: [text], of: graph)
    } throws: { error in
      #expect("\(error)".contains(says), "\(error)")
      return error is GraphError
    }
  }

  @Test("at most sixteen terms")
  func bounded() throws {
    let graph = try Self.graph(dropping: [])
    #expect { try NoiseModel(parsing: Array(repeating: "input:sigma=1", count: 17), of: graph) } throws: {
      "\($0)".contains("at most 16")
    }
  }

  @Test("a file's own dropout has the ratios of its nodes", arguments: [7, 17])
  func ownDropout(_ opset: Int) throws {
    let one = try Self.graph(dropping: [("a", 0.25), ("b", 0.25)], opset: opset)
    #expect(try NoiseModel(parsing: ["dropout"], of: one).terms == [.dropout(.dropout, rate: 0.25)])
    let several = try NoiseModel(
      parsing: ["dropout"], of: Self.graph(dropping: [("a", 0.25), ("b", 0), ("c", 0.5)], opset: opset))
    #expect(several.terms.map(\.layers) == ["a", "c"] && several.terms.map(\.strength) == [0.25, 0.5])
    #expect { try Self.graph(dropping: [("a", 0.25), ("a", 0.5)]).ownDropout() } throws: {
      "\($0)".contains("names of their own")
    }
  }

  @Test("it drops as often as its node says, and scales what is left")
  func drops() throws {
    let builder = GraphBuilder(name: "net"), x = builder.input("x", [400])
    let node = OnnxNode(name: "drop", type: "Dropout", opset: 7, attributes: ["ratio": .float(0.2)])
    let y = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "Dropout").init(node), [x], name: "drop")[0]
    let graph = builder.finish(outputs: [("y", y)])
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, samples: 50, path: .fresh),
      noise: NoiseModel(parsing: ["dropout"], of: graph))
    plan.input().update(repeating: 1)
    plan.seeds[0] = 3
    plan.forward()
    let values = Array(plan.output()), dropped = Double(values.count { $0 == 0 }) / 20_000
    // Five standard errors.
    #expect(abs(dropped - 0.2) < 5 * (0.16 / 20_000).squareRoot())
    #expect(values.allSatisfy { $0 == 0 || abs($0 - 1.25) < 1e-5 })
  }

  @Test("a file takes noise in place of what it had, and is otherwise the same")
  func inFiles() throws {
    var graph = try Self.graph(dropping: [])
    graph.noise = NoiseModel([.init(.input, sigma: 0.5)])
    graph.metadata["origin"] = "here"
    let noise = try NoiseModel(parsing: ["weights:sigma=0.1"], of: graph)
    let file = try OnnxMetadata.setting(noise.json(), for: Graph.noiseKey, in: graph.onnx())
    let again = try Graph(onnx: file)
    graph.noise = noise
    #expect(again.noise == noise && again.metadata == graph.metadata)
    #expect(try again.onnx() == graph.onnx())
    #expect(throws: GraphError.self) { try OnnxMetadata.setting("x", for: "y", in: [0x3A, 0x7F]) }
  }
}
