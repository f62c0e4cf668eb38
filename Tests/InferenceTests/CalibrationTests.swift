import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Calibration")
struct CalibrationTests {
  /// Logits of examples whose labels are drawn from a softmax of their mean, as wide as `scale` makes them.
  private static func sample(count: Int, draws: Int, scale: Double, noise: Double) -> (
    logits: [[Double]], labels: [Int]
  ) {
    var logits: [[Double]] = [], labels: [Int] = []
    for example in 0..<count {
      let address = NoiseAddress(seed: UInt64(example)), mean = address.normals(3).map(Double.init)
      let p = softmax(mean), u = Double(address.uniform(7))
      labels.append(u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2)
      let noises = NoiseAddress(seed: UInt64(example), site: 1).normals(3 * draws).map(Double.init)
      logits.append((0..<draws * 3).map { scale * (mean[$0 % 3] + noise * noises[$0]) })
    }
    return (logits, labels)
  }

  private static func softmax(_ z: [Double]) -> [Double] {
    let e = z.map { exp($0) }, sum = e.reduce(0, +)
    return e.map { $0 / sum }
  }

  /// The loss that `Temperature.fit` is to minimize, as its definition says it.
  private static func loss(_ logits: [[Double]], _ labels: [Int], _ temperature: Double) -> Double {
    zip(logits, labels).map { z, label in
      let draws = stride(from: 0, to: z.count, by: 3).map { softmax(z[$0..<$0 + 3].map { $0 / temperature })[label] }
      return -log(draws.reduce(0, +) / Double(draws.count))
    }.reduce(0, +)
  }

  @Test("the temperature of several draws is the best of a fine grid", arguments: [1, 2, 8], [0.2, 1, 5])
  func temperature(_ draws: Int, _ scale: Double) throws {
    let (logits, labels) = Self.sample(count: 300, draws: draws, scale: scale, noise: 0.5)
    let found = try Temperature.fit(logits: logits, classes: 3, labels: labels)
    let grid = stride(from: -1, through: 1, by: 0.01).map { found * exp($0) }
    let best = grid.map { Self.loss(logits, labels, $0) }.min() ?? 0
    #expect(Self.loss(logits, labels, found) <= best + 1e-9)
    if draws == 1 { return }
    // Scaling the mean of the logits, as a deterministic model's, is another problem with another answer.
    let means = logits.map { z in
      (0..<3).map { c in stride(from: c, to: z.count, by: 3).map { z[$0] }.reduce(0, +) / Double(draws) }
    }
    #expect(try abs(Temperature.fit(logits: means, labels: labels) / found - 1) > 0.01)
  }

  @Test("sets hold the class as often where rows repeat, by either rule")
  func repeatedRows() throws {
    let builder = GraphBuilder(name: "categories"), x = builder.input("x", [5])
    let w = builder.parameter("w", .random([4, 5], seed: 6, from: -1.5, to: 1.5))
    let model = try Model(builder.finish(outputs: [("y", try builder.dense(x, w, nil))]))
    let kinds = Tensor.random([5, 5], seed: 8, from: -1, to: 1), outputs = try model.outputs(kinds)
    let p = model.signature.meanProbabilities(outputs, rows: 5)
    /// So many rows, each one of the five, with labels as likely as the model says.
    func rows(_ count: Int, _ seed: UInt64) -> (rows: [Int], labels: [Int]) {
      let address = NoiseAddress(seed: seed), which = address.uniforms(count), draws = NoiseAddress(seed: seed + 1)
      let chosen = which.map { min(Int($0 * 5), 4) }
      let labels = zip(chosen, draws.uniforms(count)).map { kind, u in
        var sum = 0.0
        return p[kind].firstIndex {
          sum += $0; return Double(u) < sum
        } ?? 3
      }
      return (chosen, labels)
    }
    for rule in [Conformal.Score.lac, .aps] {
      var held = 0, asked = 0
      for seed in 0..<40 as Range<UInt64> {
        let known = rows(200, 100 + 10 * seed), fresh = rows(300, 105 + 10 * seed)
        let fitted = try ModelCalibration(
          fitting: model, inputs: kinds.rows(at: known.rows), labels: known.labels, samples: 0, seed: seed)
        let thresholds = fitted.thresholds(coverage: 0.9, rule, classes: 4)
        for (kind, label) in zip(fresh.rows, fresh.labels) {
          let answer = model.signature.meanProbabilities(
            outputs.rows(kind..<kind + 1), rows: 1, temperature: fitted.temperature)[0]
          let set = Conformal.set(
            answer, rule, thresholds: thresholds, u: Conformal.chance(seed: seed + 7, example: kinds.row(kind)))
          held += set.contains(label) ? 1 : 0
          asked += 1
        }
      }
      // Ties between copies make sets larger, never smaller; 40 calibrations of 100 scores each leave a point.
      #expect(Double(held) / Double(asked) > 0.88, "\(rule): \(Double(held) / Double(asked))")
    }
  }

