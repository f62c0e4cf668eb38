import DitherBasics
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTrain

extension Bench {
  /// One image by CERTIFY: 100 and 10 000 noisy copies, σ = 0.25. Bar: twice as many images a minute as PyTorch on the
  /// same two cores (scripts/bench-certification-peers).
  private static func certification(
    _ name: String, _ summary: String, over: String? = nil, _ graph: @escaping @Sendable () throws -> Graph,
    threads: Int = 2, _ precision: Plan.Precision = .float32, early: Bool = false
  ) -> Bench {
    Bench("certification/\(name)", summary, over: over) { seconds in
      if precision == .bfloat16, !Plan.hasBfloat16 { throw Skip(reason: "this CPU has no bf16 products") }
      let model = try Model(graph(), precision: precision)
      let smoothed = try SmoothedClassifier(model, sigma: 0.25, seed: 1)
      let images = Fixtures.images(16, model.signature.inputShape.dimensions)
      var budget = SmoothedClassifier.Budget(), number = 0, copies = 0
      budget.early = early
      func image() throws {
        let row = number % images.rowCount
        copies += try smoothed.certify(
          images.rows(row..<row + 1), identity: UInt64(number), budget: budget, threads: threads
        ).copies
        number += 1
      }
      try image()
      (number, copies) = (0, 0)
      var times: [Double] = []
      let end = ContinuousClock.now + .seconds(seconds)
      repeat {
        let start = ContinuousClock.now
        try image()
        times.append(start.duration(to: .now).seconds)
      } while ContinuousClock.now < end || times.count < 5
      let mean = times.reduce(0, +) / Double(times.count)
      return Measurement(
        times: times,
        details: ["images_per_minute": 60 / mean, "copies_per_image": Double(copies) / Double(times.count)])
    }
  }

  /// The network of the shipped MNIST models.
  private static func mnistCNN(sigma: Float? = nil) throws -> Graph {
    var architecture = CNN()
    architecture.channels = [32, 64, 128]
    var graph = try architecture.build(input: [1, 28, 28], outputs: 10, seed: 1)
    if let sigma { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return graph
  }

  static let certification: [Bench] = [
    certification("cnn", "MNIST CNN 32-64-128, one image, n = 10 000, two cores", { try mnistCNN() }),
    certification("cnn-1", "the same, one core", over: "certification/cnn", { try mnistCNN() }, threads: 1),
    certification("cnn-bf16", "the same in bf16, two cores", over: "certification/cnn", { try mnistCNN() }, .bfloat16),
    certification(
      "cnn-noise", "the same with weight noise, a draw for each copy", over: "certification/cnn",
      { try mnistCNN(sigma: 0.02) }),
    certification("cnn-early", "the same, stopping early", over: "certification/cnn", { try mnistCNN() }, early: true),
    certification("mlp", "MLP 784-256-128-10, one image, n = 10 000, two cores", { try Fixtures.mlp() }),
  ]
}
