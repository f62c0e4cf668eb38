import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("The divergence of two networks' noisy weights")
struct WeightDivergenceTests {
  private static let weights: [Float] = [0.5, -1, 0.25, 2, 0, -0.75],
    moved: [Float] = [0.6, -1.2, 0.25, 1.5, 0.1, -0.5]

  private static func graph(_ weights: [Float], bias: [Float] = [0.1, 0.2], _ noise: NoiseModel? = nil) throws -> Graph
  {
    let builder = GraphBuilder(name: "net")
    let x = builder.input("x", [3])
    let y = try builder.dense(
      x, builder.parameter("dense.weight", Tensor([2, 3], weights)), builder.parameter("dense.bias", Tensor([2], bias)))
    var graph = builder.finish(outputs: [("y", y)])
    graph.noise = noise
    return graph
  }

  private static func noise(_ sigma: Float, _ scale: NoiseModel.Scale = .absolute) -> NoiseModel {
    NoiseModel([NoiseTerm(.weights, sigma: sigma, scale: scale)])
  }

  /// From the formula of two normal distributions.
  private static func sum(_ deviation: (Int) -> Double, _ prior: (Int) -> Double) -> Double {
    weights.indices.reduce(0) { sum, i in
      let (q, p) = (deviation(i), prior(i)), distance = Double(moved[i]) - Double(weights[i])
      return sum + log(p / q) + (q * q + distance * distance) / (2 * p * p) - 0.5
    }
  }

  @Test("is the sum of the weights' closed forms, by every scale") func sums() throws {
    let prior = try Self.graph(Self.weights, Self.noise(0.3))
    let absolute = try Self.graph(Self.moved, Self.noise(0.2)).weightDivergence(from: prior)
    #expect(abs(absolute - Self.sum({ _ in 0.2 }, { _ in 0.3 })) < 1e-5)
    let own: (Int) -> Double = { 0.5 * abs(Double(Self.moved[$0])) }
    let relative = try Self.graph(Self.moved, Self.noise(0.5, .relative)).weightDivergence(from: prior)
    #expect(abs(relative - Self.sum(own, { _ in 0.3 })) < 1e-5)
    let values = Self.moved.map(Double.init), mean = values.reduce(0, +) / 6
    let spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 6).squareRoot()
    let layer = try Self.graph(Self.moved, Self.noise(0.4, .relativeToLayer)).weightDivergence(from: prior)
    #expect(abs(layer - Self.sum({ _ in 0.4 * spread }, { _ in 0.3 })) < 1e-4)
    var learned = try Self.graph(Self.moved)
    let id = try #require(learned.literals.keys.first { learned.valueNames[$0.index] == "dense.weight" })
    let deviations: [Float] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    learned.serve(with: [id: Tensor([2, 3], deviations)])
    let found = try learned.weightDivergence(from: prior)
    #expect(abs(found - Self.sum({ Double(deviations[$0]) }, { _ in 0.3 })) < 1e-5)
    #expect(try prior.weightDivergence(from: prior) == 0)
  }

  @Test("two independent terms are one of both variances") func terms() throws {
    let two = NoiseModel([NoiseTerm(.weights, sigma: 0.3), NoiseTerm(.weights, sigma: 0.4)])
    let a = try Self.graph(Self.moved, two), b = try Self.graph(Self.moved, Self.noise(0.5))
    let prior = try Self.graph(Self.weights, Self.noise(0.3))
    #expect(try abs(a.weightDivergence(from: prior) - b.weightDivergence(from: prior)) < 1e-5)
  }

  @Test("is infinite where the prior leaves a weight as it is, and refused where anything else differs") func refused()
    throws
  {
    let noisy = try Self.graph(Self.moved, Self.noise(0.2)), still = try Self.graph(Self.moved)
    let wide = try Self.graph(Self.weights, Self.noise(0.3))
    // Without noise on them, weights are numbers like others.
    #expect(throws: GraphError.self) { try noisy.weightDivergence(from: still) }
    #expect(throws: GraphError.self) { try still.weightDivergence(from: wide) }
    let other = try Self.graph(Self.moved, bias: [0, 0], Self.noise(0.2))
    #expect { try other.weightDivergence(from: wide) } throws: { "\($0)".contains("rate: 0") }
    var more = NoiseModel([NoiseTerm(.weights, sigma: 0.2), NoiseTerm(.activations, sigma: 0.2)])
    #expect(throws: GraphError.self) { try Self.graph(Self.moved, more).weightDivergence(from: wide) }
    more = Self.noise(0.2)
    more.terms[0].draws = .batch
    #expect(throws: GraphError.self) { try Self.graph(Self.moved, more).weightDivergence(from: wide) }
    // Relative noise leaves a weight of 0 as it is.
    let partly = try Self.graph(Self.weights, Self.noise(0.3, .relative))
    #expect(try noisy.weightDivergence(from: partly) == .infinity)
  }
}
