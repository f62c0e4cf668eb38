import DitherBasics
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

@Suite("Interval bound propagation")
struct IBPTests {
  /// Nets of every kind of op that has a rule, small weights so that something is certified.
  enum Net: String, CaseIterable {
    case linear, mlp, convolution, averages, residual, smooth, softmax, normalized

    func model(seed: UInt64) throws -> Model {
      let builder = GraphBuilder(name: rawValue), input = builder.input("x", [1, 6, 6])
      var number = seed * 100
      func weights(_ shape: Shape) -> Value {
        number += 1
        let size = 1.2 / Float(shape.row.count).squareRoot()
        return builder.parameter("w\(number)", .random(shape, seed: number, from: -size, to: size))
      }
      func bias(_ count: Int) -> Value {
        number += 1
        return builder.parameter("b\(number)", .random([count], seed: number, from: -0.2, to: 0.2))
      }
      var x = input
      switch self {
      case .linear: x = try builder.dense(builder.flatten(x), weights([4, 36]), bias(4))
      case .mlp, .softmax, .normalized:
        x = try builder.relu(builder.dense(builder.flatten(x), weights([20, 36]), bias(20)))
        x = try builder.relu(builder.dense(x, weights([12, 20]), bias(12)))
        x = try builder.dense(x, weights([4, 12]), bias(4))
        if self == .softmax { x = try builder.softmax(x) }
      case .convolution:
        x = try builder.relu(builder.convolution(x, weights([5, 1, 3, 3]), bias(5), padding: 1))
        x = try builder.maxPool(x, 2)
        x = try builder.batchNormalization(builder.relu(x), channels: 5, name: "bn")
        x = try builder.relu(builder.convolution(x, weights([6, 5, 2, 2]), nil))
        x = try builder.dense(builder.flatten(x), weights([4, 24]), bias(4))
      case .averages:
        x = try builder.convolution(x, weights([5, 1, 3, 3]), bias(5))
        x = try builder.batchNormalization(x, channels: 5, name: "bn")
        x = try builder.flatten(builder.globalAveragePool(builder.relu(x)))
        x = try builder.dense(x, weights([4, 5]), bias(4))
      case .residual:
        let first = try builder.convolution(x, weights([3, 1, 3, 3]), bias(3), padding: 1)
        let second = try builder.convolution(builder.relu(first), weights([3, 3, 3, 3]), bias(3), padding: 1)
        x = try builder.relu(builder.add(first, second))
        x = try builder.dense(builder.flatten(x), weights([4, 108]), bias(4))
      case .smooth:
        x = try builder.tanh(builder.dense(builder.flatten(x), weights([20, 36]), bias(20)))
        x = try builder.sigmoid(builder.dense(x, weights([12, 20]), bias(12)))
        x = try builder.divide(builder.subtract(x, bias(12)), builder.parameter("two", Tensor([12], repeating: 2)))
        x = try builder.dense(x, weights([4, 12]), nil)
      }
      var graph = builder.finish(outputs: [("logits", x)])
      if self == .normalized { graph.metadata[ModelSignature.normalizationKey] = #"{"mean":[0.4],"deviation":[0.3]}"# }
      return try Model(graph)
    }
  }

  private func batch(_ inputs: Tensor, _ labels: [Int]) -> ProbeBatch {
    ProbeBatch(
      inputs: inputs, labels: labels, identities: labels.indices.map(UInt64.init), seed: 3, isFirst: false,
      isCancelled: { false })
  }

  private func certify(_ model: Model, _ inputs: Tensor, _ epsilon: Double) throws -> [Certificate] {
    var ibp = IBP()
    ibp.epsilon = epsilon
    let predictor = DeployedPredictor(model, samples: 0, seed: 1)
    try ibp.check(predictor)
    let labels = try predictor.labels(inputs, identities: (0..<inputs.rowCount).map(UInt64.init))
    return try ibp.certify(batch(inputs, labels), of: predictor).certificates
  }

  @Test("what is certified withstands gradients, corners and chance", arguments: Net.allCases, [0.001, 0.02, 0.06])
  func sound(_ net: Net, _ epsilon: Double) throws {
    var certified = 0
    for seed in UInt64(1)...4 {
      let model = try net.model(seed: seed), inputs = Tensor.random([40, 1, 6, 6], seed: seed + 50, from: 0, to: 1)
      let predictor = DeployedPredictor(model, samples: 0, seed: 1)
      let labels = try predictor.labels(inputs, identities: (0..<40).map(UInt64.init))
      var ibp = IBP()
      ibp.epsilon = epsilon
      let found = try ibp.certify(batch(inputs, labels), of: predictor).certificates
      let rows = found.indices.filter { found[$0].radius == epsilon }
      certified += rows.count
      guard !rows.isEmpty else { continue }
      let examples = Examples(
        inputs.rows(at: rows), rows.map { .untargeted(label: labels[$0]) }, identities: rows.map(UInt64.init))
      let ball = Ball(.linf, epsilon: epsilon)
      var oracle = ModelOracle(model, seed: 5)
      var attack = PGD()
      attack.steps = 20
      var tried = [try attack.run(on: examples, in: ball, asking: &oracle)]
      for chance in UInt32(0)..<20 {
        let point = ball.randomPoint(around: examples, NoiseAddress(seed: 8, sample: chance))
        let corner = (point - examples.inputs).map { $0 < 0 ? -Float(epsilon) : Float(epsilon) }
        tried += [point, ball.project(examples.inputs + corner, around: examples.inputs)]
      }
      for points in tried {
        let answers = try predictor.labels(points, identities: examples.identities)
        #expect(answers == rows.map { labels[$0] })
      }
    }
    // What is normalized by 0.3 moves three times as far.
    let isWide = net == .normalized && epsilon > 0.05
    #expect(certified > 0 || isWide, "nothing was certified, so nothing was tested")
  }

