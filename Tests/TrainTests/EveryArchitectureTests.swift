import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Testing

/// What holds for every architecture of the catalog.
@Suite("Every architecture")
struct EveryArchitectureTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String, input: Shape, classes: Int
    var testDescription: String { "\(name) of \(input) to \(classes)" }
    /// Numbers of words, or pixels.
    func inputs(_ rows: Int, seed: UInt64) -> Tensor {
      .random(Shape([rows] + input.dimensions), seed: seed, from: 0, to: name == TextCNN.name ? 1000 : 1)
    }
    func graph(seed: UInt64 = 7) throws -> Graph {
      try Catalog.architectures.entry(named: name).init().build(input: input, outputs: classes, seed: seed)
    }
  }

  /// Networks for texts take rows of words' numbers.
  static let cases = Catalog.architectures.names.flatMap { name in
    name == TextCNN.name
      ? [Case(name: name, input: [12], classes: 3), Case(name: name, input: [5], classes: 2)]
      : [Case(name: name, input: [1, 16, 16], classes: 3), Case(name: name, input: [3, 12, 20], classes: 2)]
  }

  static let trained = cases.filter { $0.name != Neighbors.name }

  @Test("has one input and logits of the classes", arguments: cases)
  func signature(_ one: Case) throws {
    let graph = try one.graph(), model = try Model(graph)
    #expect(graph.inputs.map(\.name) == ["input"] && graph.outputs.map(\.name) == ["logits"])
    #expect(model.signature.inputShape == one.input && model.signature.classes == one.classes)
  }

  @Test("a seed gives the same weights, another seed others", arguments: trained)
  func seeds(_ one: Case) throws {
    #expect(try one.graph().onnx() == one.graph().onnx())
    #expect(try one.graph().onnx() != one.graph(seed: 8).onnx())
  }

  @Test("answers as its ONNX file does, each row for itself", arguments: cases)
  func file(_ one: Case) throws {
    let graph = try one.graph(), inputs = one.inputs(5, seed: 2)
    let outputs = try Model(graph).outputs(inputs), again = try Model(onnx: graph.onnx()).outputs(inputs)
    #expect(outputs.elements.allSatisfy(\.isFinite) && outputs == again)
    let alone = try Model(graph).outputs(inputs.rows(3..<4))
    #expect(alone.isClose(to: outputs.rows(3..<4), absolute: 1e-4))
  }

  @Test("every parameter has a gradient", arguments: trained)
  func gradients(_ one: Case) throws {
    let graph = try one.graph(), buffers = ParameterBuffers(graph, moving: true)
    let plan = try Plan(
      graph, parameters: buffers, options: .init(rows: 4, parameterGradients: true, batchStatistics: true))
    let inputs = one.inputs(4, seed: 3)
    _ = plan.input().update(fromContentsOf: inputs.elements)
    plan.forward()
    for i in plan.cotangent.indices { plan.cotangent[i] = Float(i % 5) - 1.5 }
    plan.backward()
    for id in buffers.trainable {
      let gradient = try #require(plan.parameterGradient(id)), name = buffers.names[id] ?? ""
      #expect(gradient.allSatisfy(\.isFinite) && gradient.contains { $0 != 0 }, "\(name)")
    }
  }

  @Test("an input that it cannot take is refused, not fatal", arguments: Catalog.architectures.names)
  func refused(_ name: String) throws {
    let architecture = try Catalog.architectures.entry(named: name).init()
    for input: Shape in [[1], [4], [2, 3], [1, 1, 1], [3, 1, 40], [3, 40, 1], [1, 2, 3, 4]] {
      do {
        let graph = try architecture.build(input: input, outputs: 2, seed: 1)
        // What is built must also run.
        let outputs = try Model(graph).outputs(.random(Shape([2] + input.dimensions), seed: 1))
        #expect(outputs.shape == [2, 2])
      } catch let error as TrainError {
        #expect("\(error)".contains("expected"))
      }
    }
  }

  @Test(
    "normalized by batch it has no bias there, a site for noise behind each normalization, and learns",
    arguments: ["mlp", "cnn"])
  func normalization(_ name: String) throws {
    let data = PictureSides.data()
    func recipe(_ normalization: String) throws -> Recipe {
      try Recipe(
        yaml: """
          {name: test, data: mnist, epochs: 4, batch: 16, seed: 3, optimizer: {kind: sgd, rate: 0.05},
          model: {kind: \(name), hidden: [8], normalization: \(normalization)},
          noise: [{site: after_normalization, sigma: 0.1}]}
          """)
    }
    let trainer = try Trainer(recipe("batch"), data: data, threads: 1)
    try trainer.run()
    let graph = try trainer.snapshot()
    let names = graph.parameters.map { graph.valueNames[$0.index] }
    #expect(names.contains("dense0.norm.scale") && !names.contains("dense0.bias"))
    let accuracy = try #require(try Evaluation(Model(graph), data, threads: 1).accuracy)
    #expect(accuracy > 0.9)
    // Without a normalization the site is none.
    #expect(throws: (any Error).self) { try Trainer(recipe("none"), data: data, threads: 1) }
    #expect { try recipe("bacth") } throws: { "\($0)".contains("did you mean 'batch'?") }
  }
}

/// Pictures of two classes, which differ by where they are bright.
enum PictureSides {
  static func data(_ count: Int = 64) -> Dataset {
    let inputs = Tensor([count, 1, 8, 8]) { out in
      for i in out.indices { out[i] = (i / 64 + (i / 8) % 8 / 4) % 2 == 0 ? 0.2 : 0.8 }
    }
    return Dataset(name: "pictures", inputs: inputs, labels: (0..<count).map { $0 % 2 }, classNames: ["a", "b"])
  }
}
