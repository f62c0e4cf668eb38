import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTrain
import Testing

@Suite("Threads of a training")
struct ThreadTests {
  private static let head = "name: threads\ndata: iris\nepochs: 2\nseed: 4\n"

  /// Layers that are large enough for their sums to be divided, and last batches of what is left over.
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var shape: Shape
    var rows: Int
    var recipe: String
  }
  static let cases = [
    Case(
      testDescription: "dense layers, noise on weights, Adam", shape: [200], rows: 300,
      recipe: """
        model: {kind: mlp, hidden: [400, 300]}
        noise: [{site: weights, sigma: 0.05}, {site: activations, sigma: 0.1}]
        optimizer: {kind: adam, rate: 0.01}
        batch: 128
        """),
    Case(
      testDescription: "normalized dense layers, SAM, a validation part", shape: [40], rows: 200,
      recipe: """
        model: {kind: mlp, hidden: [128, 64], normalization: batch}
        optimizer: {kind: sgd, rate: 0.1, momentum: 0.9}
        strategies: [{kind: sam, rho: 0.05}]
        validation: 40
        batch: 64
        """),
    Case(
      testDescription: "convolutions", shape: [1, 16, 16], rows: 75,
      recipe: """
        model: {kind: cnn, channels: [16, 32], hidden: [64]}
        optimizer: {kind: sgd, rate: 0.05, momentum: 0.9}
        batch: 32
        """),
    Case(
      testDescription: "residual, normalized, noise behind normalization", shape: [3, 16, 16], rows: 75,
      recipe: """
        model: {kind: resnet, channels: [16, 32]}
        noise: [{site: after_normalization, sigma: 0.1}, {site: weights, sigma: 0.1, scale: relative_to_layer}]
        optimizer: {kind: sgd, rate: 0.05, momentum: 0.9, nesterov: true}
        batch: 32
        """),
    Case(
      testDescription: "residual, normalized, bf16", shape: [3, 16, 16], rows: 75,
      recipe: """
        model: {kind: resnet, channels: [16, 32]}
        optimizer: {kind: sgd, rate: 0.05, momentum: 0.9, nesterov: true}
        precision: bfloat16
        batch: 32
        """),
  ]

  private static func data(_ own: Case) -> Dataset {
    let inputs = Tensor(
      Shape([own.rows] + own.shape.dimensions), NoiseAddress(seed: 7).uniforms(own.rows * own.shape.count))
    return Dataset(
      name: "threads", inputs: inputs, labels: (0..<own.rows).map { $0 % 3 }, classNames: ["a", "b", "c"])
  }

  @Test("one, two and four threads give the same bytes, and a run that changes their number between", arguments: cases)
  func bytes(_ own: Case) throws {
    let recipe = try Recipe(yaml: Self.head + own.recipe), data = Self.data(own)
    let all = try [1, 2, 4].map { threads in
      let trainer = try Trainer(recipe, data: data, threads: threads)
      try trainer.run()
      return try (trainer.checkpoint().buffers, trainer.snapshot().onnx())
    }
    #expect(all[1].0 == all[0].0 && all[2].0 == all[0].0)
    #expect(all[1].1 == all[0].1 && all[2].1 == all[0].1)
    let first = try Trainer(recipe, data: data, threads: 4)
    var asked = 0
    try first.run(shouldStop: {
      defer { asked += 1 }
      return asked == 2
    })
    let second = try Trainer(recipe, data: data, checkpoint: first.checkpoint(), threads: 2)
    try second.run()
    #expect(second.checkpoint().buffers == all[0].0)
  }
}
