import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("PAC-Bayes certificates")
struct PacBayesTests {
  /// Solved by halving in Python; the last one by hand: kl(0‖p) = −ln(1 − p).
  @Test(
    "the inverse of the coins' divergence",
    arguments: [
      (0.01, 0.001, 0.015_123_045_6), (0.1, 0.01, 0.147_675_539_3), (0.5, 0.02, 0.599_008_283_6),
      (0.0, 0.5, 0.393_469_340_3),
    ])
  func inverse(_ q: Double, _ c: Double, _ p: Double) {
    #expect(abs(Statistics.inverseCoinDivergence(q, c) - p) < 1e-9)
    #expect(abs(Statistics.coinDivergence(q, Statistics.inverseCoinDivergence(q, c)) - c) < 1e-9)
    #expect(Statistics.inverseCoinDivergence(q, 0) == q && Statistics.inverseCoinDivergence(q, 1e9) == 1)
  }

  @Test("the bound is the formula's")
  func formula() {
    let found = PacBayesBound(
      empiricalRisk: 0.0229, draws: 300_000, examples: 30_000, divergence: 0, deltaOfDraws: 0.01, deltaOfExamples: 0.025
    )
    let first = Statistics.coinDivergence(0.0229, found.empiricalBound) * 300_000
    let second = Statistics.coinDivergence(found.empiricalBound, found.bound) * 30_000
    #expect(abs(first - log(100)) < 1e-6 && abs(second - log(2 * 30_000.0.squareRoot() / 0.025)) < 1e-6)
    #expect(found.bound > found.empiricalBound && found.empiricalBound > 0.0229 && found.bound < 0.028)
    // A prior that was chosen among eight costs ln 8, and a divergence its size.
    let chosen = PacBayesBound(
      empiricalRisk: 0.0229, draws: 300_000, examples: 30_000, divergence: 5, deltaOfDraws: 0.01,
      deltaOfExamples: 0.025, priors: 8)
    let third = Statistics.coinDivergence(chosen.empiricalBound, chosen.bound) * 30_000
    #expect(abs(third - second - 5 - log(8)) < 1e-6)
  }

  /// Examples with risks of their own, whose mean is known; posteriors that are chosen on the data, with the divergence
  /// that this costs. All that is drawn is drawn anew in each repeat.
  @Test("a known risk is below the bound in at least 1 − δ of 1000 repeats", arguments: [0.05, 0.3])
  func coverage(_ base: Double) {
    let n = 200, draws = 3, delta = 0.1
    var generator = PhiloxGenerator(seed: 7, stream: UInt64(base * 100)), misses = 0
    for _ in 0..<1000 {
      // Eight classifiers of equal prior; the one that looks best is taken: KL = ln 8.
      var best = (risk: 2.0, truth: 0.0)
      for classifier in 0..<8 {
        let truth = base * (1 + 0.1 * Double(classifier))
        var wrong = 0
        for _ in 0..<n {
          // Half of the examples are hard: twice as often wrong; the others never.
          let isHard = Bool.random(using: &generator)
          for _ in 0..<draws where isHard && Double.random(in: 0..<1, using: &generator) < 2 * truth { wrong += 1 }
        }
        let risk = Double(wrong) / Double(n * draws)
        if risk < best.risk { best = (risk, truth) }
      }
      let bound = PacBayesBound(
        empiricalRisk: best.risk, draws: n * draws, examples: n, divergence: log(8), deltaOfDraws: delta / 4,
        deltaOfExamples: 3 * delta / 4)
      if best.truth > bound.bound { misses += 1 }
    }
    #expect(misses <= 100, "\(misses) of 1000")
  }

