import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// A weight is noisy once, however many layers have it and whatever an exporter made of it first.
@Suite("Weights that layers share, and weights that are computed")
struct SharedWeightsTests {
  private func op(
    _ type: String, _ attributes: [String: OnnxAttribute] = [:], inputs: Int = 2
  ) throws -> any OnnxOp {
    try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(
        name: type, type: type, opset: 17, attributes: attributes,
        presentInputs: [Bool](repeating: true, count: inputs)))
  }

  private static let twoTerms: [NoiseTerm] =
    [.init(.weights, sigma: 0.2)]
    + Catalog.noises.entries.filter { $0.name == "laplace" }.map { .init(.weights, $0.init(), sigma: 0.1) }

  struct Tied: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var noise: [NoiseTerm] = [.init(.weights, sigma: 0.3)]
    var isConvolution = false, isNormalized = false, isBehindIdentity = false
    var paths: [NoisePath] = [.explicit, .exact]
  }

  /// f(x) and g(x) of one weight, and f(x) − g(x): nothing where both have its noise.
  private func graph(_ test: Tied) throws -> Graph {
    let builder = GraphBuilder(), x = builder.input("x", test.isConvolution ? [3, 5, 5] : [6])
    let weights = builder.parameter("w", .random(test.isConvolution ? [4, 3, 3, 3] : [6, 4], seed: 2))
    let again = test.isBehindIdentity ? try builder.apply(op("Identity", inputs: 1), [weights])[0] : weights
    var uses: [Value] = []
    for (number, weights) in [weights, again].enumerated() {
      var y = try builder.apply(op(test.isConvolution ? "Conv" : "MatMul"), [x, weights], name: "layer\(number)")[0]
      if test.isNormalized { y = try builder.batchNormalization(y, channels: 4, name: "norm\(number)") }
      uses.append(y)
    }
    let difference = try builder.apply(op("Sub"), uses)[0]
    let graph = builder.finish(outputs: [("f", uses[0]), ("difference", difference)])
    return try graph.foldingComputedWeights() ?? graph
  }

  @Test(
    "all layers of one weight have its noise",
    arguments: [
      Tied(testDescription: "dense"),
      Tied(
        testDescription: "dense, two terms",
        noise: twoTerms),
      Tied(testDescription: "dense, relative", noise: [.init(.weights, sigma: 0.2, scale: .relativeToLayer)]),
      Tied(testDescription: "dense, behind an Identity", isBehindIdentity: true),
      Tied(testDescription: "convolution", isConvolution: true, paths: [.explicit, .exact, .fresh]),
      Tied(
        testDescription: "convolution, folded", isConvolution: true, isNormalized: true,
        paths: [.explicit, .exact, .fresh]),
    ])
  func tied(_ test: Tied) throws {
    let read = try graph(test), graphs = test.isNormalized ? [read, read.foldingNormalization()] : [read]
    for graph in graphs {
      for path in test.paths {
        let samples = path == .fresh ? 3 : 1, rows = path == .fresh ? 2 : 1
        let plan = try Plan(
          graph, parameters: ParameterBuffers(graph), options: .init(rows: rows, samples: samples, path: path),
          noise: NoiseModel(test.noise))
        plan.input().update(repeating: 0.5)
        for row in 0..<rows { plan.seeds[row] = 7 + UInt64(row) }
        plan.forward()
        let values = Array(plan.output())
        let clean = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: rows))
        clean.input().update(repeating: 0.5)
        clean.forward()
        #expect(zip(values, clean.output()).contains { abs($0 - $1) > 1e-3 }, "\(path): there is noise")
        #expect(plan.output(1).allSatisfy { abs($0) < 1e-5 }, "\(path): and it is the same")
      }
    }
  }

  /// What two layers of a graph have for weights.
  enum Pair: String, CaseIterable {
    case strangers, turned, turnedTwice, scaled, itself
    /// Whether they are one weight.
    var isOne: Bool { self == .turnedTwice || self == .itself }
  }

  @Test("equal numbers are one weight only where they come of one constant", arguments: Pair.allCases)
  func strangers(_ pair: Pair) throws {
    let builder = GraphBuilder(), x = builder.input("x", [5])
    let first = builder.parameter("w", Tensor([5, 5], repeating: 0.5))
    let second = builder.parameter("v", Tensor([5, 5], repeating: 0.5))
    let turn = try op("Transpose", ["perm": .ints([1, 0])], inputs: 1)
    let half = builder.constant(.float(Tensor([1], [0.5])))
    let weights =
      switch pair {
      case .strangers: [first, try builder.apply(op("Identity", inputs: 1), [second])[0]]
      case .turned: try [first, second].map { try builder.apply(turn, [$0])[0] }
      case .turnedTwice: try [first, first].map { try builder.apply(turn, [$0])[0] }
      case .scaled: [second, try builder.apply(op("Mul"), [first, half])[0]]
      case .itself: [first, try builder.apply(op("Identity", inputs: 1), [first])[0]]
      }
    let uses = try weights.enumerated().map { try builder.apply(op("MatMul"), [x, $1], name: "layer\($0)")[0] }
    let difference = try builder.apply(op("Sub"), uses)[0]
    let graph = try #require(try builder.finish(outputs: [("difference", difference)]).foldingComputedWeights())
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, path: .explicit),
      noise: NoiseModel([.init(.weights, sigma: 0.3)]))
    plan.input().update(repeating: 0.5)
    plan.seeds[0] = 7
    plan.forward()
    let clean = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1))
    clean.input().update(repeating: 0.5)
    clean.forward()
    let shift = zip(plan.output(), clean.output()).map { abs($0 - $1) }.max() ?? 0
    #expect(pair.isOne ? shift < 1e-5 : shift > 0.01)
  }

  struct Computed: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// What makes [6, 4] of the constants.
    let make: @Sendable (GraphBuilder, (String, [String: OnnxAttribute], Int) throws -> any OnnxOp) throws -> Value
  }

  @Test(
    "weights that nodes compute from constants are weights",
    arguments: [
      Computed(testDescription: "Transpose") { builder, op in
        try builder.apply(
          op("Transpose", ["perm": .ints([1, 0])], 1), [builder.parameter("w", .random([4, 6], seed: 2))])[0]
      },
      Computed(testDescription: "Reshape") { builder, op in
        try builder.apply(
          op("Reshape", [:], 2),
          [builder.parameter("w", .random([24], seed: 2)), builder.constant(.int64([2], [6, 4]))])[0]
      },
      Computed(testDescription: "Mul of Transpose") { builder, op in
        let turned = try builder.apply(
          op("Transpose", ["perm": .ints([1, 0])], 1), [builder.parameter("w", .random([4, 6], seed: 2))])[0]
        return try builder.apply(op("Mul", [:], 2), [turned, builder.constant(.float(Tensor([1], [0.5])))])[0]
      },
    ])
  func computed(_ test: Computed) throws {
    let builder = GraphBuilder(), x = builder.input("x", [6])
    let weights = try test.make(builder) { try op($0, $1, inputs: $2) }
    let y = try builder.apply(op("MatMul"), [x, weights], name: "dense")[0]
    let graph = try #require(try builder.finish(outputs: [("y", y)]).foldingComputedWeights())
    let noise = NoiseModel([.init(.weights, sigma: 0.2)])
    try noise.checkSites(in: graph)
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, samples: 4000, path: .fresh), noise: noise)
    plan.input().update(repeating: 0.5)
    plan.seeds[0] = 3
    plan.forward()
    let values = plan.output().map(Double.init), first = stride(from: 0, to: values.count, by: 4).map { values[$0] }
    let mean = first.reduce(0, +) / 4000, variance = first.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000
    // Six weights, each 0.2 · 0.5 of one normal.
    #expect(abs(variance.squareRoot() / (0.1 * 6.0.squareRoot()) - 1) < 0.05)
    // It is written as it was read, and the function is the same.
    let clean = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1))
    clean.input().update(repeating: 0.5)
    clean.forward()
    let again = try Graph(onnx: graph.onnx())
    let second = try Plan(again, parameters: ParameterBuffers(again), options: .init(rows: 1))
    second.input().update(repeating: 0.5)
    second.forward()
    #expect(clean.output().elementsEqual(second.output()))
    #expect(abs(Double(clean.output()[0]) - mean) < 0.02)
  }
}
