import DitherGraph
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

/// Models that answer with noise are judged as they are deployed.
@Suite("Random models")
struct RandomModelTests {
  @Test("an attack that does nothing changes nothing")
  func null() throws {
    let model = try Small.model(sigma: 0.5), data = try Small.data(60, for: model)
    let predictor = DeployedPredictor(model, samples: 4, seed: 1), identities = (0..<60).map(UInt64.init)
    let before = try predictor.labels(data.inputs, identities: identities)
    var oracle = ModelOracle(model, seed: 2).expectation(over: 2)
    let examples = Examples(data.inputs, data.labels.map { .untargeted(label: $0) }, identities: identities)
    let found = try NullAttack().run(on: examples, in: Ball(.linf, epsilon: 0.1), asking: &oracle)
    #expect(found == data.inputs)
    #expect(try predictor.labels(found, identities: identities) == before)
    // Noise of this size does err; were its errors the attack's, nothing would be left.
    #expect(zip(before, data.labels).contains { $0 != $1 })
  }

  @Test("in a ball of no radius nothing is credited to an attack", arguments: ["fgsm", "pgd"])
  func noRadius(_ attack: String) throws {
    let runner = try Small.runner(["\(attack):epsilon=0,restarts=2", "clean"], count: 60, sigma: 0.5, samples: 4)
    let report = try runner.report(runner.runAll())
    #expect(report.probes[0].perExample == report.probes[1].perExample)
    #expect(report.probes[0].robustAccuracy == report.probes[0].cleanAccuracy)
    #expect(report.samples == 4 && report.probes[0].noiseOff != nil)
  }

  @Test(
    "what one probe has learned of the examples as they are serves the next and changes nothing", arguments: [0, 0.4])
  func memory(_ sigma: Float) throws {
    let probes = [
      "fgsm:epsilon=0.05", "fgsm:epsilon=0.1", "fgsm:epsilon=0.1,draws=2", "pgd:epsilon=0.05,steps=5",
      "pgd:epsilon=0.1,steps=5,restarts=2", "mi_fgsm:epsilon=0.1,steps=5", "apgd_t:epsilon=0.1,steps=5",
      "deepfool:norm=l2,epsilon=0.2", "fab:epsilon=0.1,steps=5", "square:epsilon=0.1,queries=20",
    ]
    func report(_ probes: [String]) throws -> Report {
      let runner = try Small.runner(probes, count: 40, sigma: sigma, samples: 8)
      return try runner.report(runner.runAll())
    }
    let together = try report(probes)
    for (probe, found) in zip(probes, together.probes) {
      let alone = try report([probe]).probes[0]
      #expect(found == alone, "\(probe)")
    }
  }

  @Test("with the noise off the same attacks are at least as strong as on a model that never had any")
  func noiseOff() throws {
    let probes = [
      "fgsm:epsilon=0.1", "pgd:epsilon=0.1,steps=5", "pgd:norm=l2,epsilon=0.3,steps=5,restarts=2",
      "apgd_t:epsilon=0.1,steps=5", "deepfool:norm=l2,epsilon=0.2", "square:epsilon=0.1,queries=30",
    ]
    func report(_ sigma: Float) throws -> Report {
      let runner = try Small.runner(probes, count: 60, sigma: sigma, samples: 8)
      return try runner.report(runner.runAll())
    }
    let noisy = try report(0.4), plain = try report(0)
    // Examples on which the noise errs are attacked too.
    #expect(noisy.probes[0].perExampleClean != plain.probes[0].perExampleClean)
    for (random, plain) in zip(noisy.probes, plain.probes) {
      let off = try #require(random.noiseOff)
      #expect(off.cleanAccuracy == plain.cleanAccuracy && off.robustAccuracy < off.cleanAccuracy)
      #expect(zip(off.perExample, plain.perExample).allSatisfy { $1 || !$0 }, "\(plain.probe)")
    }
  }

