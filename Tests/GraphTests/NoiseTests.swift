import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Noise")
struct NoiseTests {
  /// Mean, standard deviation and their standard errors, by output.
  private struct Moments {
    private var count = 0.0
    private var sums: [[Double]]
    init(_ width: Int) { sums = (0..<4).map { _ in [Double](repeating: 0, count: width) } }

    mutating func add(_ values: some Sequence<Float>) {
      count += 1
      for (i, value) in values.enumerated() {
        var power = 1.0
        for order in 0..<4 {
          power *= Double(value)
          sums[order][i] += power
        }
      }
    }
    func mean(_ i: Int) -> Double { sums[0][i] / count }
    private func central(_ order: Int, _ i: Int) -> Double {
      let m = mean(i), raw = sums.map { $0[i] / count }
      return order == 2
        ? raw[1] - m * m : raw[3] - 4 * m * raw[2] + 6 * m * m * raw[1] - 3 * m * m * m * m
    }
    func deviation(_ i: Int) -> Double { max(central(2, i), 0).squareRoot() }
    func errorOfMean(_ i: Int, draws: Double) -> Double { deviation(i) / draws.squareRoot() }
    func errorOfDeviation(_ i: Int, draws: Double) -> Double {
      let s = deviation(i)
      return s == 0 ? 0 : (max(central(4, i) - s * s * s * s, 0) / draws).squareRoot() / (2 * s)
    }
    var draws: Double { count }
  }

