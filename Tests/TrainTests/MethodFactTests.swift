import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// Claims of papers about their methods, where no other suite holds it.
@Suite("Facts of methods")
struct MethodFactTests {
  // MARK: draws by example and by batch

  private static func noisy(_ term: NoiseTerm?) throws -> Graph {
    let builder = GraphBuilder(), x = builder.input("input", [12])
    let weight = builder.parameter("dense.weight", .random([4, 12], seed: 2))
    let bias = builder.parameter("dense.bias", Tensor(zeros: [4]))
    var graph = builder.finish(outputs: [("logits", try builder.dense(x, weight, bias, name: "dense"))])
    if let term { try graph.train(with: NoiseModel([term])) }
    return graph
  }

  /// The root of the gradient's summed variance over draws, of a batch of `rows` examples.
  private static func spread(_ distribution: String, _ draws: NoiseTerm.Draws, rows: Int) throws -> Double {
    var term = try NoiseTerm(.weights, sigma: 0.3, distribution: distribution)
    term.draws = draws
    let graph = try noisy(term), count = 60
    let batch = Batch(
      inputs: Tensor.random([rows, 12], seed: 4), targets: .classes((0..<rows).map { $0 % 4 }, count: 4))
    let found = try (0..<count).map { number in
      try QuietStep(batch, at: StepPosition(number: number, progress: 0, seed: 5), of: graph).gradient.map(Double.init)
    }
    return found[0].indices.reduce(0.0) { sum, i in
      let mean = found.reduce(0) { $0 + $1[i] } / Double(count)
      return sum + found.reduce(0) { $0 + ($1[i] - mean) * ($1[i] - mean) } / Double(count - 1)
    }.squareRoot()
  }

  /// Kingma et al. 2015, arXiv 1506.02557, 2.1; Wen et al. 2018, arXiv 1803.04386.
  @Test(
    "with draws for each example the gradient's variance falls as one over the batch, with one draw it hardly does",
    arguments: ["gaussian", "laplace", "uniform"])
  func variance(_ distribution: String) throws {
    let few = try Self.spread(distribution, .example, rows: 16)
    let many = try Self.spread(distribution, .example, rows: 256)
    // √16; of 60 draws and 52 numbers each has a relative error of a few hundredths.
    #expect(abs(few / many / 4 - 1) < 0.3, "\(few), \(many)")
    let one = try Self.spread(distribution, .batch, rows: 16), same = try Self.spread(distribution, .batch, rows: 256)
    // Of other data and draws of this kind: one / same 1.2 to 1.65, as more examples point in more directions, and same /
    // many 3.4 to 3.9.
    #expect((0.8...2).contains(one / same) && same > 2.5 * many, "\(one), \(same), \(many)")
    // At equal draws shapes of noise differ little.
    let gaussian = try Self.spread("gaussian", .example, rows: 256)
    #expect((1 / 1.3...1.3).contains(many / gaussian), "\(many) for \(gaussian)")
  }

  // MARK: behind normalization