  @Test("one layer is certified exactly, but for rounding")
  func exact() throws {
    let model = try Net.linear.model(seed: 9), inputs = Tensor.random([60, 1, 6, 6], seed: 2, from: 0.2, to: 0.8)
    let id = try #require(model.graph.nodes.compactMap { $0.inputs.count == 3 ? $0.inputs[1] : nil }.first)
    guard case .float(let weights)? = model.graph.literals[id] else {
      Issue.record("the layer's weights are constants")
      return
    }
    let logits = try model.outputs(inputs)
    for row in 0..<60 {
      let label = logits.rows(row..<row + 1).labels()[0], z = Array(logits.row(row))
      // The largest epsilon is the least margin over ‖W_y − W_j‖₁, as long as no pixel meets 0 or 1.
      let largest =
        (0..<4).filter { $0 != label }.map { other in
          let length = zip(weights.row(label), weights.row(other)).reduce(0.0) { $0 + abs(Double($1.0) - Double($1.1)) }
          return (Double(z[label]) - Double(z[other])) / length
        }.min() ?? 0
      guard largest > 1e-3, largest < 0.19 else { continue }
      let x = inputs.rows(row..<row + 1)
      #expect(try certify(model, x, largest * 0.999 - 1e-5)[0].radius > 0)
      #expect(try certify(model, x, largest * 1.001 + 1e-5)[0].radius == 0)
    }
  }

  @Test("a box is no larger than [0, 1]")
  func clipped() throws {
    // Pixels add up to 36 at most, and to 72 in a box that is not cut off.
    let builder = GraphBuilder(name: "sum"), x = builder.input("x", [1, 6, 6])
    let rows = [Float](repeating: 0, count: 36) + [Float](repeating: 1, count: 36)
    let logits = try builder.dense(
      builder.flatten(x), builder.parameter("w", Tensor([2, 36], rows)),
      builder.parameter("b", Tensor([2], [0, -36.5])))
    let model = try Model(builder.finish(outputs: [("logits", logits)]))
    #expect(try certify(model, Tensor([1, 1, 6, 6], repeating: 1), 1)[0].radius == 1)
    #expect(try certify(model, Tensor([1, 1, 6, 6], repeating: 0.5), 0.6)[0].radius == 0.6)
  }

  @Test("radius 0 asks for nothing but the margin")
  func zero() throws {
    for net in Net.allCases {
      let model = try net.model(seed: 1), inputs = Tensor.random([20, 1, 6, 6], seed: 6, from: 0, to: 1)
      let found = try certify(model, inputs, 0)
      #expect(found.allSatisfy { $0.correct && !$0.abstained && $0.n == 0 && $0.alpha == 0 })
    }
  }

  @Test("what it has no rule for is refused by name, before anything runs")
  func refused() throws {
    let builder = GraphBuilder(name: "gelu"), x = builder.input("x", [1, 4, 4])
    let hidden = try builder.gelu(
      builder.dense(
        builder.flatten(x), builder.parameter("w", .random([6, 16], seed: 1)), nil), name: "act")
    let logits = try builder.dense(hidden, builder.parameter("v", .random([3, 6], seed: 2)), nil)
    let model = try Model(builder.finish(outputs: [("logits", logits)]))
    let plan = try AuditPlan(probes: [ProbeSpec("ibp")], exampleCount: 4, inputShape: [1, 4, 4])
    let data = AuditData(name: "d", inputs: .random([4, 1, 4, 4], seed: 3, from: 0, to: 1), labels: [0, 1, 2, 0])
    #expect {
      _ = try AuditRunner(plan: plan, subject: AuditSubject(name: "m", digest: "", model: model), data: data)
    } throws: { error in
      let said = "\(error)"
      return said.contains("Gelu") && said.contains("act") && said.contains("Relu") && said.contains("Conv")
    }
  }

  @Test("a model with noise is certified only by its mean weights, and only when that is asked for")
  func noise() throws {
    #expect {
      _ = try Small.runner(["ibp:epsilon=0.01"], sigma: 0.1)
    } throws: { "\($0)".contains("mean_weights") }
    let noisy = try Small.runner(["ibp:epsilon=0.01,mean_weights=true"], sigma: 0.1)
    let plain = try Small.runner(["ibp:epsilon=0.01"])
    let one = try noisy.report(noisy.runAll()).probes[0], other = try plain.report(plain.runAll()).probes[0]
    #expect(one.certified?.certificates == other.certified?.certificates && one.robustAccuracy > 0.3)
  }
}
