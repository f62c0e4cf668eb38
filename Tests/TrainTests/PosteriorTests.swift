import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// Several networks kept of one training.
@Suite("Posteriors of the path")
struct PosteriorTests {
  private static func recipe(_ posterior: String, extra: String = "") throws -> Recipe {
    try Recipe(
      yaml: """
        name: test
        data: iris
        model: {kind: mlp, hidden: [8], normalization: batch}
        optimizer: {kind: sgd, rate: 0.1, momentum: 0.9}
        schedule: constant
        epochs: 6
        batch: 32
        seed: 5
        posterior: \(posterior)
        \(extra)
        """)
  }

  /// Buffers of a posterior that has taken a path.
  private final class Kept {
    var flat: [Float]
    let count: Int, buffers: Int
    init(_ posterior: any Posterior, _ path: [[Float]]) {
      count = path[0].count
      buffers = posterior.bufferCount
      flat = [Float](repeating: 0, count: count * buffers)
      for (number, values) in path.enumerated() {
        with { buffers in values.withUnsafeBufferPointer { posterior.take($0, number, into: buffers) } }
      }
    }
    func with<Result>(_ body: ([UnsafeMutableBufferPointer<Float>]) -> Result) -> Result {
      flat.withUnsafeMutableBufferPointer { all in
        body((0..<buffers).map { UnsafeMutableBufferPointer(rebasing: all[$0 * count..<($0 + 1) * count]) })
      }
    }
  }

