import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// Distributions of weights that are trained: Bayes by Backprop, IVON, and strengths by rules.
@Suite("Posteriors by gradients")
struct BayesTests {
  private static func strategy(_ settings: [String: String]) throws -> BayesByBackprop {
    try Parameters.overlay(settings, on: BayesByBackprop(), of: "bayes_by_backprop")
  }

  @Test("the KL for a Gaussian prior is the integral, and its gradient the difference", arguments: [0.5, 2])
  func divergence(_ prior: Double) throws {
    let strategy = try Self.strategy(["prior": "\(prior)"])
    for (mu, sigma) in [(0.3, 0.1), (-1.2, 0.7), (0, 2)] {
      // ∫ q ln(q / p), by the trapezoidal rule, which is exact for such integrands.
      let step = sigma / 200
      var integral = 0.0
      for k in -2400...2400 {
        let w = mu + Double(k) * step
        let q = exp(-(w - mu) * (w - mu) / (2 * sigma * sigma)) / (sigma * (2 * Double.pi).squareRoot())
        let ratio = log(prior / sigma) - (w - mu) * (w - mu) / (2 * sigma * sigma) + w * w / (2 * prior * prior)
        integral += q * ratio * step
      }
      #expect(abs(strategy.divergence(mu, sigma) - integral) < 1e-9)
      let slope = strategy.slope(mu, sigma, 0), h = 1e-5
      #expect(
        abs(slope.mean - (strategy.divergence(mu + h, sigma) - strategy.divergence(mu - h, sigma)) / 2 / h) < 1e-6)
      #expect(
        abs(slope.sigma - (strategy.divergence(mu, sigma + h) - strategy.divergence(mu, sigma - h)) / 2 / h) < 1e-6)
    }
  }

  @Test("a mixture's part is the gradient of the densities' logarithms at the draw")
  func mixture() throws {
    let strategy = try Self.strategy(["prior": "0.8", "share": "0.3", "narrow": "0.05"])
    func logRatio(_ mu: Double, _ sigma: Double, _ e: Double) -> Double {
      let w = mu + sigma * e
      func density(_ s: Double) -> Double { exp(-w * w / (2 * s * s)) / (s * (2 * Double.pi).squareRoot()) }
      return -log(sigma) - e * e / 2 - log(0.3 * density(0.8) + 0.7 * density(0.05))
    }
    for (mu, sigma, e) in [(0.1, 0.03, 0.7), (-0.02, 0.01, -1.3), (0.6, 0.2, 0.1)] {
      let slope = strategy.slope(mu, sigma, e), h = 1e-6
      #expect(abs(slope.mean / ((logRatio(mu + h, sigma, e) - logRatio(mu - h, sigma, e)) / 2 / h) - 1) < 1e-4)
      #expect(abs(slope.sigma / ((logRatio(mu, sigma + h, e) - logRatio(mu, sigma - h, e)) / 2 / h) - 1) < 1e-4)
    }
    // A mixture of one Gaussian has its mean gradient.
    let same = try Self.strategy(["prior": "0.8", "share": "0.5", "narrow": "0.8"])
    let draws = NoiseAddress(seed: 3).normals(20_000)
    let mean = draws.reduce(0.0) { $0 + same.slope(0.4, 0.2, Double($1)).sigma } / 20_000
    #expect(abs(mean - (try Self.strategy(["prior": "0.8"])).slope(0.4, 0.2, 0).sigma) < 0.01)
  }

  @Test("an epoch's shares of the KL add up to it", arguments: ["uniform", "blundell"], [1, 7, 300])
  func shares(_ weights: String, _ steps: Int) throws {
    let one = try QuietStep(QuietStep.batch(), at: StepPosition(number: 0, progress: 0, seed: 1), of: Self.noisy())
    var strategy = try Self.strategy(["weights": weights])
    try strategy.start(on: Self.noisy(), .classification(classes: 2))
    let before = one.gradient
    var sum = [Double](repeating: 0, count: before.count), first = 0.0
    for number in 0..<steps {
      var position = StepPosition(number: number, progress: 0, seed: 1)
      (position.examples, position.stepsPerEpoch) = (50, steps)
      one.step.position = position
      let start = one.gradient
      strategy.gradients(&one.step)
      let moved = zip(one.gradient, start).map { Double($0) - Double($1) }
      if number == 0 { first = moved[0] }
      for i in sum.indices { sum[i] += moved[i] }
    }
    // Weights of mean 0 and a prior of 1: the slope for μ is μ, over the examples, for each of the epoch's steps.
    let wanted = Double(one.values[0]) * Double(steps) / 50
    #expect(abs(sum[0] - wanted) < 1e-4 * abs(wanted) + 1e-6)
    if weights == "blundell", steps == 7 { #expect(abs(first / sum[0] - 64.0 / 127) < 1e-3) }
  }

  @Test("around the first weights the prior does not pull them, only their deviations") func start() throws {
    let one = try QuietStep(QuietStep.batch(), at: StepPosition(number: 0, progress: 0, seed: 1), of: Self.noisy())
    for (around, isStill) in [("start", true), ("zero", false)] {
      var strategy = try Self.strategy(["around": around, "prior": "0.1"])
      try strategy.start(on: Self.noisy(), .classification(classes: 2))
      let means = try #require(one.step.parameters.first { $0.name.hasSuffix(".weight") })
      let rho = try #require(one.step.parameters.first { $0.name == means.name + ".rho" })
      let (mean, deviation) = (Array(means.gradient), Array(rho.gradient))
      strategy.gradients(&one.step)
      #expect((Array(means.gradient) == mean) == isStill && Array(rho.gradient) != deviation)
    }
    #expect(throws: (any Error).self) { try Self.strategy(["around": "start", "share": "0.5"]) }
  }

  private static func noisy(_ sigma: Float = 0.05) throws -> Graph {
    var graph = try QuietStep.graph(), term = NoiseTerm(.weights, sigma: sigma)
    term.learned = .element
    try graph.train(with: NoiseModel([term]))
    return graph
  }

  /// A linear model of a noise that is known: y = x w, as the network is trained.
  static let linear = (rows: 64, width: 3)
  static func line() -> Dataset {
    let inputs = Tensor.random([linear.rows, linear.width], seed: 11),
      noise = NoiseAddress(seed: 5).normals(linear.rows)
    let values = (0..<linear.rows).map { row in
      let x = Array(inputs.row(row))
      return 0.9 * x[0] - 0.5 * x[1] + 0.2 * x[2] + 0.6 * noise[row]
    }
    return Dataset(
      name: "line", inputs: inputs, targets: .values(Tensor([linear.rows, 1], values)), targetNames: ["y"])
  }

  @Test(
    "Bayes by Backprop finds the best Gaussian of single weights for a conjugate linear model, wherever it begins",
    arguments: [0.01, 0.5])
  func conjugate(_ start: Double) throws {
    // The squared error is −ln of a normal density of variance ½ but for constants, so that the posterior's precision
    // is 2 XᵀX + 1 / σp². Of Gaussians of single weights the nearest in KL(q ‖ p) has its mean, and the diagonal's
    // inverse.
    let recipe = try Recipe(
      yaml: """
        name: test
        data: iris
        model: {kind: mlp, hidden: []}
        objective: squared_error
        optimizer: {kind: adam, rate: 0.02}
        schedule: cosine
        noise: [{site: weights, sigma: \(start), learned: element}]
        strategies: [{kind: bayes_by_backprop, prior: 0.3}]
        epochs: 1600
        batch: 64
        seed: 5
        """)
    let data = Self.line(), trainer = try Trainer(recipe, data: data, threads: 1)
    try trainer.run()
    let graph = try trainer.snapshot()
    func numbers(_ name: String) throws -> [Double] {
      let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == name })
      guard case .float(let tensor)? = graph.literals[id] else { return [] }
      return tensor.elements.map(Double.init)
    }
    guard case .values(let targets) = data.targets else { return }
    // The bias is a point, at the best place for the mean of the weights: both are centered.
    let n = Self.linear.rows, width = Self.linear.width, prior = 1 / (0.3 * 0.3)
    func centered(_ values: [Double]) -> [Double] {
      let mean = values.reduce(0, +) / Double(n)
      return values.map { $0 - mean }
    }
    func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let raw = (0..<width).map { c in (0..<n).map { Double(data.inputs.elements[$0 * width + c]) } }
    let x = raw.map(centered), off = centered(targets.elements.map(Double.init))
    let deviation = (product(off, off) / Double(n)).squareRoot()
    let precision: [[Double]] = (0..<width).map { a in
      (0..<width).map { b -> Double in 2 * product(x[a], x[b]) + (a == b ? prior : 0) }
    }
    let wanted = Self.solved(precision, x.map { 2 * product($0, off) / deviation })
    let weights = try numbers("dense0.weight"), sigmas = try numbers("dense0.weight.sigma")
    for c in 0..<width {
      // Of the variances the inputs themselves: noise on weights meets them as they are.
      let diagonal = 2 * product(raw[c], raw[c]) + prior
      #expect(abs(weights[c] - wanted[c]) < 0.02, "\(weights) for \(wanted)")
      #expect(abs(sigmas[c] * diagonal.squareRoot() - 1) < 0.03, "\(sigmas[c]) for \(1 / diagonal.squareRoot())")
    }
    #expect(graph.noise?.terms.first?.learned == .element)
  }

  @Test(
    "IVON's deviations of a line are the posterior's, from a start far too wide and far too narrow",
    arguments: [(0.06, 0.1), (150, 0.001)])
  func ivonOfLine(_ hessian: Double, _ rate: Double) throws {
    var recipe = try GoalTests.recipe("objective: squared_error\nschedule: cosine")
    recipe.architecture = try Parameters.overlay(settings: ["hidden": .list([])], on: MLP(), of: "mlp")
    recipe.optimizer = try Parameters.overlay(
      ["rate": "\(rate)", "hessian": "\(hessian)", "beta2": "0.99"], on: IVON(), of: "ivon")
    (recipe.epochs, recipe.batch) = (1500, Self.linear.rows)
    let data = Self.line(), trainer = try Trainer(recipe, data: data, threads: 1)
    try trainer.run()
    let graph = try trainer.snapshot()
    let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == "dense0.weight.sigma" })
    guard case .float(let found)? = graph.literals[id] else { return }
    for c in 0..<3 {
      let precision =
        2
        * (0..<data.count).reduce(0.0) { sum, row in
          let x = Double(data.inputs.elements[row * 3 + c])
          return sum + x * x
        }
      let ratio = Double(found.elements[c]) * precision.squareRoot()
      #expect((1 / 1.5...1.5).contains(ratio), "\(ratio)")
    }
  }

  @Test(
    "strengths by validation end where the grid's best is, from far below it and far above", arguments: [0.01, 0.5])
  func byValidation(_ start: Double) throws {
    // Wide noise of the targets: the likelihood wants more spread than the objective's, and weights must give it.
    let
      inputs = Tensor(
        [512, 8], NoiseAddress(seed: 11).normals(512 * 8)), noise = NoiseAddress(seed: 12).normals(512)
    let values = (0..<512).map { 0.5 * inputs.elements[8 * $0] + noise[$0] }
    let data = Dataset(
      name: "wide", inputs: inputs, targets: .values(Tensor([512, 1], values)), targetNames: ["y"])
    func trained(_ noise: String, _ strategies: String) throws -> (Trainer, Graph) {
      let recipe = try Recipe(
        yaml: """
          name: test
          data: iris
          model: {kind: mlp, hidden: []}
          objective: squared_error
          optimizer: {kind: sgd, rate: 0.01, momentum: 0.9}
          validation: 256
          epochs: 60
          batch: 64
          seed: 5
          noise: [{site: weights, \(noise)}]
          strategies: \(strategies)
          """)
      let trainer = try Trainer(recipe, data: data, threads: 1)
      try trainer.run()
      return (trainer, try trainer.snapshot())
    }
    let (_, found) = try trained(
      "sigma: \(start), learned: layer", "[{kind: sigma_by_validation, every: 1, draws: 16}]")
    let id = try #require(found.literals.keys.first { found.valueNames[$0.index] == "dense0.weight.sigma" })
    guard case .float(let tensor)? = found.literals[id] else { return }
    // A grid of plain trainings, judged by the likelihood of the validation part: its variance is ½ + σ² x², in the
    // targets' deviation.
    let mean = values.reduce(0, +) / 512, part = try TrainingPart(try GoalTests.recipe("validation: 256"), data)
    let held = try #require(part.validation)
    guard case .values(let targets) = held.targets, case .values(let own) = part.examples.targets else { return }
    let center = own.elements.reduce(0, +) / 256
    let scale = (own.elements.reduce(0) { $0 + ($1 - center) * ($1 - center) } / 256).squareRoot()
    #expect(abs(mean) < 1)
    func loss(_ sigma: Double) throws -> Double {
      let (_, graph) = try trained("sigma: \(sigma)", "[]")
      let outputs = try Model(graph).outputs(held.inputs).elements
      return (0..<256).reduce(0.0) { sum, row in
        let x = (0..<8).reduce(0.0) { $0 + pow(Double(held.inputs.elements[8 * row + $1]), 2) }
        let variance = 0.5 + sigma * sigma * x, miss = Double((outputs[row] - targets.elements[row]) / scale)
        return sum + 0.5 * log(variance) + miss * miss / (2 * variance)
      }
    }
    let grid = [0.02, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5]
    let losses = try grid.map(loss), best = grid[try #require(losses.indices.min { losses[$0] < losses[$1] })]
    #expect((best / 1.5...best * 1.5).contains(Double(tensor.elements[0])), "\(tensor.elements[0]) for \(best)")
  }

  @Test("strengths by gradients end at one place, from far below it and far above")
  func byGradients() throws {
    let ends = try [0.01, 0.5].map { start in
      var recipe = try EveryStrategyTests.recipe(
        "[{kind: sigma_by_gradients, target: 0.3, every: 1}]",
        extra: "noise: [{site: weights, sigma: \(start), learned: layer}]\nschedule: constant")
      recipe.epochs = 30
      recipe.optimizer = try Parameters.overlay(["rate": "0.01", "momentum": "0"], on: SGD(), of: "sgd")
      let trainer = try Trainer(recipe, data: GoalTests.sides(), threads: 1)
      try trainer.run()
      let graph = try trainer.snapshot()
      let found = graph.literals.filter { graph.valueNames[$0.key.index].hasSuffix(".sigma") }.values
      return found.reduce(Float(0)) { sum, literal in
        guard case .float(let tensor) = literal else { return sum }
        return sum + tensor.elements[0] / Float(found.count)
      }
    }
    #expect((1 / 1.5...1.5).contains(ends[0] / ends[1]), "\(ends)")
    // At one step: the ratio is 0 without noise, grows with it, and asking moves nothing.
    let ratios = try [1e-6, 0.05, 0.2].map { (sigma: Float) -> Double in
      let noisy = try Self.noisy(sigma)
      var strategy = SigmaByGradients()
      try strategy.start(on: noisy, .classification(classes: 2))
      let one = try QuietStep(QuietStep.batch(), at: StepPosition(number: 3, progress: 0, seed: 7), of: noisy)
      let values = one.values, ratio = try #require(strategy.ratio(one.step))
      #expect(one.values == values)
      return ratio
    }
    #expect(ratios[0] < 1e-4 && ratios[1] > 1e-3 && ratios[2] > 2 * ratios[1], "\(ratios)")
  }

  /// Gauss's elimination.
  private static func solved(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
    var rows = zip(matrix, right).map { $0 + [$1] }
    for pivot in rows.indices {
      for other in rows.indices where other != pivot {
        let factor = rows[other][pivot] / rows[pivot][pivot]
        rows[other] = zip(rows[other], rows[pivot]).map { $0 - factor * $1 }
      }
    }
    return rows.indices.map { rows[$0][right.count] / rows[$0][$0] }
  }

  @Test("IVON's h becomes the curvature of a bowl, and its variance 1 / (λ (D + δ))")
  func curvature() throws {
    let optimizer = try Parameters.overlay(
      ["hessian": "1.0", "beta2": "0.999", "decay": "0.1"], on: IVON(), of: "ivon")
    let curvatures: [Float] = [0.3, 1, 4], each = 60, count = curvatures.count * each
    var values = [Float](repeating: 1, count: count), flat = [Float](repeating: 0, count: 3 * count)
    var least = Float.infinity, sums = [Double](repeating: 0, count: 3), found: [Float] = []
    for step in 1...7000 {
      values.withUnsafeMutableBufferPointer { values in
        flat.withUnsafeMutableBufferPointer { flat in
          let state = (0..<3).map { UnsafeMutableBufferPointer(rebasing: flat[$0 * count..<($0 + 1) * count]) }
          func view(_ gradient: [Float], _ body: (ParameterView) -> Void) {
            gradient.withUnsafeBufferPointer { gradient in
              body(
                ParameterView(
                  name: "w", shape: [count], values: values, gradient: gradient, state: state,
                  address: NoiseAddress(seed: 5, site: UInt32(step)), examples: 100))
            }
          }
          view([Float](repeating: 0, count: count)) { optimizer.prepare($0, step: step) }
          let gradient = values.indices.map { curvatures[$0 / each] * values[$0] }
          view(gradient) {
            optimizer.update($0, rate: 0.1, step: step)
            if step == 7000 { found = optimizer.deviations(of: $0) }
          }
          least = min(least, state[1].min() ?? 0)
        }
      }
      guard step > 6000 else { continue }
      for group in 0..<3 {
        sums[group] += flat[count + group * each..<count + (group + 1) * each].reduce(0.0) { $0 + Double($1) }
      }
    }
    #expect(least > 0)
    for group in 0..<3 {
      let d = Double(curvatures[group]), h = sums[group] / Double(1000 * each)
      #expect(abs(h / d - 1) < 0.02, "\(h) for \(d)")
      let variance =
        found[group * each..<(group + 1) * each].reduce(0.0) { $0 + Double($1) * Double($1) } / Double(each)
      #expect(abs(variance * 100 * (d + 0.1) - 1) < 0.02)
    }
  }

  @Test("a model of IVON is served with its deviations, and stopped training goes on to the same bytes")
  func served() throws {
    let recipe = try EveryStrategyTests.recipe("[]", extra: "")
    var ivon = recipe
    ivon.optimizer = try Parameters.overlay(["rate": "0.3", "hessian": "0.1"], on: IVON(), of: "ivon")
    let (whole, parts) = try Halves.run(ivon, GoalTests.sides(), steps: 19)
    let bytes = try whole.snapshot().onnx()
    #expect(try parts.snapshot().onnx() == bytes)
    let model = try Model(onnx: bytes)
    #expect(model.noise?.terms.map(\.summary) == ["gaussian on weights, σ = 1.0, absolute, learned by element"])
    #expect(try #require(try Evaluation(model, GoalTests.sides(), threads: 1).accuracy) > 0.9)
    ivon.noise = NoiseModel([.init(.weights, sigma: 0.1)])
    #expect(throws: TrainError.self) { try Trainer(ivon, data: GoalTests.sides(), threads: 1) }
  }
}