  @Test(
    "noise behind a normalization is in units of what was normalized: the variance is 1 + σ²", arguments: [0.3, 1.0])
  func normalized(_ sigma: Double) throws {
    let builder = GraphBuilder(), x = builder.input("input", [6]), rows = 4096
    let dense = try builder.dense(
      x, builder.parameter("w", .random([5, 6], seed: 3)), builder.parameter("b", .random([5], seed: 4)))
    let y = try builder.batchNormalization(dense, channels: 5, name: "norm")
    var graph = builder.finish(outputs: [("y", y)])
    graph.noise = NoiseModel([NoiseTerm(.afterNormalization, sigma: Float(sigma))])
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph, moving: true),
      options: .init(rows: rows, path: .exact, parameterGradients: true, batchStatistics: true), noise: graph.noise)
    _ = plan.input().update(fromContentsOf: Tensor.random([rows, 6], seed: 5).elements.map { 7 * $0 + 3 })
    for row in 0..<rows { plan.seeds[row] = UInt64(row) }
    plan.forward()
    for channel in 0..<5 {
      let values = (0..<rows).map { Double(plan.output()[$0 * 5 + channel]) }
      let mean = values.reduce(0, +) / Double(rows)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
      // The standard error of the noise's part is below 2 σ / √rows + σ² √(2 / rows).
      let error = 2 * sigma / Double(rows).squareRoot() + sigma * sigma * (2 / Double(rows)).squareRoot()
      #expect(abs(variance - 1 - sigma * sigma) < 5 * error && abs(mean) < 0.1, "\(variance)")
    }
  }

  // MARK: annealed gradient noise

  /// Neelakantan et al. 2015, arXiv 1511.06807: η is of the variance, so that 0.01 is a deviation of 0.1 at first.
  @Test("gradient noise of the variance η / (1 + t)^γ is sigma √η with an inverse schedule of power γ / 2")
  func annealed() throws {
    let steps = 400.0,
      recipe = """
        [{kind: gradient_noise, sigma: 0.1, schedule: {kind: inverse, span: 400, power: 0.275}}]
        """
    let item = try #require(try EveryStrategyTests.recipe(recipe).strategies.first)
    var strategy = item.strategy
    try strategy.start(on: QuietStep.graph(), .classification(classes: 2))
    for t in [0.0, 9, 399] {
      var sum = 0.0, count = 0.0
      for draw in 0..<400 {
        var at = StepPosition(number: draw, progress: t / steps, seed: 3)
        at.strength = item.schedule?.factor(at: at.progress) ?? 1
        let one = try QuietStep(QuietStep.batch(), at: at), before = one.gradient
        try strategy.gradients(&one.step)
        for (after, before) in zip(one.gradient, before) {
          sum += (Double(after) - Double(before)) * (Double(after) - Double(before))
          count += 1
        }
      }
      let wanted = 0.01 / pow(1 + t, 0.55)
      // A relative error of √(2 / 3200).
      #expect(abs(sum / count / wanted - 1) < 0.13, "\(t): \(sum / count) for \(wanted)")
    }
  }

  // MARK: learned strengths alone

  /// Rakin et al. 2019, arXiv 1811.09310: it is the attack in their loss that keeps α up.
  @Test("a learned strength of weight noise falls to nothing by the gradient of the loss alone")
  func parametricNoise() throws {
    let recipe = try Recipe(
      yaml: """
        name: own
        data: own
        model: {kind: mlp, hidden: []}
        objective: squared_error
        optimizer: {kind: adam, rate: 0.02}
        schedule: cosine
        noise: [{site: weights, sigma: 0.5, scale: relative_to_layer, learned: layer}]
        epochs: 60
        batch: 64
        """)
    let x = Tensor.random([512, 3], seed: 8)
    // Of weights that differ: a layer of equal ones has no deviation, and so no gradient for its factor.
    let values = (0..<512).map { row -> Float in
      let inputs = Array(x.row(row))
      return inputs[0] - 0.7 * inputs[1] + 0.4 * inputs[2]
    }
    let data = Dataset(
      name: "own", inputs: x, targets: .values(Tensor([512, 1], values)), targetNames: ["y"])
    let trainer = try Trainer(recipe, data: data, threads: 1), before = try Self.strength(trainer.snapshot())
    try trainer.run()
    let after = try Self.strength(trainer.snapshot())
    #expect(abs(before - 0.5) < 1e-6 && abs(after) < 0.05, "\(before), \(after)")
  }

  private static func strength(_ graph: Graph) throws -> Float {
    let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == "dense0.weight.sigma" })
    guard case .float(let tensor)? = graph.literals[id] else { throw CancellationError() }
    return try #require(tensor.elements.first)
  }

  // MARK: cyclical sampling

  /// The mixture of Zhang et al. 2020, arXiv 1902.03932, 5.1: 25 Gaussians of variance 0.03, two apart.
  @Test("cyclical SGLD comes to all modes of a mixture, a small constant step to one")
  func modes() {
    let variance = 0.03
    let centers: [(x: Double, y: Double)] = (0..<25).map { (number: Int) -> (x: Double, y: Double) in
      let row = number / 5, column = number % 5
      return (x: Double(2 * row - 4), y: Double(2 * column - 4))
    }
    func nearest(_ x: Double, _ y: Double) -> (mode: Int, squared: Double) {
      let squares: [Double] = centers.map { (center: (x: Double, y: Double)) -> Double in
        let a = center.x - x, b = center.y - y
        return a * a + b * b
      }
      let least = squares.min() ?? 0
      return (squares.firstIndex(of: least) ?? 0, least)
    }
    func slope(_ x: Double, _ y: Double) -> (Double, Double) {
      let least = nearest(x, y).squared
      var (sum, a, b) = (0.0, 0.0, 0.0)
      for center in centers {
        let dx = x - center.x, dy = y - center.y
        let away = dx * dx + dy * dy - least
        let weight = exp(-away / (2 * variance))
        sum += weight
        a += weight * dx
        b += weight * dy
      }
      return (a / sum / variance, b / sum / variance)
    }
    func sampled(_ schedule: any Schedule, rate: Double) -> (modes: Set<Int>, deviation: Double) {
      let chains = 40, steps = 4000
      var sampler = SGLD(), values = [Float](repeating: 0, count: 2 * chains), modes = Set<Int>()
      var (squares, count) = (0.0, 0.0)
      sampler.rate = rate
      for step in 0..<steps {
        let progress = Double(step) / Double(steps)
        let gradient = (0..<chains).flatMap { chain -> [Float] in
          let (a, b) = slope(Double(values[2 * chain]), Double(values[2 * chain + 1]))
          return [Float(a), Float(b)]
        }
        values.withUnsafeMutableBufferPointer { values in
          gradient.withUnsafeBufferPointer { gradient in
            sampler.update(
              ParameterView(
                name: "w", shape: [2 * chains], values: values, gradient: gradient, state: [],
                address: NoiseAddress(seed: 6, site: UInt32(step)), examples: 1),
              rate: rate * schedule.factor(at: progress), step: step + 1)
          }
        }
        // Toward the end of each cycle.
        guard step % 10 == 0, (progress * 10).truncatingRemainder(dividingBy: 1) > 0.9 else { continue }
        for chain in 0..<chains {
          let found = nearest(Double(values[2 * chain]), Double(values[2 * chain + 1]))
          modes.insert(found.mode)
          (squares, count) = (squares + found.squared / 2, count + 1)
        }
      }
      return (modes, (squares / count).squareRoot())
    }
    var cyclical = CyclicalSchedule()
    cyclical.cycles = 10
    let found = sampled(cyclical, rate: 0.055), still = sampled(ConstantSchedule(), rate: 0.002)
    #expect(found.modes.count == 25 && still.modes.count == 1, "\(found.modes.count), \(still.modes.count)")
    // As wide as a mode, within what 4000 correlated draws say.
    #expect(abs(found.deviation / variance.squareRoot() - 1) < 0.15, "\(found.deviation)")
  }

  // MARK: labels and targets

  @Test("label noise leaves the rows that are held out, and those of the test, as they are")
  func labels() throws {
    let data = GoalTests.sides(400)
    let recipe = try EveryStrategyTests.recipe(
      "[{kind: label_noise, rate: 0.3, to: other, fixed: true}]", extra: "validation: 100")
    let held = try #require(try TrainingPart(recipe, data).validation)
    let heldLabels = try held.labels, before = try data.labels
    let clean = (0..<held.count).allSatisfy { (held.inputs.row($0).reduce(0, +) > 0 ? 1 : 0) == heldLabels[$0] }
    #expect(clean)
    let trainer = try Trainer(recipe, data: data, threads: 1)
    try trainer.run()
    // Three tenths of the training's labels are wrong, none of these.
    #expect(try #require(trainer.validated?.accuracy) > 0.75)
    let after = try data.labels
    #expect(after == before)
  }

  @Test("noise on targets leaves the least squares' solution where it is")
  func targets() throws {
    let x = Tensor.random([1024, 2], seed: 8)
    let values = (0..<1024).map { row in 2 * x.row(row).reduce(0, +) + (row % 2 == 0 ? 0.2 : -0.2) }
    let data = Dataset(
      name: "own", inputs: x, targets: .values(Tensor([1024, 1], values)), targetNames: ["y"])
    func weights(_ more: String) throws -> [Float] {
      let recipe = try Recipe(
        yaml: """
          name: own
          data: own
          model: {kind: mlp, hidden: []}
          optimizer: {kind: sgd, rate: 0.1}
          schedule: linear
          epochs: 80
          batch: 64
          \(more)
          """)
      let trainer = try Trainer(recipe, data: data, threads: 1)
      try trainer.run()
      let graph = try trainer.snapshot()
      let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == "dense0.weight" })
      guard case .float(let tensor)? = graph.literals[id] else { throw CancellationError() }
      return tensor.elements
    }
    let plain = try weights(""), noisy = try weights("strategies: [{kind: target_noise, sigma: 0.5}]")
    // Of weights of 1.2; in simulations they differ by up to 0.03.
    #expect(plain.count == 2 && zip(plain, noisy).allSatisfy { abs($0 - $1) < 0.06 }, "\(plain), \(noisy)")
  }
}
