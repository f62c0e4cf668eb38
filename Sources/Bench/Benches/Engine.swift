import DitherGraph
import DitherInference
import DitherTensor

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
    let plan = try Fixtures.plan(Fixtures.mlp(sigma: 0.05), .init(rows: 1, samples: 64, path: .exact))
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

  /// What a caller waits for in process: draws, probabilities and all measures.
  static let mlpPredict = Bench(
    "engine/mlp-predict-mc64", "one row, 64 samples, with all measures", over: "engine/mlp-mc64"
  ) {
    let predictor = MonteCarloPredictor(try Model(Fixtures.mlp(sigma: 0.05))), image = Fixtures.images(1, [784])
    return { _ = try predictor.predict(image, budget: .samples(64), seed: 7) }
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
}
