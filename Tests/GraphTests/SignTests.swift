import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Dense layers whose examples share one draw, each with signs of its own.
@Suite("Signs of each example")
struct SignTests {
  static let distributions = ["uniform", "laplace", "low_rank", "factorized"]

  private func term(_ name: String, _ scale: NoiseTerm.Scale = .absolute, _ draws: NoiseTerm.Draws = .example) throws
    -> NoiseTerm
  {
    var term = try NoiseTerm(.weights, sigma: 0.3, scale: scale, distribution: name)
    term.draws = draws
    return term
  }

  private func plan(_ terms: [NoiseTerm], rows: Int, gradients: Bool = false, learned: Bool = false) throws -> (
    Plan, Graph, ParameterBuffers
  ) {
    let builder = GraphBuilder(), x = builder.input("x", [6])
    let y = try builder.dense(x, builder.parameter("w", .random([4, 6], seed: 1)), nil, name: "dense")
    var graph = builder.finish(outputs: [("y", y)])
    try graph.train(with: NoiseModel(terms))
    let parameters = ParameterBuffers(graph, moving: true)
    let plan = try Plan(
      graph, parameters: parameters,
      options: .init(rows: rows, path: .exact, inputGradient: gradients, parameterGradients: gradients),
      noise: graph.noise)
    return (plan, graph, parameters)
  }

