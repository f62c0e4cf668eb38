import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Testing

/// What holds for every strategy of the catalog.
@Suite("Every strategy")
struct EveryStrategyTests {
  static let strategies = Catalog<any Strategy.Type>.strategies

  static func recipe(_ strategies: String, extra: String = "") throws -> Recipe {
    try Recipe(
      yaml: """
        name: test
        data: iris
        model: {kind: mlp, hidden: [8]}
        optimizer: {kind: sgd, rate: 0.1, momentum: 0.9}
        epochs: 6
        batch: 32
        seed: 5
        strategies: \(strategies)
        \(extra)
        """)
  }

  /// Strategies that are about learned strengths of noise, and the one that asks the validation part.
  static let ofStrengths = ["bayes_by_backprop", "pac_bayes", "sigma_by_validation", "sigma_by_gradients"]
  static func needs(_ name: String, validation: Int = 32) -> String {
    (ofStrengths.contains(name) ? "noise: [{site: weights, sigma: 0.05, learned: element}]\n" : "")
      + (name == "sigma_by_validation" ? "validation: \(validation)\n" : "")
  }
  private static func graph(_ name: String) throws -> Graph {
    var graph = try QuietStep.graph()
    if ofStrengths.contains(name) {
      var term = NoiseTerm(.weights, sigma: 0.05)
      term.learned = .element
      try graph.train(with: NoiseModel([term]))
    }
    return graph
  }

  /// Strategies that are for values alone; the others are for classes, or for both.
  static let ofValues = ["target_noise"]
  private static func data(_ name: String) -> Dataset {
    ofValues.contains(name) ? GoalTests.line(128) : GoalTests.sides()
  }

  /// The accuracy of six epochs; where half of them train a prior on half of the rows, those alone.
  private static func least(_ name: String) -> Double { name == PacBayesTraining.name ? 0.8 : 0.9 }

  static func bytes(_ strategies: String, _ extra: String = "", _ data: Dataset? = nil) throws -> [UInt8] {
    let trainer = try Trainer(recipe(strategies, extra: extra), data: data ?? GoalTests.sides(), threads: 1)
    try trainer.run()
    return try trainer.snapshot().onnx()
  }

  /// A strategy with its defaults, ready for the step of ``step(_:_:)``.
  private static func ready(_ kind: any Strategy.Type) throws -> any Strategy {
    var strategy = kind.init()
    try strategy.check()
    try strategy.start(
      on: try graph(kind.name), ofValues.contains(kind.name) ? .regression(width: 2) : .classification(classes: 2))
    return strategy
  }

  @Test("at strength 0 it changes nothing, and far above 1 something", arguments: strategies.entries)
  func strength(_ kind: any Strategy.Type) throws {
    let strategy = try Self.ready(kind), isOfValues = Self.ofValues.contains(kind.name)
    let values = Batch(inputs: QuietStep.batch().inputs, targets: .values(Tensor.random([16, 2], seed: 5)))
    let plain = isOfValues ? values : QuietStep.batch()
    for strength in [0.0, 100] {
      var position = StepPosition(number: 3, progress: 0.5, seed: 7, strength: strength)
      var batch = plain
      try strategy.prepare(&batch, at: position)
      var changes = batch.inputs != plain.inputs || batch.targets != plain.targets
      let one = try QuietStep(
        plain, at: position, of: Self.graph(kind.name), isOfValues ? SquaredError() : CrossEntropy())
      let gradient = one.gradient, values = one.values
      try strategy.gradients(&one.step)
      // The step is the optimizer's to make.
      #expect(one.values == values && one.gradient.allSatisfy(\.isFinite))
      changes = changes || one.gradient != gradient
      position.strength = strength
      try strategy.after(one.step)
      changes = changes || one.values != values
      #expect(changes == (strength > 0), "strength \(strength)")
    }
  }

  @Test("a seed gives the same bytes, also by halves; the network learns", arguments: strategies.names)
  func resumes(_ name: String) throws {
    let recipe = try Self.recipe("[\(name)]", extra: Self.needs(name)), data = Self.data(name)
    let (whole, second) = try Halves.run(recipe, data, steps: 19)
    #expect(try second.snapshot().onnx() == whole.snapshot().onnx())
    let found = try Evaluation(Model(whole.snapshot()), data, threads: 1)
    let quality = try #require(found.accuracy ?? found.rootMeanSquaredError.map { 1 - $0 / 90 })
    #expect(quality > Self.least(name), "of a line, whose deviation is 11.5, an error below 9")
  }

