import Dispatch
import DitherGraph
import DitherInference
import DitherTensor
import Synchronization

extension Bench {
  static let mlpOne = Bench("engine/mlp-1", "MLP 784-256-128-10, one row, one core") {
    let plan = try Fixtures.plan(Fixtures.mlp(), .init(rows: 1))
    return { plan.forward() }
  }

  static let mlpBatch = Bench("engine/mlp-64", "the same, 64 rows") {
    let plan = try Fixtures.plan(Fixtures.mlp(), .init(rows: 64))
    return { plan.forward() }
  }

  /// The bar: 1/300 of the loop in PyTorch, 63 ms where that was measured.
  static let mlpMonteCarlo = Bench(
    "engine/mlp-mc64", "one row, 64 samples of weight noise, exactly", over: "engine/mlp-64"
  ) {
    let plan = try Fixtures.plan(Fixtures.mlp(sigma: 0.05), .init(rows: 1, samples: 64, path: .fresh))
    return { plan.forward() }
  }

  static let mlpMonteCarloExplicit = Bench(
    "engine/mlp-mc64-explicit", "the same by drawing every weight", over: "engine/mlp-mc64"
  ) {
    let plan = try Fixtures.plan(Fixtures.mlp(sigma: 0.05), .init(rows: 1, path: .explicit))
    return {
      for sample in 0..<64 {
        plan.firstSample = UInt32(sample)
        plan.forward()
      }
    }
  }

  /// The wait of a caller in process: draws, probabilities and all measures.
  static let mlpPredict = Bench(
    "engine/mlp-predict-mc64", "one row, 64 samples, with all measures", over: "engine/mlp-mc64"
  ) {
    let predictor = MonteCarloPredictor(try Model(Fixtures.mlp(sigma: 0.05))), image = Fixtures.images(1, [784])
    return { _ = try predictor.predict(image, Sampling(.samples(64), seed: 7)) }
  }

  static let normals = Bench("engine/normals", "a million standard normals, one core") {
    let memory = AlignedBuffer(floats: 1_000_000)
    return { NoiseAddress(seed: 1).normals(memory.floats) }
  }

  static let cnnOne = Bench("engine/cnn-1", "CNN 28 x 28, conv 32, conv 64, fc 128, one row, one core") {
    let plan = try Fixtures.plan(Fixtures.cnn(), .init(rows: 1))
    return { plan.forward() }
  }

  static let cnnBatch = Bench("engine/cnn-64", "the same, 64 rows") {
    let plan = try Fixtures.plan(Fixtures.cnn(), .init(rows: 64))
    return { plan.forward() }
  }

  static let mlpTraining = Bench(
    "engine/mlp-train-128", "MLP 784-256-128-10, forward and backward, batch 128, two cores"
  ) {
    let plan = try Fixtures.plan(Fixtures.mlp(), .init(rows: 128, parameterGradients: true, threads: 2))
    return {
      plan.forward()
      plan.backward()
    }
  }

  /// One pass of a plan, by its name's works: the model, rows, precision.
  private static func forward(
    _ name: String, _ summary: String, _ graph: @escaping @Sendable () throws -> Graph, rows: Int,
    _ precision: Plan.Precision = .float32
  ) -> Bench {
    Bench(name, summary) {
      if precision == .bfloat16, !Plan.hasBfloat16 { throw Skip(reason: "this CPU has no bf16 products") }
      let plan = try Fixtures.plan(graph(), .init(rows: rows, precision: precision))
      return { plan.forward() }
    }
  }

  static let bfloat16: [Bench] = [
    forward("engine/mlp-64-bf16", "MLP, 64 rows, bf16", { try Fixtures.mlp() }, rows: 64, .bfloat16),
    forward("engine/cnn-1-bf16", "CNN, one row, bf16", { try Fixtures.cnn() }, rows: 1, .bfloat16),
    forward("engine/cnn-64-bf16", "CNN, 64 rows, bf16", { try Fixtures.cnn() }, rows: 64, .bfloat16),
    forward("engine/resnet18-1-bf16", "ResNet-18, one row, bf16", { try Fixtures.resnet() }, rows: 1, .bfloat16),
    forward("engine/resnet18-16-bf16", "ResNet-18, 16 rows, bf16", { try Fixtures.resnet() }, rows: 16, .bfloat16),
  ]

  static let resnet: [Bench] = [
    forward("engine/resnet18-1", "ResNet-18 for 32 x 32, one row, one core", { try Fixtures.resnet() }, rows: 1),
    forward("engine/resnet18-16", "the same, 16 rows", { try Fixtures.resnet() }, rows: 16),
  ]