  @Test("every example has the moments of a draw of its own, and none goes with another's", arguments: distributions)
  func moments(_ name: String) throws {
    let own = try #require(try Catalog.noises.entry(named: name).init() as? any AddedNoise).deviation(of: [4, 6])
    for scale in NoiseTerm.Scale.allCases {
      let (plan, graph, _) = try plan([term(name, scale)], rows: 3), draws = 1000
      let x = Tensor.random([1, 6], seed: 2).elements
      guard let id = graph.parameters.first, case .float(let tensor)? = graph.literals[id] else { return }
      let w = tensor.elements.map(Double.init), mean = w.reduce(0, +) / 24
      let spread = (w.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 24).squareRoot()
      var sums = [Double](repeating: 0, count: 12), squares = sums, together = [Double](repeating: 0, count: 4)
      for seed in 0..<draws {
        _ = plan.input().update(fromContentsOf: x + x + x)
        for row in 0..<3 { plan.seeds[row] = mixSeed(7, UInt64(seed), UInt64(row)) }
        plan.forward()
        for (at, value) in plan.output().enumerated() {
          let clean = (0..<6).reduce(0.0) { $0 + Double(x[$1]) * w[at % 4 * 6 + $1] }, off = Double(value) - clean
          sums[at] += off
          squares[at] += off * off
          if at < 4 {
            let other = Double(plan.output()[4 + at]) - clean
            together[at] += off * other
          }
        }
      }
      for at in 0..<12 {
        let variance = (0..<6).reduce(0.0) { sum, i in
          let size = scale == .absolute ? 1 : scale == .relative ? abs(w[at % 4 * 6 + i]) : spread
          return sum + pow(Double(x[i]) * 0.3 * own * size, 2)
        }
        #expect(abs(sums[at]) / Double(draws) < 5 * (variance / Double(draws)).squareRoot(), "\(scale)")
        #expect(abs(squares[at] / Double(draws) / variance - 1) < 0.2, "\(scale) \(at)")
        if at < 4 { #expect(abs(together[at] / Double(draws) / variance) < 0.12, "rows apart") }
      }
    }
  }

  @Test("where a layer is too large for many draws, its rows share them and are still apart")
  func shared() throws {
    // 2^19 weights: two draws for 16 rows.
    let builder = GraphBuilder(), x = builder.input("x", [1 << 17])
    let y = try builder.dense(x, builder.parameter("w", Tensor(zeros: [4, 1 << 17])), nil)
    let graph = builder.finish(outputs: [("y", y)])
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph, moving: true), options: .init(rows: 16, path: .exact),
      noise: NoiseModel([term("uniform")]))
    plan.input().update(repeating: 1 / Float(1 << 17).squareRoot())
    for row in 0..<16 { plan.seeds[row] = UInt64(row) }
    plan.forward()
    let found = Array(plan.output()), square = found.reduce(0.0) { $0 + Double($1) * Double($1) } / 64
    #expect(Set(found).count == 64 && abs(square / 0.09 - 1) < 5 * (2.0 / 64).squareRoot())
  }

  @Test("gradients are finite differences at one draw, a learned strength's too", arguments: distributions)
  func gradients(_ name: String) throws {
    for learned in [nil] + NoiseTerm.Learned.allCases.map(Optional.some) {
      var term = try term(name, .relativeToLayer)
      term.learned = learned
      let (plan, graph, parameters) = try plan([term], rows: 3, gradients: true)
      let inputs = Tensor.random([3, 6], seed: 2).elements, weights = NoiseAddress(seed: 4).normals(12)
      func loss() -> Double {
        _ = plan.input().update(fromContentsOf: inputs)
        for row in 0..<3 { plan.seeds[row] = 3 + UInt64(row) }
        plan.forward()
        return zip(plan.output(), weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
      _ = loss()
      _ = plan.cotangent.update(fromContentsOf: weights)
      plan.backward()
      for id in graph.parameters where learned == nil || graph.valueNames[id.index] != "w" {
        let gradient = Array(try #require(plan.parameterGradient(id))),
          start = try #require(parameters.tensor(id)).elements
        // A layer's deviation is a constant to gradients: a direction of sum and correlation 0 leaves it nearly so.
        guard graph.valueNames[id.index] != "w" else { continue }
        func moved(_ by: Float) throws -> Double {
          try parameters.set(id, start.map { $0 + by })
          return loss()
        }
        let numerical = try (moved(1 / 64) - moved(-1 / 64)) * 32
        try parameters.set(id, start)
        let analytical = gradient.reduce(0.0) { $0 + Double($1) }
        #expect(abs(numerical - analytical) <= 0.01 * (0.1 + abs(analytical)), "\(numerical) for \(analytical)")
      }
      #expect(plan.inputGradients[0].allSatisfy { $0.isFinite })
    }
  }

  @Test("a batch's gradient under Laplace noise is as noisy as under Gaussian noise, where each example draws")
  func residuals() throws {
    let rows = 128, builder = GraphBuilder(), x = builder.input("x", [8])
    let y = try builder.tanh(builder.dense(x, builder.parameter("w", 0.3 * .random([5, 8], seed: 1)), nil))
    let graph = builder.finish(outputs: [("y", y)]), id = try #require(graph.parameters.first)
    let inputs = Tensor([rows, 8], NoiseAddress(seed: 2).normals(8 * rows).map { 1 + 0.3 * $0 })
    func residual(_ name: String, _ draws: NoiseTerm.Draws) throws -> Double {
      let plan = try Plan(
        graph, parameters: ParameterBuffers(graph, moving: true),
        options: .init(rows: rows, path: .exact, parameterGradients: true),
        noise: NoiseModel([term(name, .absolute, draws)]))
      var found: [[Double]] = []
      for seed in 0..<40 {
        _ = plan.input().update(fromContentsOf: inputs.elements)
        for row in 0..<rows { plan.seeds[row] = mixSeed(7, UInt64(seed), UInt64(row)) }
        plan.forward()
        plan.cotangent.update(repeating: 1 / Float(rows))
        plan.backward()
        found.append(try #require(plan.parameterGradient(id)).map(Double.init))
      }
      let mean = found[0].indices.map { i in found.reduce(0) { $0 + $1[i] } / 40 }
      let apart = found.reduce(0) { sum, one in sum + zip(one, mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
      return (apart / 40 / mean.reduce(0) { $0 + $1 * $1 }).squareRoot()
    }
    let gaussian = try residual("gaussian", .example), once = try residual("laplace", .batch)
    for name in Self.distributions.prefix(2) {
      let found = try residual(name, .example)
      #expect(found < 1.3 * gaussian, "\(name): \(found) for \(gaussian)")
      #expect(found < 0.4 * once)
    }
  }

  @Test("what has structure along an output, and layers that draw weights, refuse draws for each example")
  func refused() throws {
    for name in ["channel", "correlated", "patch_gaussian"] {
      #expect(throws: GraphError.self) { try plan([term(name)], rows: 2) }
    }
    let graph = try SmallNets.convolution(channels: (2, 3), size: 4)
    #expect(throws: GraphError.self) {
      try Plan(
        graph, parameters: ParameterBuffers(graph), options: .init(rows: 2, path: .exact),
        noise: NoiseModel([term("laplace")]))
    }
  }
}