  @Test("of many priors whose draws are compared, the best is not below its risk on the examples more often than δ₁")
  func chosenByDraws() {
    let n = 100, risk = 0.2, priors = 32, delta = 0.05
    var generator = PhiloxGenerator(seed: 29, stream: 1), misses = 0, alone = 0
    for _ in 0..<300 {
      let least = (0..<priors).map { _ in (0..<n).count { _ in Double.random(in: 0..<1, using: &generator) < risk } }
        .min()
      func bound(_ priors: Int) -> Double {
        PacBayesBound(
          empiricalRisk: Double(least ?? 0) / Double(n), draws: n, examples: n, divergence: 0, deltaOfDraws: delta,
          deltaOfExamples: delta, priors: priors
        ).empiricalBound
      }
      if risk > bound(priors) { misses += 1 }
      if risk > bound(1) { alone += 1 }
    }
    #expect(misses <= 15 && alone > 30, "\(misses), \(alone) of 300")
  }

  /// x in [−1, 1], the class is its sign, and a classifier says whether x is above θ: its risk is |θ| / 2. The posterior
  /// N(m, s²) and one of six priors N(0, σ²) are chosen by what the examples say of them, and then drawn from.
  @Test("where a prior of a grid is chosen on the examples, the risk is below the bound that shares its probability")
  func grid() {
    let n = 100, delta = 0.1, grid = [0.01, 0.03, 0.1, 0.3, 1, 3]
    func normal(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }
    func divergence(_ m: Double, _ s: Double, _ p: Double) -> Double {
      log(p / s) + (s * s + m * m) / (2 * p * p) - 0.5
    }
    var generator = PhiloxGenerator(seed: 17, stream: 1), misses = 0, shared = 0
    for repeated in 0..<1000 {
      let x = (0..<n).map { _ in Double.random(in: -1..<1, using: &generator) }
      // The middle of the gap around 0.
      let below = x.filter { $0 < 0 }.max() ?? -1, above = x.filter { $0 >= 0 }.min() ?? 1
      let m = (below + above) / 2
      var best = (bound: 2.0, s: 0.0, prior: 0.0)
      for s in [0.003, 0.01, 0.03, 0.1] {
        let wrong = x.map { place -> Double in
          let below = normal((place - m) / s)
          return place >= 0 ? 1 - below : below
        }
        let risk = wrong.reduce(0, +) / Double(n)
        for prior in grid {
          let bound = PacBayesBound(
            empiricalRisk: risk, draws: nil, examples: n, divergence: divergence(m, s, prior), deltaOfDraws: delta / 4,
            deltaOfExamples: 3 * delta / 4, priors: grid.count)
          if bound.bound < best.bound { best = (bound.bound, s, prior) }
        }
      }
      let e = NoiseAddress(seed: 23, site: UInt32(repeated)).normals(n)
      let wrong = zip(x, e).count { ($0 > m + best.s * Double($1)) != ($0 >= 0) }
      let found = PacBayesBound(
        empiricalRisk: Double(wrong) / Double(n), draws: n, examples: n, divergence: divergence(m, best.s, best.prior),
        deltaOfDraws: delta / 4, deltaOfExamples: 3 * delta / 4, priors: grid.count)
      // E |θ| / 2 of a normal: folded.
      let folded =
        best.s * (2 / Double.pi).squareRoot() * exp(-m * m / (2 * best.s * best.s))
        + m * (1 - 2 * normal(-m / best.s))
      if folded / 2 > found.bound { misses += 1 }
      if best.prior != grid[0] { shared += 1 }
    }
    #expect(misses <= 100 && shared > 0, "\(misses) of 1000, \(shared)")
  }