  /// Weight noise as it is served: fresh draws for every row and sample.
  private static func monteCarlo(
    _ name: String, _ summary: String, over: String? = nil, _ graph: @escaping @Sendable () throws -> Graph, rows: Int,
    samples: Int, threads: Int, _ precision: Plan.Precision = .float32, antithetic: Bool = false
  ) -> Bench {
    Bench(name, summary, over: over) {
      if precision == .bfloat16, !Plan.hasBfloat16 { throw Skip(reason: "this CPU has no bf16 products") }
      let graph = try graph(), model = try Model(graph, precision: precision)
      let images = Fixtures.images(rows, graph.inputs[0].dimensions.dropFirst().compactMap { $0 })
      let seeds = (0..<rows).map { UInt64($0) }
      return {
        _ = try model.sampledOutputs(
          images, NoiseDraws(0..<samples, seeds: seeds, antithetic: antithetic), threads: threads)
      }
    }
  }

  static let monteCarlo: [Bench] = [
    monteCarlo(
      "engine/mlp-mc64-1", "MLP, one row, 64 samples of weight noise, one core", { try Fixtures.mlp(sigma: 0.05) },
      rows: 1, samples: 64, threads: 1),
    monteCarlo(
      "engine/mlp-mc64-64", "the same, 64 rows", { try Fixtures.mlp(sigma: 0.05) }, rows: 64, samples: 64, threads: 1),
    Bench("engine/resnet18-16-passes-1", "ResNet-18, one row, 16 deterministic passes, two cores") {
      let model = try Model(Fixtures.resnet()), images = Fixtures.images(1, [3, 32, 32])
      return { try Parallel.twice { for _ in 0..<8 { _ = try model.outputs(images) } } }
    },
    monteCarlo(
      "engine/resnet18-mc16-1", "ResNet-18, one row, 16 samples of weight noise, two cores",
      over: "engine/resnet18-16-passes-1", { try Fixtures.resnet(sigma: 0.01) }, rows: 1, samples: 16, threads: 2),
    Bench("engine/resnet18-16-passes-16", "ResNet-18, 16 rows, 16 deterministic passes, two cores") {
      let model = try Model(Fixtures.resnet()), images = Fixtures.images(16, [3, 32, 32])
      return { try Parallel.twice { for _ in 0..<8 { _ = try model.outputs(images) } } }
    },
    monteCarlo(
      "engine/resnet18-mc16-16", "ResNet-18, 16 rows, 16 samples of weight noise, fresh for every row, two cores",
      over: "engine/resnet18-16-passes-16", { try Fixtures.resnet(sigma: 0.01) }, rows: 16, samples: 16, threads: 2),
    monteCarlo(
      "engine/resnet18-mc16-1-antithetic", "ResNet-18, one row, 8 pairs of antithetic samples, two cores",
      over: "engine/resnet18-16-passes-1", { try Fixtures.resnet(sigma: 0.01) }, rows: 1, samples: 16, threads: 2,
      antithetic: true),
    monteCarlo(
      "engine/resnet18-mc16-1-bf16", "ResNet-18, one row, 16 samples, bf16, two cores",
      over: "engine/resnet18-16-passes-1", { try Fixtures.resnet(sigma: 0.01) }, rows: 1, samples: 16, threads: 2,
      .bfloat16),
    monteCarlo(
      "engine/resnet18-mc16-16-bf16", "ResNet-18, 16 rows, 16 samples, bf16, two cores",
      over: "engine/resnet18-16-passes-16", { try Fixtures.resnet(sigma: 0.01) }, rows: 16, samples: 16, threads: 2,
      .bfloat16),
  ]

  /// Forward, cross-entropy's place taken by a fixed gradient, backward, and SGD with momentum.
  private static func training(
    _ name: String, _ summary: String, over: String? = nil, sigma: Float? = nil, _ precision: Plan.Precision = .float32
  ) -> Bench {
    Bench(name, summary, over: over) {
      if precision == .bfloat16, !Plan.hasBfloat16 { throw Skip(reason: "this CPU has no bf16 products") }
      let step = try Fixtures.trainingStep(sigma: sigma, precision)
      return { step.run() }
    }
  }

  static let resnetTraining: [Bench] = [
    training("engine/resnet18-train-128", "ResNet-18, a training step of 128 images, two cores"),
    training("engine/resnet18-train-128-bf16", "the same, products in bf16", .bfloat16),
    training(
      "engine/resnet18-train-128-noise", "the same in fp32, with weight noise", over: "engine/resnet18-train-128",
      sigma: 0.01),
    training(
      "engine/resnet18-train-128-bf16-noise", "the same in bf16, with weight noise",
      over: "engine/resnet18-train-128-bf16", sigma: 0.01, .bfloat16),
  ]
}

private enum Parallel {
  /// On two threads, both at once.
  static func twice(_ body: @Sendable () throws -> Void) throws {
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: 2) { _ in
      do { try body() } catch { failure.withLock { $0 = error } }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
