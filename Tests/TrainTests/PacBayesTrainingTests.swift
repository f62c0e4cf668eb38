import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTrain
import Foundation
import Testing

/// A prior that is learned on some rows, and a posterior that lowers a bound on the others.
@Suite("PAC-Bayes with a learned prior")
struct PacBayesTrainingTests {
  private static func strategy(_ settings: [String: String]) throws -> PacBayesTraining {
    try Parameters.overlay(settings, on: PacBayesTraining(), of: "pac_bayes")
  }

  @Test("the KL weighs as the bound's slopes say, by differences", arguments: PacBayesTraining.Objective.allCases)
  func slopes(_ objective: PacBayesTraining.Objective) throws {
    let strategy = try Self.strategy(["objective": objective.rawValue])
    for (risk, divergence, n) in [(0.02, 300.0, 30_000), (0.3, 5, 200), (0.001, 0, 1000)] {
      func bound(_ r: Double, _ kl: Double) -> Double { strategy.bound(risk: r, divergence: kl, examples: n) }
      let h = 1e-6, step = 1e-3
      let ofRisk = (bound(risk + h, divergence) - bound(risk - h, divergence)) / (2 * h)
      let ofDivergence =
        (bound(risk, divergence + step) - bound(risk, max(divergence - step, 0)))
        / (divergence > 0 ? 2 * step : step)
      let wanted = log(1e5) * ofDivergence / ofRisk
      let found = strategy.weight(risk: risk, divergence: divergence, examples: n)
      #expect(abs(found / wanted - 1) < 1e-3, "\(risk), \(divergence), \(n)")
    }
  }

  @Test("each bound is its formula; the best λ is the best of many")
  func formulas() throws {
    let risk = 0.03, kl = 40.0, n = 5000
    let b = (kl + log(2 * Double(n).squareRoot() / 0.025)) / (2 * Double(n))
    func bound(_ name: String) throws -> Double {
      try Self.strategy(["objective": name]).bound(risk: risk, divergence: kl, examples: n)
    }
    let classic = try bound("classic"), quad = try bound("quad"), lambda = try bound("lambda")
    #expect(abs(classic - risk - b.squareRoot()) < 1e-12)
    #expect(abs(quad - pow((risk + b).squareRoot() + b.squareRoot(), 2)) < 1e-12)
    let many = (1..<2000).map { Double($0) / 1000 }.map { risk / (1 - $0 / 2) + 2 * b / ($0 * (1 - $0 / 2)) }
    let least = many.min() ?? 0
    #expect(lambda <= least && least - lambda < 1e-5)
    // All of them bound what the inverse of the coins' divergence does, and none is below it.
    let inverse = Statistics.inverseCoinDivergence(risk, 2 * b)
    #expect(inverse < quad && inverse < classic && inverse < lambda)
    let strategy = try Self.strategy([:])
    #expect(abs(strategy.risk([0, 100, Float(log(1e5) / 2)]) - 0.5) < 1e-6)
    for (key, value) in [("share", "1"), ("until", "0"), ("delta", "0.6"), ("penalty", "2"), ("least", "0.5")] {
      #expect(throws: (any Error).self) { try Self.strategy([key: value]) }
    }
  }

  // MARK: runs

  private static func recipe(_ extra: String = "", seed: Int = 3) throws -> Recipe {
    try Recipe(
      yaml: """
        name: test
        data: iris
        model: {kind: mlp, hidden: []}
        optimizer: {kind: adam, rate: 0.02}
        noise: [{site: weights, sigma: 0.1, learned: element}]
        strategies: [{kind: pac_bayes, share: 0.5, until: 0.5}]
        epochs: 30
        batch: 32
        seed: \(seed)
        \(extra)
        """)
  }

  /// Two halves of space, with a twentieth of the labels swapped; or labels of chance.
  private static func data(_ count: Int, seed: UInt64, isRandom: Bool = false) -> Dataset {
    let x = Tensor([count, 3], NoiseAddress(seed: seed).normals(count * 3))
    let chance = NoiseAddress(seed: seed, site: 1).uniforms(count)
    let labels = (0..<count).map { row -> Int in
      let side = x.row(row).reduce(0, +) > 0 ? 1 : 0
      return isRandom ? (chance[row] < 0.5 ? 0 : 1) : chance[row] < 0.05 ? 1 - side : side
    }
    return Dataset(name: "sides", inputs: x, labels: labels, classNames: ["-", "+"])
  }

  /// The prior and the posterior of a run.
  private static func trained(_ recipe: Recipe, _ data: Dataset) throws -> (prior: Graph, posterior: Graph) {
    let trainer = try Trainer(recipe, data: data, threads: 1)
    try trainer.run(shouldStop: { !trainer.isInPrior })
    let prior = try trainer.snapshot()
    try trainer.run()
    let kept = try #require(try trainer.priorGraph())
    #expect(try kept.onnx() == prior.onnx())
    return (prior, try trainer.snapshot())
  }

