import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTrain
import Foundation
import Testing

/// Regression and binary models from recipe to answer.
@Suite("Tasks of training")
struct GoalTests {
  /// y = 40 + 10 x₀ − 5 x₁ + noise whose deviation is 1 where x₂ < 0 and 4 elsewhere.
  static func line(_ count: Int = 512, columns: Int = 1, seed: UInt64 = 3) -> Dataset {
    let x = Tensor([count, 3], NoiseAddress(seed: seed).normals(count * 3))
    let noise = NoiseAddress(seed: seed, site: 1).normals(count * columns)
    let values = (0..<count).flatMap { row in
      let x = Array(x.row(row))
      return (0..<columns).map { c in
        (40 + 10 * x[0] - 5 * x[1] + (x[2] < 0 ? 1 : 4) * noise[row * columns + c]) * Float(1 + c)
      }
    }
    return Dataset(
      name: "line", inputs: x, targets: .values(Tensor([count, columns], values)),
      targetNames: (0..<columns).map { "y\($0)" })
  }

  static func sides(_ count: Int = 256) -> Dataset {
    let x = Tensor([count, 3], NoiseAddress(seed: 5).normals(count * 3))
    return Dataset(
      name: "sides", inputs: x, labels: (0..<count).map { x.row($0).reduce(0, +) > 0 ? 1 : 0 }, classNames: ["-", "+"])
  }

  static func recipe(_ extra: String) throws -> Recipe {
    try Recipe(
      yaml: """
        name: test
        data: line
        model: {kind: mlp, hidden: [24]}
        optimizer: {kind: adam, rate: 0.02}
        epochs: 20
        batch: 64
        seed: 5
        \(extra)
        """)
  }

  private static func train(_ extra: String, _ data: Dataset) throws -> Model {
    let trainer = try Trainer(recipe(extra), data: data, threads: 1)
    try trainer.run()
    return try Model(onnx: trainer.snapshot().onnx())
  }

  @Test("a regression answers in the unit of its targets")
  func squaredError() throws {
    let model = try Self.train("", Self.line()), test = Self.line(seed: 9)
    #expect(model.signature.task == .regression(width: 1) && model.signature.taskBasis == .metadata)
    #expect(model.signature.labelNames == ["y0"] && model.signature.outputName == "values")
    let found = try Evaluation(model, test, threads: 1)
    // The noise alone is √((1 + 16) / 2) = 2.9, and the targets' deviation 11.5.
    #expect(try #require(found.rootMeanSquaredError) < 3.8)
    #expect(found.accuracy == nil && found.negativeLogLikelihood == nil && found.intervalCoverage == nil)
  }

  @Test("several values have units of their own")
  func severalValues() throws {
    let model = try Self.train("", Self.line(columns: 2)), test = Self.line(64, columns: 2, seed: 9)
    #expect(model.signature.task == .regression(width: 2) && model.signature.labelNames == ["y0", "y1"])
    let outputs = try model.outputs(test.inputs)
    for row in 0..<64 {
      let found = Array(outputs.row(row))
      #expect(abs(found[1] / found[0] - 2) < 0.6 || abs(found[0]) < 15)
    }
  }

  @Test("a Gaussian head learns where the noise is, and its interval covers")
  func gaussian() throws {
    let model = try Self.train("objective: gaussian_likelihood", Self.line(1024)), test = Self.line(seed: 9)
    #expect(model.signature.task == .gaussian(width: 1))
    let found = try Evaluation(model, test, threads: 1)
    #expect(try (0.9...0.99).contains(#require(found.intervalCoverage)))
    let error = try #require(found.rootMeanSquaredError), loss = try #require(found.negativeLogLikelihood)
    // Better than one deviation for all.
    #expect(loss < 0.5 + log((2 * .pi).squareRoot() * error) - 0.1)
    let answers = try MonteCarloPredictor(model).predict(Tensor([2, 3], [0, 0, -1.5, 0, 0, 1.5]), .deterministic)
    let deviations = try answers.predictions.map { try #require($0[AleatoricVariance.self])[0].squareRoot() }
    #expect((0.6...1.9).contains(deviations[0]) && (3...5.5).contains(deviations[1]), "\(deviations)")
  }

  @Test("the pinball's answer has its share of the targets below it", arguments: [0.1, 0.5, 0.9])
  func pinball(_ level: Double) throws {
    let data = Self.line(512), model = try Self.train("objective: {kind: pinball, level: \(level)}", data)
    guard case .values(let targets) = data.targets else { return }
    let outputs = try model.outputs(data.inputs)
    let below = (0..<data.count).count { targets.elements[$0] < outputs.elements[$0] }
    #expect(abs(Double(below) / Double(data.count) - level) < 0.07)
  }

  @Test("a binary model puts out one score and answers with two classes")
  func binary() throws {
    let data = Self.sides(), model = try Self.train("task: binary", data)
    #expect(model.signature.task == .binary && model.signature.labelNames == ["-", "+"])
    let found = try Evaluation(model, data, threads: 1)
    #expect(try #require(found.accuracy) > 0.95 && found.rootMeanSquaredError == nil)
    let trainer = try Trainer(Self.recipe("task: binary"), data: data, threads: 1)
    #expect(
      try Graph(onnx: trainer.snapshot().onnx()).types(rows: 3)[try trainer.snapshot().outputs[0].value.index]?.shape
        == [3, 1])
  }