  struct Reference: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let file: String
    let term: NoiseModel.Term
    let path: NoisePath
    let draws: Int
  }

  @Test(
    "moments under weight noise are those of drawing every weight",
    .enabled(if: Golden.isPresent, "reference vectors absent"),
    arguments: [
      Reference(
        testDescription: "additive, exact", file: "mlp_additive_0.05", term: .init(.weights, sigma: 0.05), path: .exact,
        draws: 4096),
      Reference(
        testDescription: "additive, explicit", file: "mlp_additive_0.05", term: .init(.weights, sigma: 0.05),
        path: .explicit, draws: 1024),
      Reference(
        testDescription: "relative, exact", file: "mlp_multiplicative_0.2",
        term: .init(.weights, sigma: 0.2, scale: .relative), path: .exact, draws: 4096),
      Reference(
        testDescription: "relative, explicit", file: "mlp_multiplicative_0.2",
        term: .init(.weights, sigma: 0.2, scale: .relative), path: .explicit, draws: 512),
    ])
  func moments(_ reference: Reference) throws {
    let graph = try Graph(onnx: Golden.bytes("onnx/mlp/model.onnx"))
    let inputs = try Golden.tensor("noise/inputs.npy"), rows = inputs.rowCount
    let samples = reference.path == .exact ? 64 : 1
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph), options: .init(rows: rows, samples: samples, path: reference.path),
      noise: NoiseModel([reference.term]))
    _ = plan.input().update(fromContentsOf: inputs.elements)
    for row in 0..<rows { plan.seeds[row] = mixSeed(7, UInt64(row)) }
    var logits = Moments(rows * 10), probabilities = Moments(rows * 10)
    for first in stride(from: 0, to: reference.draws, by: samples) {
      plan.firstSample = UInt32(first)
      plan.forward()
      for sample in 0..<samples {
        let draw = Array(plan.output()[sample * rows * 10..<(sample + 1) * rows * 10])
        logits.add(draw)
        probabilities.add(
          stride(from: 0, to: draw.count, by: 10).flatMap { start in
            let z = draw[start..<start + 10], top = z.max() ?? 0, e = z.map { exp($0 - top) }
            return e.map { $0 / e.reduce(0, +) }
          })
      }
    }
    let theirDraws = 30_000.0
    for (name, mine) in [("logits", logits), ("probabilities", probabilities)] {
      let mean = try Golden.tensor("noise/\(reference.file)_\(name)_mean.npy").elements
      let deviation = try Golden.tensor("noise/\(reference.file)_\(name)_std.npy").elements
      var far = 0
      for i in mean.indices {
        let meanError = hypot(mine.errorOfMean(i, draws: mine.draws), Double(deviation[i]) / theirDraws.squareRoot())
        let spreadError = hypot(
          mine.errorOfDeviation(i, draws: mine.draws), mine.errorOfDeviation(i, draws: theirDraws))
        var distances = [abs(mine.mean(i) - Double(mean[i])) / (meanError + 1e-9)]
        // The spread of a probability that hardly ever leaves 0 or 1 hangs on a few draws; its error cannot be told.
        if name == "logits" || deviation[i] > 0.05 {
          distances.append(abs(mine.deviation(i) - Double(deviation[i])) / (spreadError + 1e-9))
        }
        far += distances.count { $0 > 5 }
        #expect(distances.allSatisfy { $0 <= 7 }, "\(name)[\(i)]: \(distances)")
      }
      #expect(far <= mean.count * 2 / 100)
    }
  }

  /// Their values are not independent, and not of one deviation.
  private static let structured = ["patch_gaussian", "channel", "low_rank", "factorized"]

  @Test(
    "each distribution that adds has mean 0, standard deviation 1 and its own kurtosis",
    arguments: Catalog.noises.entries.filter { $0.combination == .adds && !structured.contains($0.name) })
  func distributions(_ noise: any Noise.Type) throws {
    let count = 1 << 20
    let values = Tensor([count]) { noise.init().fill($0, of: [count], at: NoiseAddress(seed: 5, site: 1)) }.elements
    func moment(_ order: Int) -> Double { values.reduce(0.0) { $0 + pow(Double($1), Double(order)) } / Double(count) }
    #expect(abs(moment(1)) < 0.005 && abs(moment(2) - 1) < 0.01 && abs(moment(3)) < 0.05)
    if let kurtosis = ["gaussian": 3, "uniform": 1.8, "laplace": 6][noise.name] {
      #expect(abs(moment(4) - kurtosis) < 0.02 * moment(4) + 0.1)
    }
  }

  @Test("dropout drops as often as its rate says, and scales what it keeps", arguments: [0.1, 0.5, 0.8] as [Float])
  func dropout(_ rate: Float) throws {
    let builder = GraphBuilder(), x = builder.input("x", [2])
    let identity = builder.parameter("w", Tensor([2, 2], [1, 0, 0, 1]))
    let graph = builder.finish(outputs: [("y", try builder.dense(x, identity, nil))])
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, samples: 4000, path: .exact),
      noise: NoiseModel([.dropout(.input, rate: rate)]))
    _ = plan.input().update(fromContentsOf: [3, -2])
    plan.seeds[0] = 9
    plan.forward()
    let values = Array(plan.output())
    for (column, value) in [Float(3), -2].enumerated() {
      let found = stride(from: column, to: values.count, by: 2).map { values[$0] }
      #expect(found.allSatisfy { abs($0) < 1e-5 || abs($0 / (value / (1 - rate)) - 1) < 1e-5 })
      let share = Double(found.count { abs($0) < 1e-5 }) / 4000
      #expect(abs(share - Double(rate)) < 5 * (Double(rate) * Double(1 - rate) / 4000).squareRoot())
    }
  }

  static let models: [NoiseModel] =
    Catalog.sites.entries.filter { $0 != .gradients }.flatMap { site in
      NoiseModel.Scale.allCases.filter { $0 != .relativeToLayer || site == .weights }.map { scale in
        NoiseModel([.init(site, sigma: 0.1, scale: scale)])
      }
    } + [
      NoiseModel([.init(.weights, sigma: 0.1), .init(.activations, sigma: 0.1), .init(.input, sigma: 0.05)]),
      NoiseModel([.dropout(.activations, rate: 0.3), .dropout(.input, rate: 0.2)]),
    ]

  private func dense() -> Graph {
    let builder = GraphBuilder()
    var value = builder.input("x", [6])
    for (index, width) in [(0, 6), (1, 5)] {
      let node = OnnxNode(name: "dense\(index)", type: "Gemm", opset: 17)
      let weights = builder.parameter("w\(index)", .random([width, 5], seed: UInt64(index)))
      guard let gemm = try? Catalog<any OnnxOp.Type>.ops.entry(named: "Gemm").init(node),
        let tanh = try? Catalog<any OnnxOp.Type>.ops.entry(named: "Tanh").init(node),
        let product = try? builder.apply(gemm, [value, weights])[0], let next = try? builder.apply(tanh, [product])[0]
      else { preconditionFailure("a network of the test's own") }
      value = next
    }
    return builder.finish(outputs: [("y", value)])
  }

  @Test("a draw depends on its seed and number alone, not on its row, the batch or the run", arguments: models)
  func drawsAreAddressed(_ noise: NoiseModel) throws {
    let graph = dense(), parameters = ParameterBuffers(graph), inputs = Tensor.random([4, 6], seed: 1)
    let together = try Plan(
      graph, parameters: parameters, options: .init(rows: 4, samples: 3, path: .exact), noise: noise)
    _ = together.input().update(fromContentsOf: inputs.elements)
    for row in 0..<4 { together.seeds[row] = 40 + UInt64(row) }
    together.firstSample = 5
    together.forward()
    let alone = try Plan(graph, parameters: parameters, options: .init(rows: 1, path: .exact), noise: noise)
    for sample in 0..<3 {
      for row in 0..<4 {
        _ = alone.input().update(fromContentsOf: inputs.row(row))
        alone.seeds[0] = 40 + UInt64(row)
        alone.firstSample = 5 + UInt32(sample)
        alone.forward()
        let start = (sample * 4 + row) * 5
        #expect(worstDifference(Array(alone.output()), Array(together.output()[start..<start + 5])) <= 1e-6)
      }
    }
  }

  @Test("gradients go through the noise: finite differences at one draw", arguments: models)
  func gradientsThroughNoise(_ noise: NoiseModel) throws {
    let graph = dense(), parameters = ParameterBuffers(graph), inputs = Tensor.random([2, 6], seed: 2)
    for path in [NoisePath.exact, .explicit] {
      let plan = try Plan(
        graph, parameters: parameters, options: .init(rows: 2, path: path, inputGradient: true), noise: noise)
      func loss(_ side: Float) -> Double {
        let moved = inputs.elements.enumerated().map { $1 + side * ($0 % 2 == 0 ? 1 : -1) / 512 }
        _ = plan.input().update(fromContentsOf: moved)
        plan.seeds[0] = 3
        plan.seeds[1] = 4
        plan.forward()
        return plan.output().reduce(0.0) { $0 + Double($1) }
      }
      let numerical = (loss(1) - loss(-1)) * 256
      _ = loss(0)
      plan.cotangent.update(repeating: 1)
      plan.backward()
      let analytical = plan.inputGradients[0].enumerated().reduce(0.0) {
        $0 + Double($1.element) * ($1.offset % 2 == 0 ? 1 : -1)
      }
      #expect(abs(numerical - analytical) <= 5e-3 * (1 + abs(analytical)), "\(path)")
    }
  }

  @Test(
    "what a noise model may not be",
    arguments: [
      NoiseModel([.init(.weights, sigma: .nan)]), NoiseModel([.init(.weights, sigma: -1)]),
      NoiseModel([.init(.input, sigma: 0.1, scale: .relativeToLayer)]), NoiseModel([.dropout(.activations, rate: 1)]),
      NoiseModel([NoiseModel.Term](repeating: .init(.input, sigma: 0.1), count: 17)),
    ])
  func refused(_ noise: NoiseModel) { #expect(throws: GraphError.self) { try noise.validate() } }
}
