import DitherGraph
import DitherTensor
import Testing

/// Weight noise of convolutions: the distribution over draws is known exactly, so it is compared with that.
@Suite("Weight noise of convolutions")
struct ConvNoiseTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let channels: [Int]
    var size = 4, kernel = 3, stride = 1, normalized = false
    var scale = NoiseModel.Scale.absolute
  }

  /// Of the first kind the noise is drawn at the outputs, of the second as weights: many channels, or few.
  static let cases = [
    Case(testDescription: "at the outputs", channels: [32, 48]),
    Case(testDescription: "at the outputs, strided", channels: [32, 48], size: 6, stride: 2),
    Case(testDescription: "at the outputs, 1 x 1", channels: [96, 48], size: 3, kernel: 1),
    Case(testDescription: "at the outputs, normalized", channels: [32, 48], normalized: true),
    Case(
      testDescription: "at the outputs, relative to the layer", channels: [32, 48], normalized: true,
      scale: .relativeToLayer),
    Case(testDescription: "as weights", channels: [2, 3]),
    Case(testDescription: "as weights, normalized", channels: [2, 3], normalized: true),
    Case(testDescription: "as weights, relative", channels: [2, 3], normalized: true, scale: .relative),
    Case(
      testDescription: "as weights, relative to the layer", channels: [2, 3], normalized: true, scale: .relativeToLayer),
  ]

  private func graph(_ test: Case, sigma: Float = 0.1) throws -> Graph {
    var graph = try SmallNets.convolution(
      channels: (test.channels[0], test.channels[1]), size: test.size, kernel: test.kernel, stride: test.stride,
      normalized: test.normalized)
    graph.noise = NoiseModel([.init(.weights, sigma: sigma, scale: test.scale)])
    return graph
  }

  private func plan(_ graph: Graph, rows: Int, samples: Int, _ path: NoisePath?, antithetic: Bool = false) throws
    -> Plan
  {
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph),
      options: .init(rows: rows, samples: samples, path: path, antithetic: antithetic))
    let length = graph.inputs[0].dimensions.compactMap { $0 }.reduce(1, *)
    // An image with a constant patch repeated: the matrix of its patches is singular.
    var image = SmallNets.random([rows, length], 5).elements
    for i in 0..<length / 2 { image[i] = 0.5 }
    _ = plan.input().update(fromContentsOf: image)
    for row in 0..<rows { plan.seeds[row] = UInt64(40 + row) }
    return plan
  }

  /// Second moments of the draws, over positions of a channel and across channels, on both paths.
  private func covariance(_ graph: Graph, _ path: NoisePath, draws: Int) throws -> [Double] {
    let samples = path == .fresh ? 50 : 1
    let mean = try plan(graph, rows: 1, samples: 1, nil), noisy = try plan(graph, rows: 1, samples: samples, path)
    mean.forward()
    let center = Array(mean.output()), n = center.count, positions = n / graph.channels
    var sums = [Double](repeating: 0, count: positions * positions + 1)
    for first in stride(from: 0, to: draws, by: samples) {
      noisy.firstSample = UInt32(first)
      noisy.forward()
      let out = noisy.output()
      for s in 0..<samples {
        let d = (0..<n).map { Double(out[s * n + $0] - center[$0]) }
        for u in 0..<positions {
          for v in 0..<positions { sums[u * positions + v] += d[positions + u] * d[positions + v] }
        }
        sums[positions * positions] += d[0] * d[positions]  // two channels: independent
      }
    }
    return sums.map { $0 / Double(draws) }
  }

  @Test("positions of a channel vary together as the patches say, channels apart", arguments: cases)
  func covariances(_ test: Case) throws {
    let graph = try graph(test), folded = graph.foldingNormalization(), draws = 4000
    let fresh = try covariance(folded, .fresh, draws: draws), explicit = try covariance(graph, .explicit, draws: draws)
    let positions = Int(Double(fresh.count - 1).squareRoot())
    let sizes = (0..<positions).map { explicit[$0 * positions + $0] }
    for u in 0..<positions {
      for v in 0..<positions {
        // Var(d_u d_v) = g_uu g_vv + g_uv²; both estimates err.
        let cell = u * positions + v
        let error = ((sizes[u] * sizes[v] + explicit[cell] * explicit[cell]) * 2 / Double(draws)).squareRoot()
        #expect(abs(fresh[cell] - explicit[cell]) < 5.5 * error + 1e-9, "positions \(u) and \(v)")
      }
    }
    let largest = sizes.max() ?? 0
    #expect(abs(fresh[positions * positions]) < 8 * largest / Double(draws).squareRoot())
  }

  @Test(
    "where weights are drawn, a row's draw is that of the explicit path",
    arguments: cases.filter { $0.channels[0] == 2 })
  func sameDraws(_ test: Case) throws {
    let graph = try graph(test), folded = graph.foldingNormalization(), samples = 3, rows = 2
    let fresh = try plan(folded, rows: rows, samples: samples, .fresh)
    fresh.forward()
    let n = fresh.output().count / (rows * samples)
    for row in 0..<rows {
      for sample in 0..<samples {
        // The explicit path draws at the first row's address: the row is put first.
        let alone = try plan(graph, rows: rows, samples: 1, .explicit)
        alone.seeds[0] = UInt64(40 + row)
        alone.firstSample = UInt32(sample)
        alone.forward()
        let got = fresh.output()[(sample * rows + row) * n..<(sample * rows + row + 1) * n]
        let expected = alone.output()[row * n..<(row + 1) * n]
        for (a, b) in zip(got, expected) { #expect(abs(a - b) < 1e-4) }
      }
    }
  }

  @Test("a row's draws do not depend on what else is asked for", arguments: cases)
  func alone(_ test: Case) throws {
    let graph = try graph(test).foldingNormalization(), together = try plan(graph, rows: 2, samples: 4, .fresh)
    together.forward()
    let n = together.output().count / 8
    let single = try plan(graph, rows: 2, samples: 1, .fresh)
    single.firstSample = 3
    single.forward()
    for i in 0..<2 * n { #expect(abs(together.output()[3 * 2 * n + i] - single.output()[i]) < 1e-4) }
  }

  @Test("antithetic pairs cancel in a linear layer", arguments: cases)
  func antithetic(_ test: Case) throws {
    let graph = try graph(test).foldingNormalization()
    let clean = try plan(graph, rows: 1, samples: 1, nil),
      pair = try plan(graph, rows: 1, samples: 2, .fresh, antithetic: true)
    clean.forward()
    pair.forward()
    let n = clean.output().count
    for i in 0..<n {
      #expect(abs((pair.output()[i] + pair.output()[n + i]) / 2 - clean.output()[i]) < 2e-4)
      #expect(pair.output()[i] != pair.output()[n + i])
    }
  }

  @Test("gradients for the input through fresh draws are those of the drawn network")
  func gradients() throws {
    var graph = try SmallNets.residual()
    graph.noise = NoiseModel([.init(.weights, sigma: 0.02)])
    let folded = graph.foldingNormalization(), x = SmallNets.random([2, 3 * 8 * 8], 9)
    func plan(_ gradient: Bool) throws -> Plan {
      let plan = try Plan(
        folded, parameters: ParameterBuffers(folded),
        options: .init(rows: 2, samples: 3, path: .fresh, inputGradient: true))
      _ = plan.input().update(fromContentsOf: x.elements)
      for row in 0..<2 { plan.seeds[row] = UInt64(row) }
      return plan
    }
    let whole = try plan(true)
    whole.forward()
    let weights = SmallNets.random([whole.output().count], 10).elements
    _ = whole.cotangent.update(fromContentsOf: weights)
    whole.backward()
    let gradient = Array(whole.inputGradients[0])
    let direction = SmallNets.random([x.count], 11).elements
    func value(_ step: Float) throws -> Double {
      for i in 0..<x.count { whole.input()[i] = x.elements[i] + step * direction[i] }
      whole.forward()
      return zip(whole.output(), weights).reduce(0) { $0 + Double($1.0 * $1.1) }
    }
    let numeric = (try value(3e-4) - value(-3e-4)) / 6e-4
    let analytic = zip(gradient, direction).reduce(0) { $0 + Double($1.0 * $1.1) }
    #expect(abs(numeric - analytic) < 0.03 * max(abs(numeric), 1))
  }
}

extension Graph {
  fileprivate var channels: Int {
    let types = try? types(rows: 1)
    return types?[outputs[0].value.index]?.shape[1] ?? 1
  }
}