  @Test(
    "a temperature that nothing bounds is refused",
    arguments: [
      // Every answer is right: the likelihood rises with 1/T for ever.
      ("each answered right", [[4, 0, 0], [0, 4, 0], [0, 0, 0.5]], [0, 1, 2]),
      // Of two draws too, where the mean answers.
      ("each answered right", [[4, 0, 0, 0, 1, 0], [0, 4, 0, 0, 3, 0], [0, 0, 1, 0, 0, 2]], [0, 1, 2]),
      // The likeliest classes are wrong more often than chance would have it.
      ("1024 or above", [[4, 0, 0], [0, 4, 0], [0, 0, 4]], [1, 2, 2]),
      // Logits that say nothing.
      ("1024 or above", [[1, 1, 1], [1, 1, 1]], [0, 1]),
      // Ties only: the likelihood no longer changes where T is small.
      ("1/1024 or below", [[4, 4, 0], [0, 4, 0]], [1, 1]),
    ])
  func unbounded(_ words: String, _ logits: [[Double]], _ labels: [Int]) {
    #expect {
      _ = try Temperature.fit(logits: logits, classes: 3, labels: labels)
    } throws: { error in
      let said = "\(error)"
      return (error as? InferenceError)?.category == .invalidArgument && said.contains(words)
        && said.contains("answered wrongly") && said.contains("send more examples")
    }
  }

  /// Its logits are three times its inputs: too sure of itself where labels follow the inputs' softmax.
  private static func tripled(sigma: Float?) throws -> Model {
    let builder = GraphBuilder(name: "tripled"), x = builder.input("x", [3])
    let weight = builder.parameter("w", Tensor([3, 3], [3, 0, 0, 0, 3, 0, 0, 0, 3]))
    var graph = builder.finish(outputs: [("logits", try builder.dense(x, weight, nil, name: "fc"))])
    if let sigma { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return try Model(graph)
  }

  private static func examples(_ seeds: Range<UInt64>) -> (inputs: Tensor, labels: [Int]) {
    var inputs: [Float] = [], labels: [Int] = []
    for seed in seeds {
      let address = NoiseAddress(seed: seed, site: 2), z = address.normals(3), p = softmax(z.map(Double.init))
      let u = Double(NoiseAddress(seed: seed, site: 3).uniform(0))
      inputs += z
      labels.append(u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2)
    }
    return (Tensor([labels.count, 3], inputs), labels)
  }

  @Test("a model too sure by three is cooled by three, and its measures get better")
  func fits() throws {
    let (inputs, labels) = Self.examples(0..<4000)
    let found = try ModelCalibration(
      fitting: Self.tripled(sigma: nil), inputs: inputs, labels: labels, samples: 8, seed: 1)
    #expect(abs(found.temperature - 3) < 0.3 && found.samples == 0)
    #expect(found.temperatureExamples == 2000 && found.conformalExamples == 2000)
    #expect(found.after.negativeLogLikelihood < found.before.negativeLogLikelihood)
    #expect(found.after.brier < found.before.brier)
    #expect(found.after.expectedCalibrationError < found.before.expectedCalibrationError / 2)
    let again = try JSONDecoder().decode(ModelCalibration.self, from: JSONEncoder().encode(found))
    #expect(again == found)
  }

  @Test("sets of new examples hold the true class as often as asked", arguments: Conformal.Score.allCases, [nil, 0.2])
  func coverage(_ rule: Conformal.Score, _ sigma: Float?) throws {
    let model = try Self.tripled(sigma: sigma), (inputs, labels) = Self.examples(0..<2000)
    let found = try ModelCalibration(fitting: model, inputs: inputs, labels: labels, samples: 8, seed: 1)
    let (fresh, truth) = Self.examples(10_000..<14_000)
    let predictor = MonteCarloPredictor(model)
    let answers = try predictor.predict(
      fresh, Sampling(.samples(found.samples), temperature: found.temperature), seeds: (0..<4000).map { mixSeed(9, $0) }
    ).predictions
    for coverage in [0.5, 0.8, 0.9, 0.95] {
      let threshold = found.threshold(coverage: coverage, rule)
      let sets = answers.enumerated().map {
        Conformal.set(
          $1.mean, rule, threshold: threshold, u: Conformal.chance(seed: 9, example: fresh.row($0)))
      }
      let covered = zip(sets, truth).count { $0.contains($1) }
      // Five standard errors of 1000 thresholds' and 4000 sets' chance.
      let error = (coverage * (1 - coverage) * (1.0 / 1000 + 1.0 / 4000)).squareRoot()
      #expect(abs(Double(covered) / 4000 - coverage) < 5 * error, "\(coverage)")
    }
  }

  @Test(
    "class-conditional sets hold the true class as often as asked in each class", arguments: Conformal.Score.allCases)
  func coverageByClass(_ rule: Conformal.Score) throws {
    // The third class is rare, and the model holds too little of it.
    func examples(_ range: Range<UInt64>) -> (Tensor, [Int]) {
      let (inputs, labels) = Self.examples(range)
      let shifted = inputs.elements.enumerated().map { $0 % 3 == 2 ? $1 - 1 : $1 }
      let rows = labels.indices.filter { labels[$0] != 2 || $0 % 4 == 0 }
      return (Tensor(inputs.shape, shifted).rows(at: rows), rows.map { labels[$0] })
    }
    let model = try Self.tripled(sigma: nil), (inputs, labels) = examples(0..<4000)
    func fit(_ byClass: Bool) throws -> ModelCalibration {
      try ModelCalibration(
        fitting: model, inputs: inputs, labels: labels, samples: 0, seed: 1, classConditional: byClass)
    }
    let found = try fit(true), counts = try #require(found.classExamples)
    #expect(counts.reduce(0, +) == found.conformalExamples && found.isClassConditional)
    #expect(try JSONDecoder().decode(ModelCalibration.self, from: JSONEncoder().encode(found)) == found)
    let (fresh, truth) = examples(20_000..<26_000)
    let answers = try MonteCarloPredictor(model).predict(
      fresh, Sampling(.samples(0), temperature: found.temperature), seeds: truth.indices.map { mixSeed(9, UInt64($0)) }
    ).predictions
    func covered(by fitted: ModelCalibration, _ coverage: Double) -> [(share: Double, n: Double)] {
      let thresholds = fitted.thresholds(coverage: coverage, rule, classes: 3)
      let isCovered = answers.enumerated().map { row, answer in
        let u = Conformal.chance(seed: 9, example: fresh.row(row))
        return Conformal.set(answer.mean, rule, thresholds: thresholds, u: u).contains(truth[row])
      }
      return (0..<3).map { label in
        let own = truth.indices.filter { truth[$0] == label }
        return (Double(own.count { isCovered[$0] }) / Double(own.count), Double(own.count))
      }
    }
    for coverage in [0.5, 0.8, 0.9] {
      for (label, held) in covered(by: found, coverage).enumerated() {
        // Five standard errors of a threshold's and of the sets' chance.
        let error = (coverage * (1 - coverage) * (1 / Double(counts[label]) + 1 / held.n)).squareRoot()
        #expect(abs(held.share - coverage) < 5 * error, "class \(label), \(coverage): \(held.share)")
      }
    }
    // With one threshold for all, the rare class pays.
    #expect(try covered(by: fit(false), 0.8)[2].share < 0.7)
  }

  @Test("a class with too few examples is in every set, and only above the coverage that it has examples for")
  func fewOfAClass() throws {
    let (inputs, labels) = Self.examples(0..<400)
    let rare = labels.indices.filter { labels[$0] == 1 }.prefix(10), rows = labels.indices.filter { labels[$0] != 1 }
    let found = try ModelCalibration(
      fitting: Self.tripled(sigma: nil), inputs: inputs.rows(at: rows + rare), labels: (rows + rare).map { labels[$0] },
      samples: 0, seed: 1, classConditional: true)
    let few = try #require(found.classExamples)[1]
    #expect(few < 10 && found.mostCoverage == Double(few) / Double(few + 1))
    for rule in Conformal.Score.allCases {
      let thresholds = found.thresholds(coverage: 0.95, rule, classes: 3)
      #expect(thresholds.map(\.isFinite) == [true, false, true])
      #expect(Conformal.set([0.99, 0.001, 0.009], rule, thresholds: thresholds, u: 0.5).contains(1))
      #expect(found.thresholds(coverage: found.mostCoverage, rule, classes: 3)[1].isFinite)
    }
  }

  @Test("randomized APS does not name every class of a sharp model")
  func sharp() {
    let p = (0..<400).map { $0 % 10 == 0 ? [0.6, 0.3, 0.06, 0.04] : [0.9999, 0.00005, 0.00003, 0.00002] }
    let labels = (0..<400).map { $0 % 30 == 0 ? 1 : 0 }
    let u = (0..<400).map { Conformal.chance(seed: 3, example: [Float($0)]) }
    let threshold = Conformal.threshold(
      p.indices.map { Conformal.score(p[$0], labels[$0], .aps, u: u[$0]) }, alpha: 0.1)
    let sizes = p.indices.map { Conformal.set(p[$0], .aps, threshold: threshold, u: u[$0]).count }
    #expect(sizes.reduce(0, +) < 400 * 3 / 2)
  }

  @Test("an example's chance is its own: under one seed uniform over examples, under another another one")
  func chance() {
    let u = (0..<4000).map { Conformal.chance(seed: 6, example: [Float($0), 1]) }.sorted()
    // Kolmogorov and Smirnov: above 1.95 / √n with probability 0.001.
    let distance = u.enumerated().map { max(abs($1 - Double($0) / 4000), abs($1 - Double($0 + 1) / 4000)) }.max() ?? 1
    #expect(distance < 1.95 / 4000.squareRoot())
    #expect(Conformal.chance(seed: 6, example: [1, 2]) == Conformal.chance(seed: 6, example: [1, 2]))
    #expect(Conformal.chance(seed: 7, example: [1, 2]) != Conformal.chance(seed: 6, example: [1, 2]))
    #expect(Conformal.chance(seed: 6, example: [2, 1]) != Conformal.chance(seed: 6, example: [1, 2]))
  }

  @Test(
    "a set that shall not be empty has the likeliest class, and is else as it was", arguments: Conformal.Score.allCases)
  func neverEmpty(_ rule: Conformal.Score) {
    for (p, threshold) in [([0.4, 0.35, 0.25], 0.2), ([0.9, 0.06, 0.04], 0.05), ([0.5, 0.3, 0.2], 0.99)] {
      let plain = Conformal.set(p, rule, threshold: threshold, u: 0.01)
      let kept = Conformal.set(p, rule, threshold: threshold, u: 0.01, neverEmpty: true)
      #expect(kept == (plain.isEmpty ? [0] : plain))
    }
    #expect(Conformal.set([0.4, 0.35, 0.25], rule, threshold: 0.2).isEmpty)
    #expect(Conformal.set([.nan, .nan], rule, threshold: 0.2, neverEmpty: true).isEmpty)
  }

  @Test("what calibrates nothing is refused")
  func refusals() throws {
    let model = try Self.tripled(sigma: nil), (inputs, labels) = Self.examples(0..<50)
    func refuses(_ inputs: Tensor, _ labels: [Int], _ words: String) {
      #expect {
        _ = try ModelCalibration(fitting: model, inputs: inputs, labels: labels, samples: 0, seed: 1)
      } throws: {
        ($0 as? any AnyFault).map { $0.category == .invalidArgument && $0.description.contains(words) } ?? false
      }
    }
    refuses(inputs.rows(0..<39), Array(labels[..<39]), "at least 40")
    refuses(inputs, labels.map { $0 + 1 }, "label")
    refuses(inputs, Array(labels.dropLast()), "49")
    refuses(inputs.map { _ in .nan }, labels, "finite")
    let own = try model.outputs(inputs).labels()
    refuses(inputs, own, "25, each answered right")
  }
}
