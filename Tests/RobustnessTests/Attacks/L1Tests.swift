import DitherBasics
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Attacks in l1 use the box as well as the ball.
@Suite("Attacks in l1")
struct L1Tests {
  @Test("the projection is the nearest point of ball and box", arguments: 0..<20)
  func projection(_ seed: UInt64) throws {
    let n = 30, radius = [0.2, 1, 3, 8][Int(seed % 4)]
    // A third of the coordinates at a side of the box.
    let clean = Tensor.random([1, n], seed: seed, from: -0.5, to: 1.5).map { min(max($0, 0), 1) }
    let x = Tensor.random([1, n], seed: seed + 100, from: -1.5, to: 2.5)
    let ball = Ball(.l1, epsilon: radius), found = ball.project(x, around: clean)
    #expect(ball.contains(found, around: clean))
    // The optimum shortens every coordinate by one amount, found here by halves.
    func point(_ cut: Double) -> [Double] {
      (0..<n).map { i in
        let way = Double(x.elements[i] - clean.elements[i]), short = max(abs(way) - cut, 0) * (way < 0 ? -1 : 1)
        return min(max(Double(clean.elements[i]) + short, 0), 1)
      }
    }
    func length(_ y: [Double]) -> Double { zip(y, clean.elements).reduce(0) { $0 + abs($1.0 - Double($1.1)) } }
    var low = 0.0, high = 4.0
    for _ in 0..<60 where length(point(0)) > radius {
      let middle = (low + high) / 2
      if length(point(middle)) > radius { low = middle } else { high = middle }
    }
    let best = point(length(point(0)) > radius ? high : 0)
    for (a, b) in zip(found.elements, best) { #expect(abs(Double(a) - b) < 1e-5) }
  }

  /// Two classes, z = ± (w x + b) / 2: the worst point within a ball and the box is a fractional knapsack.
  private struct Linear {
    let model: Model
    let weights: [Float]
    let bias: Float
    let inputs: Tensor
    let labels: [Int]

    init(features n: Int, examples: Int) throws {
      let w = NoiseAddress(seed: 11).normals(n)
      // Most pixels stand at a side of the box, as those of a digit do.
      let x = Tensor.random([examples, n], seed: 12, from: -1, to: 2).map { min(max($0, 0), 1) }
      let scores = (0..<examples).map { row in zip(x.row(row), w).reduce(Float(0)) { $0 + $1.0 * $1.1 } }
      let b = -scores.sorted()[examples / 2] + 1e-3
      (weights, inputs, bias, labels) = (w, x, b, scores.map { $0 + b > 0 ? 1 : 0 })
      let builder = GraphBuilder(name: "linear"), input = builder.input("x", [n])
      let both = builder.parameter("w", Tensor([2, n], w.map { -$0 / 2 } + w.map { $0 / 2 }))
      let z = try builder.dense(input, both, builder.parameter("b", Tensor([2], [-b / 2, b / 2])), name: "fc")
      model = try Model(builder.finish(outputs: [("z", z)]))
    }

    /// The least margin within the ball: the dearest coordinates first, each as far as its side of the box.
    func worst(_ row: Int, _ epsilon: Double) -> Double {
      let sign: Double = labels[row] == 1 ? 1 : -1, x = inputs.row(row).map(Double.init), w = weights.map(Double.init)
      var margin = sign * (zip(x, w).reduce(0) { $0 + $1.0 * $1.1 } + Double(bias)), left = epsilon
      for i in w.indices.sorted(by: { abs(w[$0]) > abs(w[$1]) }) {
        let room = sign * w[i] > 0 ? x[i] : 1 - x[i], used = min(left, room)
        margin -= used * abs(w[i])
        left -= used
      }
      return margin
    }
  }

  @Test(
    "a linear model breaks where the fractional knapsack says", arguments: ["fgsm", "pgd", "apgd", "apgd_t", "fab"],
    [200, 20])
  func knapsack(_ name: String, features: Int) throws {
    let net = try Linear(features: features, examples: 60)
    for epsilon in features == 20 ? [0.4, 1] : [1.0, 2, 4] {
      let exact = (0..<60).map { net.worst($0, epsilon) > 0 }
      let examples = Examples(
        net.inputs, net.labels.map { .untargeted(label: $0) }, identities: (0..<60).map(UInt64.init))
      var oracle = ModelOracle(net.model, seed: 3)
      let ball = Ball(.l1, epsilon: epsilon)
      let found = try Catalog.attacks.entry(named: name).init().run(on: examples, in: ball, asking: &oracle)
      #expect(ball.contains(found, around: net.inputs))
      let robust = zip(try net.model.outputs(found).labels(), net.labels).map(==)
      // Nothing is broken that cannot be, and next to nothing is left that can.
      for (row, isRobust) in robust.enumerated() where net.worst(row, epsilon) > 1e-3 { #expect(isRobust) }
      #expect(robust.count { $0 } <= exact.count { $0 } + 2, "\(name) at \(epsilon)")
    }
  }

  @Test(
    "of several classes no attack of many steps leaves what one step breaks", arguments: 1...4 as ClosedRange<UInt64>)
  func oneStep(_ seed: UInt64) throws {
    let builder = GraphBuilder(name: "linear"), input = builder.input("x", [20])
    // Scores far apart, as of a model that was trained for long.
    let weights = builder.parameter("w", Tensor.random([4, 20], seed: seed, from: -20, to: 20))
    let model = try Model(
      builder.finish(outputs: [("z", try builder.dense(input, weights, nil, name: "fc"))]))
    let inputs = Tensor.random([60, 20], seed: seed + 50, from: 0, to: 1), labels = try model.outputs(inputs).labels()
    func left(_ name: String) throws -> Int {
      var oracle = ModelOracle(model, seed: 3)
      let examples = Examples(inputs, labels.map { .untargeted(label: $0) }, identities: (0..<60).map(UInt64.init))
      let found = try Catalog.attacks.entry(named: name).init().run(
        on: examples, in: Ball(.l1, epsilon: 0.5), asking: &oracle)
      return zip(try model.outputs(found).labels(), labels).count { $0 == $1 }
    }
    let one = try left("fgsm")
    #expect(one < 60)
    for name in ["apgd", "apgd_t"] { #expect(try left(name) <= one, "\(name)") }
  }

  @Test("the ensemble measures in l1 too, and leaves no more than its first attack")
  func ensemble() throws {
    let model = try Small.model(), inputs = Tensor.random([24, 1, 4, 4], seed: 7, from: 0, to: 1)
    let labels = try model.outputs(inputs).labels(), ball = Ball(.l1, epsilon: 0.8)
    func left(_ attack: some Attack) throws -> Int {
      var oracle = ModelOracle(model, seed: 3)
      let examples = Examples(inputs, labels.map { .untargeted(label: $0) }, identities: (0..<24).map(UInt64.init))
      let found = try attack.run(on: examples, in: ball, asking: &oracle)
      #expect(ball.contains(found, around: inputs))
      return zip(try model.outputs(found).labels(), labels).count { $0 == $1 }
    }
    var all = AutoAttack(), square = Square()
    (all.steps, all.queries, square.queries) = (30, 200, 500)
    var first = APGD()
    first.steps = 30
    let ensemble = try left(all), alone = try left(first), black = try left(square), nothing = try left(NullAttack())
    #expect(ensemble <= alone && ensemble <= black && black < nothing)
  }
}