  private func summary(_ probe: String, _ model: Model, _ labels: [Int], prior: Model? = nil) throws -> [String: Double]
  {
    let inputs = Tensor.random([labels.count, 1, 4, 4], seed: 9, from: 0, to: 1)
    let plan = try AuditPlan(
      probes: [ProbeSpec(parsing: probe)], seed: 4, exampleCount: labels.count, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "small", digest: "", model: model),
      others: prior.map { [AuditSubject(name: "prior", digest: "", model: $0)] } ?? [],
      data: AuditData(name: "own", inputs: inputs, labels: labels))
    let found = try #require(runner.report(runner.runAll()).probes[0].summary)
    return Dictionary(uniqueKeysWithValues: found.measures.map { ($0.name, $0.value) })
  }

  private static func model(_ sigma: Float) throws -> Model {
    var graph = try Small.model().graph
    graph.noise = NoiseModel([.init(.weights, sigma: sigma)])
    return try Model(graph)
  }

  @Test("the certificate lies above the risk of draws, and of random labels it says next to nothing")
  func probe() throws {
    let model = try Self.model(0.05), count = 400
    let inputs = Tensor.random([count, 1, 4, 4], seed: 9, from: 0, to: 1)
    let own = try model.outputs(inputs).labels()
    let found = try summary("pac_bayes:draws=5", model, own)
    let risk = try #require(found["gibbs_risk"]), bound = try #require(found["certificate"])
    let middle = try #require(found["gibbs_risk_bound"]), averaged = try #require(found["averaged_bound"])
    #expect(risk > 0 && risk < middle && middle < bound && bound < risk + 0.15 && averaged < bound)
    // The risk of all draws, by many of them.
    let many = try #require(summary("pac_bayes:draws=200", model, own)["gibbs_risk"])
    #expect(many <= middle && abs(many - risk) < 0.03)
    var generator = PhiloxGenerator(seed: 3)
    let random = own.map { _ in Int.random(in: 0..<3, using: &generator) }
    let vacuous = try summary("pac_bayes:draws=5", model, random)
    #expect(try #require(vacuous["certificate"]) > 2.0 / 3)
  }

  @Test("with a baseline as the prior its divergence is in the certificate, and the mean of draws has no bound")
  func prior() throws {
    let model = try Self.model(0.04), prior = try Self.model(0.05), count = 300
    let inputs = Tensor.random([count, 1, 4, 4], seed: 9, from: 0, to: 1)
    let own = try model.outputs(inputs).labels()
    let found = try summary("pac_bayes:prior=1,draws=5", model, own, prior: prior)
    let divergence = try #require(found["divergence"]), risk = try #require(found["gibbs_risk"])
    #expect(try abs(divergence - model.graph.weightDivergence(from: prior.graph)) < 1e-9 && divergence > 1)
    let bound = PacBayesBound(
      empiricalRisk: risk, draws: count * 5, examples: count, divergence: divergence, deltaOfDraws: 0.01,
      deltaOfExamples: 0.025)
    #expect(try abs(#require(found["certificate"]) - bound.bound) < 1e-9 && found["averaged_bound"] == nil)
    let tried = try summary("pac_bayes:prior=1,draws=5,priors=8", model, own, prior: prior)
    let ofEight = PacBayesBound(
      empiricalRisk: risk, draws: count * 5, examples: count, divergence: divergence, deltaOfDraws: 0.01,
      deltaOfExamples: 0.025, priors: 8)
    #expect(try abs(#require(tried["certificate"]) - ofEight.bound) < 1e-9 && ofEight.bound > bound.bound)
    for (probe, other) in [
      ("pac_bayes:prior=1,priors=0", prior), ("pac_bayes:prior=1", nil), ("pac_bayes:prior=2", prior),
      ("pac_bayes:prior=0", prior),
    ] {
      #expect(throws: (any Error).self) { try summary(probe, model, own, prior: other) }
    }
  }

  @Test("a model without noise has one draw, and levels that are none are refused")
  func refused() throws {
    let model = try Small.model(), inputs = Tensor.random([40, 1, 4, 4], seed: 9, from: 0, to: 1)
    let own = try model.outputs(inputs).labels(), found = try summary("pac_bayes", model, own)
    #expect(found["gibbs_risk"] == 0 && found["gibbs_risk_bound"] == 0)
    // kl(0‖p) = −ln(1 − p).
    let bound = 1 - exp(-log(2 * 40.0.squareRoot() / 0.025) / 40)
    let certificate = try #require(found["certificate"])
    #expect(abs(certificate - bound) < 1e-9)
    for probe in ["pac_bayes:delta_draws=0", "pac_bayes:delta_examples=0.7", "pac_bayes:draws=0"] {
      #expect(throws: (any Error).self) { try summary(probe, Self.model(0.1), [0, 1, 2]) }
    }
  }
}