  @Test("expectation over transformation averages gradients")
  func expectation() throws {
    let model = try Small.model(sigma: 0.3), x = Tensor.random([3, 1, 4, 4], seed: 1, from: 0, to: 1)
    let examples = Examples(x, (0..<3).map { .untargeted(label: $0) }, identities: [0, 1, 2])
    func spread(_ draws: Int) throws -> Float {
      var oracle = ModelOracle(model, seed: 5).expectation(over: draws)
      let first = try oracle.lossGradient(at: x, of: examples), second = try oracle.lossGradient(at: x, of: examples)
      #expect(oracle.questions == 6 * draws && oracle.isRandom)
      return worstDifference(first.elements, second.elements)
    }
    let single = try spread(1), many = try spread(1024)
    #expect(single > 0 && many < single / 5)
  }

  @Test("attacks through the noise break more than attacks on a single draw would need luck for")
  func throughNoise() throws {
    let runner = try Small.runner(["pgd:epsilon=0.3,steps=10", "clean"], count: 60, sigma: 0.1, samples: 16)
    let report = try runner.report(runner.runAll())
    #expect(report.probes[0].robustAccuracy < report.probes[1].robustAccuracy - 0.2)
    #expect(zip(report.probes[0].perExample, report.probes[0].perExampleClean).allSatisfy { !$0 || $1 })
  }

  @Test("the attack through one draw a step stands beside it, and counts for nothing else")
  func singleDraw() throws {
    let attack = "pgd:epsilon=0.2,steps=10,draws=32"
    let with = try Small.runner(["\(attack),single_draw=true"], count: 60, sigma: 0.3, samples: 16)
    let without = try Small.runner([attack], count: 60, sigma: 0.3, samples: 16)
    let report = try with.report(with.runAll()), plain = try without.report(without.runAll())
    let naive = try #require(report.probes[0].singleDraw), probe = report.probes[0]
    #expect(plain.probes[0].singleDraw == nil && probe.perExample == plain.probes[0].perExample)
    // It is an attack: it breaks some, and mends nothing.
    #expect(naive.accuracy < probe.cleanAccuracy)
    #expect(zip(naive.perExample, probe.perExampleClean).allSatisfy { !$0 || $1 })
    #expect(naive.perExample != probe.perExample && naive.accuracy >= probe.robustAccuracy - 0.1)
    #expect(report.checks.contains { $0.check == "single_draw_wins" })
    #expect(report.html().contains("attacked through one draw"))
    // A deterministic model has one draw only.
    let still = try Small.runner(["\(attack),single_draw=true"], count: 20)
    #expect(try still.report(still.runAll()).probes[0].singleDraw == nil)
  }

  @Test(
    "least perturbations do not depend on the epsilon that they are compared with",
    arguments: ["deepfool", "cw", "fab"])
  func leastPerturbations(_ attack: String) throws {
    func probe(_ epsilon: Double) throws -> ProbeReport {
      let more = attack == "cw" ? ",steps=40,searches=3" : ""
      let runner = try Small.runner(
        ["\(attack):norm=l2,epsilon=\(epsilon)\(more)"], count: 40, sigma: 0.1, samples: 16)
      return try runner.report(runner.runAll(threads: 2)).probes[0]
    }
    let near = try probe(0.2), far = try probe(4)
    let lengths = try #require(near.distances), others = try #require(far.distances)
    #expect(near.medianDistance == far.medianDistance)
    #expect(lengths == others)
    // Some of so small a net's examples cannot be moved out of their class along the lines tried, inside [0, 1].
    let none = others.count { $0 == nil }
    #expect(none <= 8 && far.perExample.count { $0 } <= none)
    // What is surely wrong within 0.2 is broken in that ball; its edge may break a few more, where the answer trembles.
    #expect(zip(lengths, near.perExample).count { ($0 ?? .infinity) <= 0.2 && $1 } <= 1)
  }

