import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Noise on weights whose strength is a trained parameter.
@Suite("Learned strengths of noise")
struct LearnedNoiseTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var term: NoiseTerm
    var isConvolution = false
    var path = NoisePath.exact
    var testDescription: String {
      "\(term.summary), \(isConvolution ? "convolution" : "dense"), \(path == .exact ? "exact" : "drawn")"
    }
  }

  static func term(
    _ learned: NoiseTerm.Learned, _ scale: NoiseTerm.Scale = .absolute, _ distribution: String = "gaussian",
    sigma: Float = 0.1
  ) throws -> NoiseTerm {
    var term = try NoiseTerm(.weights, sigma: sigma, scale: scale, distribution: distribution)
    term.learned = learned
    return term
  }

  static let cases: [Case] = NoiseTerm.Learned.allCases.flatMap { learned in
    NoiseTerm.Scale.allCases.flatMap { scale in
      ["gaussian", "laplace", "low_rank"].flatMap { name in
        (try? term(learned, scale, name)).map { term in
          (name == "gaussian" ? [NoisePath.exact, .explicit] : [.explicit]).flatMap { path in
            [Case(term: term, path: path), Case(term: term, isConvolution: true, path: path)]
          }
        } ?? []
      }
    }
  }

  /// A layer whose weights are far from each other in size; its strengths too, some of plain ones below 0.
  static func graph(_ test: Case) throws -> Graph {
    let builder = GraphBuilder()
    let y: Value
    if test.isConvolution {
      let x = builder.input("x", [2, 4, 4])
      y = try builder.convolution(x, builder.parameter("w", .random([3, 2, 3, 3], seed: 1)), nil, name: "conv")
    } else {
      let x = builder.input("x", [32])
      y = try builder.dense(x, builder.parameter("w", .random([12, 32], seed: 1)), nil, name: "dense")
    }
    var graph = builder.finish(outputs: [("y", try builder.tanh(y))])
    try graph.train(with: NoiseModel([test.term]))
    for id in graph.parameters where graph.valueNames[id.index] != "w" {
      guard case .float(let tensor)? = graph.literals[id] else { continue }
      let draws = NoiseAddress(seed: 8).normals(tensor.count)
      graph.literals[id] = .float(
        Tensor(tensor.shape, zip(tensor.elements, draws).map { $0 < 0 ? $0 + 0.5 * $1 : $0 * $1 }))
    }
    return graph
  }

  @Test("gradients of weights and strengths are finite differences at one draw", arguments: cases)
  func gradients(_ test: Case) throws {
    let graph = try Self.graph(test), parameters = ParameterBuffers(graph, moving: true)
    let names = graph.parameters.map { graph.valueNames[$0.index] }
    #expect(names == ["w", test.term.scale == .absolute ? "w.rho" : "w.sigma"])
    let plan = try Plan(
      graph, parameters: parameters,
      options: .init(rows: 2, path: test.path, inputGradient: true, parameterGradients: true), noise: graph.noise)
    let inputs = Tensor.random([2, 32], seed: 2), weights = NoiseAddress(seed: 4).normals(plan.output().count)
    func loss() -> Double {
      _ = plan.input().update(fromContentsOf: inputs.elements)
      for row in 0..<2 { plan.seeds[row] = 3 + UInt64(row) }
      plan.forward()
      return zip(plan.output(), weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    _ = loss()
    _ = plan.cotangent.update(fromContentsOf: weights)
    plan.backward()
    let found = try graph.parameters.map { Array(try #require(plan.parameterGradient($0))) }
    for (id, gradient) in zip(graph.parameters, found) {
      let start = try #require(parameters.tensor(id)).elements, step: Float = 1 / 256
      for direction in 0..<3 as Range<UInt64> {
        let along = NoiseAddress(seed: 20 + direction).normals(start.count)
        func moved(_ by: Float) throws -> Double {
          try parameters.set(id, zip(start, along).map { $0 + by * $1 })
          return loss()
        }
        let numerical = try (moved(step) - moved(-step)) / Double(2 * step)
        try parameters.set(id, start)
        let analytical = zip(gradient, along).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let size = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(
          abs(numerical - analytical) <= 0.02 * (0.01 + size),
          "\(graph.valueNames[id.index]): \(numerical) for \(analytical)")
      }
      #expect(gradient.contains { $0 != 0 })
    }
  }

  @Test(
    "both paths have the moments of drawing every weight with its own deviation",
    arguments: NoiseTerm.Learned.allCases, NoiseTerm.Scale.allCases)
  func moments(_ learned: NoiseTerm.Learned, _ scale: NoiseTerm.Scale) throws {
    var test = Case(term: try Self.term(learned, scale))
    var graph = try Self.graph(test)
    try graph.serve(with: graph.noise)
    // Without the tanh the answer is known.
    graph.nodes.removeLast()
    graph.outputs[0].value = graph.nodes[0].outputs[0]
    let w = try numbers("w", graph), own = try numbers("w.sigma", graph)
    #expect(own.allSatisfy { $0 >= 0 })
    let mean = w.reduce(0, +) / Double(w.count)
    let spread = (w.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(w.count)).squareRoot()
    let x = Tensor.random([1, 32], seed: 2).elements.map(Double.init)
    for path in [NoisePath.exact, .explicit, .fresh] {
      test.path = path
      let samples = path == .explicit ? 1 : 50, draws = 1500
      let plan = try Plan(
        graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, samples: samples, path: path))
      _ = plan.input().update(fromContentsOf: x.map(Float.init))
      plan.seeds[0] = 5
      var sums = [Double](repeating: 0, count: 12), squares = sums
      for first in stride(from: 0, to: draws, by: samples) {
        plan.firstSample = UInt32(first)
        plan.forward()
        for (at, value) in plan.output().enumerated() {
          sums[at % 12] += Double(value)
          squares[at % 12] += Double(value) * Double(value)
        }
      }
      for channel in 0..<12 {
        var clean = 0.0, variance = 0.0
        for i in 0..<32 {
          let at = channel * 32 + i
          let factor = own[learned == .layer ? 0 : learned == .channel ? channel : at]
          let sigma = factor * (scale == .absolute ? 1 : scale == .relative ? abs(w[at]) : spread)
          clean += x[i] * w[at]
          variance += x[i] * x[i] * sigma * sigma
        }
        let found = sums[channel] / Double(draws)
        let deviation = (squares[channel] / Double(draws) - found * found).squareRoot()
        #expect(abs(found - clean) < 5 * (variance / Double(draws)).squareRoot() + 1e-5, "\(path) mean of \(channel)")
        #expect(
          abs(deviation / variance.squareRoot() - 1) < 5 / Double(2 * draws).squareRoot(), "\(path) of \(channel)")
      }
    }
  }

  private func numbers(_ name: String, _ graph: Graph) throws -> [Double] {
    let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == name })
    guard case .float(let tensor)? = graph.literals[id] else { return [] }
    return tensor.elements.map(Double.init)
  }

  @Test(
    "where a convolution's weights are drawn for each row, they are those of the explicit path, normalized or not",
    arguments: NoiseTerm.Learned.allCases, NoiseTerm.Scale.allCases)
  func sameDraws(_ learned: NoiseTerm.Learned, _ scale: NoiseTerm.Scale) throws {
    for isNormalized in [false, true] {
      var graph = try SmallNets.convolution(channels: (2, 3), size: 4, normalized: isNormalized)
      try graph.train(with: NoiseModel([Self.term(learned, scale)]))
      try graph.serve(with: graph.noise)
      let folded = graph.foldingNormalization(), image = SmallNets.random([2, 32], 5).elements
      func plan(_ graph: Graph, _ samples: Int, _ path: NoisePath) throws -> Plan {
        let plan = try Plan(
          graph, parameters: ParameterBuffers(graph), options: .init(rows: 2, samples: samples, path: path))
        _ = plan.input().update(fromContentsOf: image)
        for row in 0..<2 { plan.seeds[row] = UInt64(40 + row) }
        return plan
      }
      let fresh = try plan(folded, 3, .fresh)
      fresh.forward()
      let n = fresh.output().count / 6
      for explicit in [graph, folded] {
        for row in 0..<2 {
          for sample in 0..<3 {
            let alone = try plan(explicit, 1, .explicit)
            alone.seeds[0] = UInt64(40 + row)
            alone.firstSample = UInt32(sample)
            alone.forward()
            let got = fresh.output()[(sample * 2 + row) * n..<(sample * 2 + row + 1) * n]
            #expect(worstDifference(got, alone.output()[row * n..<(row + 1) * n]) < 1e-4)
          }
        }
      }
    }
  }

  @Test("a file has the deviations as they came to be, and is read and served again", arguments: cases.prefix(6))
  func files(_ test: Case) throws {
    var graph = try Self.graph(test)
    let trained = graph
    try graph.serve(with: graph.noise)
    let read = try Graph(onnx: graph.onnx())
    #expect(read.noise == graph.noise && read.noise?.terms[0].learned == test.term.learned)
    #expect(try numbers("w.sigma", read) == numbers("w.sigma", graph))
    try read.noise?.checkSites(in: read)
    func outputs(_ graph: Graph) throws -> [Float] {
      let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, path: .explicit))
      _ = plan.input().update(fromContentsOf: Tensor.random([1, 32], seed: 2).elements)
      plan.seeds[0] = 4
      plan.forward()
      return Array(plan.output())
    }
    #expect(try outputs(read) == outputs(graph))
    // A negative factor is as good as a positive one, but another draw.
    if test.term.scale == .absolute { #expect(try worstDifference(outputs(graph), outputs(trained)) < 1e-5) }
    // Served without the noise, nothing of it is left.
    try graph.serve(with: nil)
    #expect(!graph.literals.keys.contains { graph.valueNames[$0.index].hasPrefix("w.") })
  }

  @Test("strengths begin at sigma", arguments: NoiseTerm.Learned.allCases, NoiseTerm.Scale.allCases)
  func start(_ learned: NoiseTerm.Learned, _ scale: NoiseTerm.Scale) throws {
    for sigma: Float in [1e-4, 0.05, 3, 40] {
      var graph = try SmallNets.residual()
      try graph.train(with: NoiseModel([Self.term(learned, scale, sigma: sigma)]))
      try graph.serve(with: graph.noise)
      let found = graph.literals.filter { graph.valueNames[$0.key.index].hasSuffix(".sigma") }
      #expect(found.count == 6)
      for case .float(let tensor) in found.values {
        #expect(tensor.elements.allSatisfy { abs($0 / sigma - 1) < 1e-3 })
        #expect(learned == .layer ? tensor.shape == [1] : learned == .element || tensor.shape.rank == 1)
      }
    }
  }

  @Test("shared weights have one strength")
  func shared() throws {
    let builder = GraphBuilder(), x = builder.input("x", [5]), w = builder.parameter("w", .random([5, 5], seed: 1))
    let y = try builder.dense(builder.tanh(builder.dense(x, w, nil)), w, nil)
    var graph = builder.finish(outputs: [("y", y)])
    try graph.train(with: NoiseModel([Self.term(.element)]))
    #expect(graph.parameters.count == 2)
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph), options: .init(rows: 2, path: .exact, parameterGradients: true),
      noise: graph.noise)
    plan.forward()
    plan.cotangent.update(repeating: 1)
    plan.backward()
    #expect(plan.parameterGradients.allSatisfy { $0.isFinite })
  }

  @Test("a row of zeros has no slope")
  func zeros() throws {
    let graph = try Self.graph(Case(term: Self.term(.element)))
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph),
      options: .init(rows: 2, path: .exact, inputGradient: true, parameterGradients: true), noise: graph.noise)
    plan.input().update(repeating: 0)
    plan.forward()
    plan.cotangent.update(repeating: 1)
    plan.backward()
    #expect(plan.parameterGradients.allSatisfy { $0 == 0 } && plan.inputGradients[0].allSatisfy { $0.isFinite })
  }

  @Test("what a file may not say")
  func refused() throws {
    var graph = try Self.graph(Case(term: Self.term(.channel)))
    try graph.serve(with: graph.noise)
    let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == "w.sigma" })
    func fault(_ change: (inout Graph) -> Void) throws -> GraphError? {
      var other = graph
      change(&other)
      return #expect(throws: GraphError.self) {
        let read = try Graph(onnx: other.onnx())
        try read.noise?.checkSites(in: read)
      }
    }
    let place = "noise, term 1, "
    #expect(try fault { $0.literals[id] = nil }?.place == place + "'learned'")
    #expect(try fault { $0.literals[id] = .float(Tensor(zeros: [12, 32])) }?.expected == "[12]")
    for bad: Float in [-0.1, 2e6] {
      let error = try fault { $0.literals[id] = .float(Tensor([12], repeating: bad)) }
      #expect(error?.place == place + "initializer 'w.sigma'" && error?.got.hasSuffix("at element 0") == true)
    }
    #expect(try fault { $0.literals[id] = .float(Tensor([12], repeating: .nan)) }?.place.contains("w.sigma") == true)
    #expect(try fault { $0.literals[id] = .float(Tensor([12], repeating: .infinity)) } != nil)
    #expect(try fault { $0.literals[id] = .int64([12], [Int64](repeating: 1, count: 12)) } != nil)
    #expect(try fault { $0.noise?.terms[0].learned = .element }?.expected == "[12, 32]")
    #expect(
      try fault { $0.noise?.terms.append(.dropout(.weights, rate: 0.5)) }?.advice == "give each its own 'layers'")
    #expect(
      try fault { $0.noise?.terms.append(graph.noise?.terms[0] ?? .init(.weights, sigma: 1)) }?.expected
        .contains("which is learned") == true)
  }

  @Test(
    "what a term may not say",
    arguments: [
      #"{"site": "input", "sigma": 0.1, "learned": "layer"}"#, #"{"site": "weights", "sigma": 0, "learned": "layer"}"#,
      #"{"site": "weights", "distribution": "dropout", "learned": "layer"}"#,
      #"{"site": "weights", "sigma": 0.1, "learned": "layers"}"#, #"{"site": "weights", "sigma": 0.1, "learned": 1}"#,
    ])
  func badTerm(_ text: String) throws {
    let setting = try JSONDecoder().decode(Setting.self, from: Data(text.utf8))
    #expect {
      _ = try NoiseTerm(setting, at: "here")
    } throws: { "\($0)".contains("'learned'") }
  }
}
