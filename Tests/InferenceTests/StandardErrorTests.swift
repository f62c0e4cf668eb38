import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

@Suite("Monte-Carlo standard error")
struct StandardErrorTests {
  /// Values of draws whose normal is `address`'s: a function of it, and with pairs of it and its negative.
  private func values(_ count: Int, pairs: Bool, seed: UInt64, _ f: (Double) -> Double) -> [Double] {
    let address = NoiseAddress(seed: seed, site: 0, sample: 0), normals = address.normals(count)
    return (0..<count).map { i in
      pairs ? f((i % 2 == 0 ? 1 : -1) * Double(normals[i / 2])) : f(Double(normals[i]))
    }
  }

  @Test("of independent draws, and of pairs' means, by their definitions")
  func definitions() throws {
    #expect(StandardError.ofMean([1.0, 3.0]) == 1)
    let values: [Double] = (0..<16).map { Double(($0 * 7) % 5) }
    let means = stride(from: 0, to: 16, by: 2).map { (values[$0] + values[$0 + 1]) / 2 }
    let mean = means.reduce(0, +) / 8
    let expected = (means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 7 / 8).squareRoot()
    #expect(try abs(#require(StandardError.ofMean(values, antithetic: true)) - expected) < 1e-12)
  }

  @Test("what cannot be known is not said")
  func unknown() {
    #expect(StandardError.ofMean([Double]()) == nil && StandardError.ofMean([0.5]) == nil)
    #expect(StandardError.ofMean([0.2, 0.8], antithetic: true) == nil)
    #expect(StandardError.ofMean([0.2, 0.8, 0.3], antithetic: true) == nil)
    #expect(StandardError.ofMean([0.2, .nan, 0.3, 0.4], antithetic: true)?.isNaN == true)
  }

  @Test("two pairs that agree by chance do not make an error of 0")
  func fewPairs() throws {
    let error = try #require(StandardError.ofMean([0, 1, 1, 0], antithetic: true))
    #expect(abs(error - (1.0 / 3 / 4).squareRoot()) < 1e-12)
  }

  @Test(
    "it is how far means are from the truth, whether noise is even or odd in the answer",
    arguments: [false, true], [32, 33, 96])
  func meansWhatItSays(_ pairs: Bool, _ count: Int) throws {
    for (f, truth) in [({ $0 * $0 }, 1), ({ $0 + 0.2 * $0 * $0 }, 0.2)] as [((Double) -> Double, Double)] {
      var squares = 0.0, said = 0.0
      for trial in 0..<2000 {
        let all = values(count, pairs: pairs, seed: UInt64(trial), f)
        let miss = all.reduce(0, +) / Double(count) - truth
        squares += miss * miss
        let error = try #require(StandardError.ofMean(all, antithetic: pairs))
        said += error * error
      }
      #expect(abs((said / squares).squareRoot() - 1) < 0.08)
    }
  }

  /// Logits of noisy inputs: linear in them, or of their absolute values, which at inputs of 0 are even in the noise.
  static func model(even: Bool) throws -> Model {
    let builder = GraphBuilder(name: "pair"), x = builder.input("x", [2])
    let w: [Float] = even ? [1, 0, -1, 0, 0, 1, 0, -1] : [0.5, 0.2, -0.3, 0.4, 1, 0, 0, 1]
    var hidden = try builder.dense(x, builder.parameter("w", Tensor([4, 2], w)), nil, name: "fc")
    if even { hidden = try builder.relu(hidden) }
    let v: [Float] = even ? [1, 1, 0, 0, 0, 0, -1, -1] : [1, -1, 0.5, 0, -1, 1, 0, 0.5]
    let logits = try builder.dense(hidden, builder.parameter("v", Tensor([2, 4], v)), nil, name: "out")
    var graph = builder.finish(outputs: [("logits", logits)])
    graph.noise = NoiseModel([.init(.input, sigma: 0.5)])
    return try Model(graph)
  }

  @Test("a tolerance is met by the error that is reported, or not at all", arguments: [false, true], [false, true])
  func tolerance(_ even: Bool, _ pairs: Bool) throws {
    let predictor = MonteCarloPredictor(try Self.model(even: even))
    let inputs = even ? Tensor(zeros: [5, 2]) : Tensor.random([5, 2], seed: 3)
    for tolerance in [0.05, 0.02, 0.01, 0.005] {
      for most in [1, 2, 3, 5, 16, 4096] {
        let answer = try predictor.predict(
          inputs, Sampling(.tolerance(tolerance, most: most), seed: 4, antithetic: pairs))
        let errors = answer.predictions.map { $0[LargestStandardError.self]?.first }
        let independent = Double(pairs ? answer.samples / 2 : answer.samples)
        let isMet = 1 <= tolerance * independent && errors.allSatisfy { $0.map { $0 <= tolerance } ?? false }
        #expect(isMet == (answer.stopReason == .toleranceMet), "\(tolerance), at most \(most): \(errors)")
        #expect(isMet || answer.samples == most)
      }
    }
  }

  @Test("answers of pairs are as far from the truth as they say", arguments: [false, true])
  func pairsOfAModel(_ even: Bool) throws {
    let predictor = MonteCarloPredictor(try Self.model(even: even)),
      inputs = Tensor([1, 2], even ? [0, 0] : [0.8, -0.5])
    let truth = try predictor.predict(inputs, Sampling(.samples(40_000), seed: 1)).predictions[0].mean[0]
    var squares = 0.0, said = 0.0, asIfIndependent = 0.0
    for seed in 100..<400 {
      let found = try predictor.predict(inputs, Sampling(.samples(32), seed: UInt64(seed), antithetic: true))
      let prediction = found.predictions[0], miss = prediction.mean[0] - truth
      let error = try #require(prediction[LargestStandardError.self]?.first)
      let deviation = try #require(prediction[StandardDeviation.self]?.max())
      squares += miss * miss
      said += error * error
      asIfIndependent += deviation * deviation / 32
    }
    #expect(abs((said / squares).squareRoot() - 1) < 0.15)
    // Taken for independent draws it would be far from that, either way.
    #expect(even ? asIfIndependent < 0.7 * squares : asIfIndependent > 2 * squares)
  }
}