  @Test("SWAG's draws have the path's mean, half its variance, and half the covariance of its last deviations")
  func moments() throws {
    let swag = try Parameters.overlay(["rank": "4"], on: SWAG(), of: "swag")
    let path = (0..<9).map { step in
      let draws = NoiseAddress(seed: 4, sample: UInt32(step)).normals(3)
      return [5 + 0.1 * draws[0], 0.2 * draws[1] + 0.1 * draws[0], draws[2]]
    }
    let kept = Kept(swag, path), n = 8000
    let draws = (0..<n).map { index in
      kept.with { swag.member(index, 9, from: $0, draws: NoiseAddress(seed: 1, sample: UInt32(index))) }
    }
    // Written out from the paper: running means, and the deviation of each step from the mean as it was then.
    var mean = [Double](repeating: 0, count: 3), squares = mean, deviations: [[Double]] = []
    for (step, values) in path.enumerated() {
      for i in 0..<3 {
        mean[i] = (mean[i] * Double(step) + Double(values[i])) / Double(step + 1)
        squares[i] = (squares[i] * Double(step) + Double(values[i]) * Double(values[i])) / Double(step + 1)
      }
      deviations.append((0..<3).map { Double(values[$0]) - mean[$0] })
    }
    for a in 0..<3 {
      let found = draws.reduce(0.0) { $0 + Double($1[a]) } / Double(n)
      for b in 0..<3 {
        let low = deviations.suffix(4).reduce(0.0) { $0 + $1[a] * $1[b] } / (2 * 3)
        let wanted = low + (a == b ? (squares[a] - mean[a] * mean[a]) / 2 : 0)
        let covariance = draws.reduce(0.0) { $0 + (Double($1[a]) - mean[a]) * (Double($1[b]) - mean[b]) } / Double(n)
        let scale = (squares[a] - mean[a] * mean[a]) * (squares[b] - mean[b] * mean[b])
        #expect(abs(covariance - wanted) < 0.04 * scale.squareRoot(), "\(a), \(b): \(covariance) for \(wanted)")
      }
      #expect(abs(found - mean[a]) < 0.02)
    }
    #expect(
      kept.with { swag.center(9, from: $0) }.map { zip($0, mean).allSatisfy { abs(Double($0) - $1) < 1e-5 } } == true)
  }

  @Test(
    "snapshots are those of the steps that were asked for",
    arguments: [
      ("{members: 4}", [21, 24, 27, 30]), ("{members: 3, after: 0.7}", [24, 27, 30]),
      ("{members: 2, after: 0, every: 8}", [24, 16]), ("{members: 3, cycles: 5}", [24, 30, 18]),
    ] as [(String, [Int])])
  func snapshots(_ keys: String, _ steps: [Int]) throws {
    let recipe = try Self.recipe("{kind: snapshots, " + keys.dropFirst())
    let posterior = try #require(recipe.posterior), run = RunLength(steps: 30, stepsPerEpoch: 5)
    let pace = posterior.pace(run), path = (1...30).compactMap { pace.number(behind: $0) == nil ? nil : [Float($0)] }
    let kept = Kept(posterior, path)
    let found = (0..<posterior.members).map { index in
      kept.with { posterior.member(index, path.count, from: $0, draws: NoiseAddress(seed: 1)) }
    }
    #expect(found == steps.map { [Float($0)] } && pace.taken(in: 30) == path.count)
  }

  @Test(
    "a model of each is served, better than chance, and goes on to the same bytes", arguments: Catalog.posteriors.names)
  func trained(_ name: String) throws {
    let own = ["swag": ", after: 0.5, every: 4, rank: 3", "snapshots": ", after: 0.5"]
    let keys = "{kind: \(name), members: 3\(own[name] ?? "")}"
    let recipe = try Self.recipe(keys), data = GoalTests.sides()
    let (whole, parts) = try Halves.run(recipe, data, steps: 33)
    let graph = try whole.snapshot(), bytes = try graph.onnx()
    #expect(try parts.snapshot().onnx() == bytes)
    #expect(graph.noise?.members == 3)
    // Weights, biases, and what normalizations know are each member's own.
    let names = graph.literals.keys.map { graph.valueNames[$0.index] }.filter { $0.hasSuffix(".samples") }
    #expect(names.count == 7, "\(names)")
    let model = try Model(onnx: bytes), found = try Evaluation(model, data, threads: 1)
    #expect(try #require(found.accuracy) > 0.9 && #require(found.noisyAccuracy) > 0.9)
    let draws = try model.sampledOutputs(data.inputs, NoiseDraws(0..<3, seeds: [UInt64](repeating: 1, count: 256)))
    #expect(Set((0..<3).map { draws.elements[$0 * 512] }).count == 3)
    func check<P: Posterior>(_ posterior: P) {
      #expect(throws: (any Error).self) { try Parameters.overlay(["members": "1"], on: posterior, of: name) }
    }
    check(try Catalog.posteriors.entry(named: name).init())
  }

  @Test("a sampler's snapshots: SGLD's posterior of a line is as wide as it should be")
  func sampler() throws {
    // −ln p = Σ (x w − y)² + decay · N / 2 · w², a Gaussian of the variance 1 / (2 Σ x² + decay N), biases likewise.
    let data = BayesTests.line(),
      recipe = try Recipe(
        yaml: """
          name: test
          data: iris
          model: {kind: mlp, hidden: []}
          objective: squared_error
          optimizer: {kind: sgld, rate: 0.05}
          schedule: constant
          posterior: {kind: snapshots, members: 64, after: 0.2}
          epochs: 2500
          batch: 64
          seed: 5
          """)
    let trainer = try Trainer(recipe, data: data, threads: 1)
    try trainer.run()
    let graph = try trainer.snapshot()
    let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == "dense0.weight.samples" })
    guard case .float(let samples)? = graph.literals[id] else { return }
    for c in 0..<3 {
      let values = (0..<64).map { Double(samples.elements[$0 * 3 + c]) }, mean = values.reduce(0, +) / 64
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 63
      let precision =
        2
        * (0..<data.count).reduce(0.0) { sum, row in
          let x = Double(data.inputs.elements[row * 3 + c])
          return sum + x * x
        }
      // 64 draws: a relative error of √(2 / 63); columns are nearly independent.
      #expect((0.45...2).contains(variance * precision), "\(variance * precision)")
    }
  }

  @Test("a posterior that the run cannot give is refused before it")
  func refused() throws {
    for keys in [
      "{kind: snapshots, members: 60}", "{kind: swag, after: 0.99}", "{kind: snapshots, members: 8, every: 30}",
    ] {
      let recipe = try Self.recipe(keys)
      let error = #expect(throws: TrainError.self) { try Trainer(recipe, data: GoalTests.sides(), threads: 1) }
      #expect(error?.place == "recipe, 'posterior'", "\(keys)")
    }
    #expect(throws: TrainError.self) { try Self.recipe("swag", extra: "validation: 32\npatience: 3") }
    #expect(throws: TrainError.self) { try Self.recipe("swog") }
    #expect(throws: TrainError.self) { try Self.recipe("swag", extra: "noise: {format: 2, terms: [], members: 3}") }
  }

  @Test("the first network of an ensemble is a training by itself, the others begin anew and differ")
  func ensemble() throws {
    let data = GoalTests.sides(), keys = "posterior: {kind: ensemble, members: 3}"
    func text(_ epochs: Int, _ more: String) -> String {
      """
      name: test
      data: iris
      model: {kind: mlp, hidden: [8]}
      optimizer: {kind: adam, rate: 0.02}
      schedule: {kind: cosine, warmup: 0.2}
      strategies: [{kind: anti_pgd, sigma: 0.05}]
      epochs: \(epochs)
      batch: 32
      seed: 5
      \(more)
      """
    }
    let three = try Trainer(Recipe(yaml: text(6, keys)), data: data, threads: 1)
    let one = try Trainer(Recipe(yaml: text(2, "")), data: data, threads: 1)
    var rates: [Double] = []
    try three.run(record: { rates.append($0.rate) })
    try one.run()
    #expect(rates[0] == rates[2] && rates[1] == rates[5] && rates[0] != rates[1])
    func number(_ graph: Graph, _ name: String) throws -> [Float] {
      let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == name })
      guard case .float(let tensor)? = graph.literals[id] else { return [] }
      return Array(tensor.elements)
    }
    let members = try number(three.snapshot(), "dense0.weight.samples")
    let alone = try number(one.snapshot(), "dense0.weight"), count = alone.count
    #expect(members.count == 3 * count && Array(members[..<count]) == alone)
    #expect(Set((0..<3).map { Array(members[$0 * count..<($0 + 1) * count]) }).count == 3)
    let odd = try Recipe(yaml: text(7, keys))
    #expect { try Trainer(odd, data: data, threads: 1) } throws: { "\($0)".contains("a multiple of 3") }
  }
}