  private static func numbers(_ graph: Graph, _ name: String) throws -> Tensor {
    let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == name })
    guard case .float(let tensor)? = graph.literals[id] else { return Tensor([0], []) }
    return tensor
  }

  @Test("the prior does not know the rows that it has not seen; the posterior does, and its biases are the prior's")
  func independence() throws {
    let recipe = try Self.recipe(), data = Self.data(200, seed: 5)
    let unseen = try TrainingPart(recipe, data).split(by: PriorPhase(share: 0.5, until: 0.5)).unseen
    #expect(unseen.count == 100)
    var inputs = data.inputs, labels = try data.labels
    for row in unseen {
      for i in 0..<3 { inputs.elements[row * 3 + i] = 9 - inputs.elements[row * 3 + i] }
      labels[row] = 1 - labels[row]
    }
    let other = Dataset(name: "sides", inputs: inputs, labels: labels, classNames: ["-", "+"])
    let one = try Self.trained(recipe, data), two = try Self.trained(recipe, other)
    #expect(try one.prior.onnx() == two.prior.onnx())
    #expect(try one.posterior.onnx() != two.posterior.onnx())
    #expect(try Self.numbers(one.posterior, "dense0.bias") == Self.numbers(one.prior, "dense0.bias"))
    let divergence = try one.posterior.weightDivergence(from: one.prior)
    #expect(divergence > 0 && divergence < 50, "\(divergence)")
    let sigma = try Self.numbers(one.prior, "dense0.weight.sigma")
    #expect(sigma.elements.allSatisfy { abs($0 - 0.1) < 1e-6 })
  }

  @Test("steps in which its schedule is 0 move neither the prior's deviations nor the posterior's biases")
  func schedule() throws {
    let text = try Self.recipe().text.replacing(
      "until: 0.5}", with: "until: 0.5, schedule: {kind: cosine, warmup: 0.5}}")
    let found = try Self.trained(Recipe(yaml: text), Self.data(200, seed: 5))
    let sigma = try Self.numbers(found.prior, "dense0.weight.sigma")
    #expect(sigma.elements.allSatisfy { abs($0 - 0.1) < 1e-6 })
    #expect(try Self.numbers(found.posterior, "dense0.bias") == Self.numbers(found.prior, "dense0.bias"))
    #expect(try found.posterior.weightDivergence(from: found.prior) > 0)
  }

  @Test("a network with statistics of batches is refused: they would be of rows that the prior has not seen")
  func statistics() throws {
    let text = try Self.recipe().text.replacing("hidden: []", with: "hidden: [4], normalization: batch")
    let recipe = try Recipe(yaml: text)
    #expect {
      try Trainer(recipe, data: Self.data(200, seed: 5), threads: 1)
    } throws: { "\($0)".contains("normalization by batches") }
  }

  /// The share of wrong answers of networks with weights of their own for each example, by hand.
  private static func gibbsRisk(_ graph: Graph, _ data: Dataset, draws: Int, seed: UInt64) throws -> Double {
    let weight = try numbers(graph, "dense0.weight"), sigma = try numbers(graph, "dense0.weight.sigma")
    let bias = try numbers(graph, "dense0.bias"), isByInput = weight.shape == [3, 2]
    let labels = try data.labels
    var wrong = 0
    for row in 0..<data.count {
      let x = Array(data.inputs.row(row))
      for draw in 0..<draws {
        let e = NoiseAddress(seed: seed, site: UInt32(row), sample: UInt32(draw)).normals(6)
        let logits = (0..<2).map { c in
          (0..<3).reduce(bias.elements[c]) { sum, i in
            let at = isByInput ? i * 2 + c : c * 3 + i
            return sum + x[i] * (weight.elements[at] + sigma.elements[at] * e[at])
          }
        }
        if (logits[1] > logits[0] ? 1 : 0) != labels[row] { wrong += 1 }
      }
    }
    return Double(wrong) / Double(data.count * draws)
  }

  private static func certificate(_ recipe: Recipe, _ data: Dataset) throws -> (bound: Double, posterior: Graph) {
    let (prior, posterior) = try trained(recipe, data)
    let part = try TrainingPart(recipe, data).split(by: PriorPhase(share: 0.5, until: 0.5))
    let unseen = data.rows(part.unseen)
    let bound = PacBayesBound(
      empiricalRisk: try gibbsRisk(posterior, unseen, draws: 5, seed: 11), draws: 5 * unseen.count,
      examples: unseen.count, divergence: try posterior.weightDivergence(from: prior), deltaOfDraws: 0.01,
      deltaOfExamples: 0.025)
    return (bound.bound, posterior)
  }

  @Test("the certificate lies above the risk of fresh data, for every seed", arguments: [1, 2, 3])
  func simulation(_ seed: Int) throws {
    let recipe = try Self.recipe(seed: seed), data = Self.data(1000, seed: UInt64(100 + seed))
    let (bound, posterior) = try Self.certificate(recipe, data)
    let truth = try Self.gibbsRisk(posterior, Self.data(20_000, seed: 7), draws: 1, seed: 13)
    #expect(truth < bound && bound < 0.25, "\(truth), \(bound)")
    // Labels that say nothing leave it with nothing to say.
    let (vacuous, _) = try Self.certificate(recipe, Self.data(1000, seed: UInt64(200 + seed), isRandom: true))
    #expect(vacuous > 0.5, "\(vacuous)")
  }

  @Test(
    "keys that know no prior are refused, and one epoch",
    arguments: [
      ("average: ema", "average"), ("patience: 2\nvalidation: 50", "patience"), ("posterior: swag", "posterior"),
      ("epochs: 1", "epochs"),
    ])
  func refused(_ extra: String, _ key: String) throws {
    var text = try Self.recipe().text
    if key == "epochs" { text = text.replacing("epochs: 30", with: "") }
    let recipe = try Recipe(yaml: text + "\n" + extra)
    #expect { try Trainer(recipe, data: Self.data(200, seed: 5), threads: 1) } throws: { "\($0)".contains(key) }
  }

  @Test("a table that its rows have standardized is refused: a prior would know all of them")
  func table() throws {
    var table = Self.data(200, seed: 5)
    table.standardizedColumns = [0]
    let recipe = try Self.recipe()
    #expect { try Trainer(recipe, data: table, threads: 1) } throws: { "\($0)".contains("standardized") }
  }
}