  @Test("a black-box search through the noise is not fooled by the draws of its questions")
  func commonRandomNumbers() throws {
    let runner = try Small.runner(["square:queries=300,epsilon=0.25"], count: 80, sigma: 0.15, samples: 32)
    let report = try runner.report(runner.runAll(threads: 2)), off = try #require(report.probes[0].noiseOff)
    #expect(report.probes[0].robustAccuracy <= off.robustAccuracy + 0.1)
    #expect(report.checks.contains { $0.check == "noise_off_gap" })

    let model = try Small.model(sigma: 0.3), x = Tensor.random([3, 1, 4, 4], seed: 1, from: 0, to: 1)
    let examples = Examples(x, (0..<3).map { .untargeted(label: $0) }, identities: [0, 1, 2])
    var oracle = ModelOracle(model, seed: 5).expectation(over: 4)
    let first = try oracle.answer(at: x, of: examples), again = try oracle.answer(at: x, of: examples)
    #expect(first.scores == again.scores)
    oracle.redraw()
    let redrawn = try oracle.answer(at: x, of: examples), sure = try oracle.answer(at: x, of: examples, isSure: true)
    #expect(redrawn.scores != first.scores && sure.scores != first.scores)
  }

  @Test("draws are added until the expected loss is sure enough, or there are no more")
  func standardError() throws {
    let model = try Small.model(sigma: 0.5), x = Tensor.random([6, 1, 4, 4], seed: 1, from: 0, to: 1)
    let examples = Examples(x, (0..<6).map { .untargeted(label: $0 % 3) }, identities: (0..<6).map(UInt64.init))
    func asked(_ bound: Double, _ most: Int) throws -> ModelOracle {
      var oracle = ModelOracle(model, seed: 5).expectation(over: 8, standardError: bound, mostDraws: most)
      _ = try oracle.lossGradient(at: x, of: examples)
      return oracle
    }
    let loose = try asked(100, 512), tight = try asked(0.05, 4096), bounded = try asked(1e-4, 64)
    #expect(loose.questions == 6 * 8 && loose.uncertainLosses == 0)
    #expect(tight.questions > 6 * 64 && tight.uncertainLosses == 0)
    #expect(bounded.questions == 6 * 64 && bounded.uncertainLosses == 6)
    // What is spent buys what was asked for: two answers of fresh draws are as near as their errors say.
    var oracle = ModelOracle(model, seed: 6).expectation(over: 8, standardError: 0.02, mostDraws: 65_536)
    let question = Question(x, of: examples, isSure: true)
    let first = try oracle.ask(question).losses, second = try oracle.ask(question).losses
    for (a, b) in zip(first, second) {
      let bound: Float = 0.15 * max(1, abs(a))
      #expect(abs(a - b) < bound)
    }
  }

  @Test(
    "what noise alone turns is measured, and is not the attack's",
    arguments: ["fgsm", "apgd:steps=5", "square:queries=20"])
  func noiseFlips(_ attack: String) throws {
    let separator = attack.contains(":") ? "," : ":"
    let runner = try Small.runner(["\(attack)\(separator)epsilon=0", "clean"], count: 120, sigma: 1, samples: 2)
    let report = try runner.report(runner.runAll()), flips = try #require(report.probes[0].noiseFlips)
    #expect(flips.successes > 0 && flips.n == 120)
    #expect(report.probes[0].perExample == report.probes[1].perExample)
    #expect(report.probes[0].interval.low <= report.probes[0].cleanAccuracy)
  }

  @Test(
    "attacks by scores or decisions go through the noise as well",
    arguments: ["square:queries=150", "additive_noise:repeats=20"])
  func blind(_ attack: String) throws {
    let runner = try Small.runner(["\(attack),epsilon=0.4", "clean"], count: 50, sigma: 0.1, samples: 16)
    let report = try runner.report(runner.runAll())
    #expect(report.probes[0].robustAccuracy < report.probes[1].robustAccuracy - 0.05)
  }
}
