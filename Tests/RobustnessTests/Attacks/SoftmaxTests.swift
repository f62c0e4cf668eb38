import DitherBasics
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

/// A softmax behind a model moves no decision, so it moves no attack.
@Suite("Attacks through a softmax")
struct SoftmaxTests {
  enum Tail: String, CaseIterable { case softmax, logSoftmax, clipped }

  /// Small.model with logits so many times as large, and what is behind them.
  static func model(_ scale: Float, _ tail: Tail?, sigma: Float = 0) throws -> Model {
    func op(_ type: String, _ inputs: Int = 1) throws -> any OnnxOp {
      try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
        OnnxNode(name: type, type: type, opset: 17, presentInputs: [Bool](repeating: true, count: inputs)))
    }
    let builder = GraphBuilder(name: "small"), input = builder.input("x", [1, 4, 4])
    var x = try builder.flatten(input)
    let first = builder.parameter("w1", .random([24, 16], seed: 3, from: -0.6, to: 0.6))
    x = try builder.relu(builder.dense(x, first, builder.parameter("b1", Tensor(zeros: [24])), name: "fc1"))
    let second = builder.parameter("w2", .random([3, 24], seed: 4, from: -0.6 * scale, to: 0.6 * scale))
    x = try builder.dense(x, second, builder.parameter("b2", Tensor(zeros: [3])), name: "fc2")
    switch tail {
    case nil: break
    case .softmax: x = try builder.softmax(x)
    case .logSoftmax: x = try builder.apply(op("LogSoftmax"), [x])[0]
    case .clipped:
      let low = builder.constant(.float(Tensor([], [1e-7]))), high = builder.constant(.float(Tensor([], [1])))
      x = try builder.apply(op("Clip", 3), [builder.softmax(x), low, high])[0]
    }
    var graph = builder.finish(outputs: [("y", x)])
    if sigma > 0 { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return try Model(graph)
  }

  private func found(
    _ name: String, _ norm: Norm, _ model: Model, draws: Int? = nil
  ) throws -> (points: Tensor, distances: [Double], robust: Int) {
    let inputs = Tensor.random([24, 1, 4, 4], seed: 7, from: 0, to: 1)
    let labels = try model.outputs(inputs).labels(), type = try Catalog.attacks.entry(named: name)
    let examples = Examples(
      inputs, labels.map { .untargeted(label: $0) }, identities: (0..<24).map(UInt64.init))
    var oracle = ModelOracle(model, seed: 5)
    if let draws { oracle = oracle.expectation(over: draws) }
    let result = try type.init().search(examples, in: Ball(norm, epsilon: norm == .linf ? 0.1 : 0.4), asking: &oracle)
    let after = try model.outputs(result.points).labels()
    return (result.points, result.distances, zip(labels, after).count { $0 == $1 })
  }

  @Test("every attack finds the same", arguments: Catalog.attacks.names, Tail.allCases)
  func same(_ name: String, _ tail: Tail) throws {
    let norm = try #require(try Catalog.attacks.entry(named: name).norms.first)
    // At 400 times the logits every probability has rounded to 0 or 1.
    for scale in [1, 400] as [Float] {
      let plain = try found(name, norm, Self.model(scale, nil)), behind = try found(name, norm, Self.model(scale, tail))
      #expect(behind.robust == plain.robust)
      #expect(behind.points == plain.points && behind.distances == plain.distances)
    }
  }

  @Test("through noise too", arguments: ["fgsm", "pgd", "deepfool"])
  func noisy(_ name: String) throws {
    let norm = try #require(try Catalog.attacks.entry(named: name).norms.first)
    let plain = try found(name, norm, Self.model(20, nil, sigma: 0.05), draws: 4)
    let behind = try found(name, norm, Self.model(20, .softmax, sigma: 0.05), draws: 4)
    #expect(behind.points.isClose(to: plain.points, absolute: 1e-5))
  }

  @Test("gradients do not vanish where probabilities round to 1")
  func vanishing() throws {
    let model = try Self.model(400, .softmax), x = Tensor.random([8, 1, 4, 4], seed: 7, from: 0, to: 1)
    let labels = try model.outputs(x).labels()
    let examples = Examples(x, labels.map { .untargeted(label: $0) }, identities: (0..<8).map(UInt64.init))
    var oracle = ModelOracle(model, seed: 1)
    let answer = try oracle.ask(
      Question(x, of: examples, loss: .difference, aims: labels.map { ($0 + 1) % 3 }, wantsGradient: true))
    // Scores and losses are in one unit.
    for row in 0..<8 {
      let scores = Array(answer.scores.row(row))
      #expect(abs(answer.losses[row] - (scores[(labels[row] + 1) % 3] - scores[labels[row]])) < 1e-3)
    }
    #expect(answer.gradient?.elements.contains { $0 != 0 } == true)
  }

  @Test("a median among examples without a find counts them as infinite")
  func median() throws {
    // In a search of one step most examples have none.
    let model = try Self.model(1, nil)
    let report = try Small.runner(of: model, ["deepfool:norm=linf,steps=1", "deepfool:norm=linf,steps=50"], count: 30)
    let found = try report.report(report.runAll()).probes
    for probe in found {
      let lengths = try #require(probe.distances).map { $0 ?? .infinity }.sorted()
      let middle = (lengths[14] + lengths[15]) / 2
      #expect(probe.medianDistance == (middle.isFinite ? middle : nil))
    }
    #expect(found[1].medianDistance != nil)
  }
}