  @Test("a regression with weight noise says how sure it is, and stops by its validation error")
  func noisy() throws {
    let recipe = try Self.recipe("noise: [{site: weights, sigma: 0.05}]\nvalidation: 128\npatience: 5")
    let trainer = try Trainer(recipe, data: Self.line(), threads: 1)
    var last: TrainProgress?
    try trainer.run(progress: { last = $0 })
    #expect(try #require(last?.validation?.rootMeanSquaredError) < 6 && last?.quality.accuracy == nil)
    #expect(try #require(trainer.validated?.rootMeanSquaredError) <= #require(last?.validation?.rootMeanSquaredError))
    let model = try Model(onnx: trainer.snapshot().onnx())
    let found = try Evaluation(model, Self.line(128, seed: 9), threads: 1)
    #expect(found.noisyNegativeLogLikelihood != nil && found.noisyIntervalCoverage != nil && found.samples == 16)
  }

  @Test("a stopped regression goes on to the same bytes")
  func resumes() throws {
    let recipe = try Self.recipe("objective: gaussian_likelihood\nvalidation: 64\npatience: 50")
    let data = Self.line(256), whole = try Trainer(recipe, data: data, threads: 1)
    try whole.run()
    let first = try Trainer(recipe, data: data, threads: 1)
    var steps = 0
    try first.run(shouldStop: {
      defer { steps += 1 }
      return steps == 30
    })
    let second = try Trainer(recipe, data: data, checkpoint: first.checkpoint(), threads: 1)
    try second.run()
    #expect(try second.snapshot().onnx() == whole.snapshot().onnx() && second.position == whole.position)
  }

  @Test("label smoothing is a strategy, by either key")
  func smoothing() throws {
    let data = Self.sides()
    func bytes(_ extra: String) throws -> [UInt8] {
      var recipe = try Self.recipe(extra)
      recipe.epochs = 2
      let trainer = try Trainer(recipe, data: data, threads: 1)
      try trainer.run()
      return try trainer.snapshot().onnx()
    }
    let smooth = try bytes("label_smoothing: 0.2")
    #expect(try smooth == bytes("strategies: [{kind: label_smoothing, share: 0.2}]"))
    #expect(try smooth != bytes(""))
  }

  @Test(
    "what does not fit is refused by its key, with the nearest name",
    arguments: [
      ("objective: squared_eror", "squared_error"), ("objective: {kind: pinball, levle: 0.3}", "level"),
      ("objective: {kind: pinball, level: 2}", "between 0 and 1"), ("task: regresion", "'regression'"),
      ("task: 3", "one of classification"), ("label_smoothing: 0.1\nobjective: squared_error", "cross_entropy"),
      ("objective: cross_entropy", "a set with classes"), ("task: binary", "regression, as the objective"),
      ("objective: squared_error\ntask: gaussian_regression", "regression, as the objective"),
    ])
  func refused(_ extra: String, _ words: String) {
    let error = #expect(throws: (any Error).self) { try Trainer(Self.recipe(extra), data: Self.line(32), threads: 1) }
    #expect("\(String(describing: error))".contains(words), "\(String(describing: error))")
  }

  @Test("classes are no values, three classes are not binary, and an evaluation wants its own kind of targets")
  func otherTargets() throws {
    #expect(throws: TrainError.self) {
      try Trainer(Self.recipe("objective: squared_error"), data: Self.sides(32), threads: 1)
    }
    let three = Dataset(
      name: "three", inputs: Tensor([3, 3], repeating: 0), labels: [0, 1, 2], classNames: ["a", "b", "c"])
    #expect(throws: TrainError.self) { try Trainer(Self.recipe("task: binary"), data: three, threads: 1) }
    let trainer = try Trainer(Self.recipe(""), data: Self.line(32), threads: 1), model = try Model(trainer.snapshot())
    #expect(throws: TrainError.self) { try Evaluation(model, Self.sides(32), threads: 1) }
    #expect(throws: DatasetError.self) { _ = try Self.line(3).labels }
  }
}