  @Test(
    "takes the binary task too; a regression is learned or refused by the strategy's name",
    arguments: strategies.names.filter { !ofValues.contains($0) })
  func tasks(_ name: String) throws {
    let binary = try Trainer(
      Self.recipe("[\(name)]", extra: "task: binary\n" + Self.needs(name)), data: GoalTests.sides(), threads: 1)
    try binary.run()
    let accuracy = try #require(try Evaluation(Model(binary.snapshot()), GoalTests.sides(), threads: 1).accuracy)
    #expect(accuracy > min(Self.least(name), 0.85))
    do {
      let trainer = try Trainer(
        Self.recipe("[\(name)]", extra: Self.needs(name)), data: GoalTests.line(128), threads: 1)
      try trainer.run()
      let found = try Evaluation(Model(trainer.snapshot()), GoalTests.line(128), threads: 1)
      // The targets' own deviation is 11.5.
      #expect(try #require(found.rootMeanSquaredError) < 9)
    } catch let error as TrainError {
      #expect(error.place == "strategy '\(name)'" && error.expected.contains("classes"))
    }
  }

  @Test("names and keys that are not known are refused with the nearest", arguments: strategies.entries)
  func refused(_ kind: any Strategy.Type) throws {
    func keys<S: Strategy>(_ strategy: S) -> [String] { Parameters.keys(of: strategy) }
    #expect {
      try Self.recipe("[\(kind.name)x]")
    } throws: { "\($0)".contains("did you mean '\(kind.name)'?") && "\($0)".contains("'strategies', item 1") }
    for key in keys(kind.init()) {
      #expect {
        try Self.recipe("[{kind: \(kind.name), \(key)x: 1}]")
      } throws: { "\($0)".contains("did you mean '\(key)'?") }
      // Each parameter has bounds, or a kind.
      #expect(throws: (any Error).self) { try Self.recipe("[{kind: \(kind.name), \(key): [-1]}]") }
    }
  }

  @Test("a schedule is a factor on its strength", arguments: strategies.names)
  func schedules(_ name: String) throws {
    let data = Self.data(name), extra = Self.needs(name), plain = try Self.bytes("[\(name)]", extra, data)
    #expect(try Self.bytes("[{kind: \(name), schedule: constant}]", extra, data) == plain)
    #expect {
      try Self.recipe("[{kind: \(name), schedule: {kind: cosine, warmpu: 1}}]")
    } throws: { "\($0)".contains("did you mean 'warmup'?") }
  }

  @Test("what is for values is refused of classes by its name", arguments: ofValues)
  func classes(_ name: String) throws {
    let error = #expect(throws: TrainError.self) {
      try Trainer(Self.recipe("[\(name)]"), data: GoalTests.sides(), threads: 1)
    }
    #expect(error?.place == "strategy '\(name)'")
  }

  @Test("all of them together learn, and give the same bytes again")
  func together() throws {
    // Without the one that has other rows at first, and no biases behind.
    let names = Self.strategies.names.filter { !Self.ofValues.contains($0) && $0 != PacBayesTraining.name }
    let list = "[\(names.joined(separator: ", "))]", extra = Self.needs("sigma_by_validation")
    let first = try Self.bytes(list, extra)
    #expect(try Self.bytes(list, extra) == first)
    #expect(try first != Self.bytes("[]"))
    let found = try Evaluation(Model(onnx: first), GoalTests.sides(), threads: 1)
    #expect(try #require(found.accuracy) > 0.85)
  }
}

/// One step of a linear network of three inputs and two classes, and the buffers that it works on.
final class QuietStep {
  var step: TrainingStep
  private let buffers: ParameterBuffers

  static func graph() throws -> Graph {
    let builder = GraphBuilder(), x = builder.input("input", [3])
    let weight = builder.parameter("dense.weight", Tensor([2, 3], [0.3, -0.2, 0.1, -0.4, 0.2, 0.5]))
    let bias = builder.parameter("dense.bias", Tensor([2], [0.05, -0.1]))
    return builder.finish(outputs: [("logits", try builder.dense(x, weight, bias, name: "dense"))])
  }

  /// Sixteen rows of two classes.
  static func batch() -> Batch {
    Batch(
      inputs: Tensor.random([16, 3], seed: 4), targets: .classes((0..<16).map { $0 % 2 }, count: 2))
  }

  init(
    _ batch: Batch, at position: StepPosition, of graph: Graph? = nil, _ objective: any Objective = CrossEntropy()
  ) throws {
    let graph = try graph ?? Self.graph(), buffers = ParameterBuffers(graph, moving: true)
    let plan = try Plan(
      graph, parameters: buffers,
      options: .init(
        rows: batch.targets.count, path: graph.noise == nil ? nil : .exact, parameterGradients: true),
      noise: graph.noise)
    self.buffers = buffers
    step = try TrainingStep(batch, at: position, plan, buffers, TrainedParameter.all(of: buffers), objective)
    step.holdout = { _, _ in batch }
  }

  var gradient: [Float] { step.parameters.flatMap { Array($0.gradient) } }
  var values: [Float] { step.parameters.flatMap { Array($0.values) } }
}
