import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Several terms of noise that meet at one site are independent of each other.
@Suite("Terms of noise that meet")
struct NoiseTermsTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let terms: [NoiseTerm]
    var isConvolution = false
    var path = NoisePath.fresh
  }

  private static let additive = Catalog.noises.entries.filter { $0.combination == .adds }
  private static func twice(_ site: NoiseSite, _ first: any Noise.Type, _ second: any Noise.Type) -> [NoiseTerm] {
    [.init(site, first.init(), sigma: 0.1), .init(site, second.init(), sigma: 0.1)]
  }
  private static func named(_ first: String, _ second: String) -> [NoiseTerm] {
    additive.filter { $0.name == first }.flatMap { first in
      additive.filter { $0.name == second }.flatMap { twice(.weights, first, $0) }
    }
  }

  static let cases: [Case] =
    [NoiseSite.input, .activations, .weights].flatMap { site in
      additive.flatMap { first in
        additive.map { second in
          // Only where all terms are exact can a dense layer have samples side by side.
          let path =
            site == .weights && (first.name, second.name) != ("gaussian", "gaussian") ? NoisePath.explicit : .fresh
          return Case(
            testDescription: "\(first.name) and \(second.name) on \(site.name)", terms: twice(site, first, second),
            path: path)
        }
      }
    } + [
      Case(testDescription: "dense, exact", terms: named("gaussian", "gaussian"), path: .exact),
      Case(testDescription: "dense, explicit", terms: named("gaussian", "gaussian"), path: .explicit),
      Case(testDescription: "dense, exact and drawn", terms: named("gaussian", "laplace"), path: .exact),
      Case(
        testDescription: "dense, one of each weight's own",
        terms: [.init(.weights, sigma: 0.1), .init(.weights, sigma: 0.2, scale: .relative)]),
      Case(testDescription: "dense, three", terms: [NoiseTerm](repeating: .init(.weights, sigma: 0.1), count: 3)),
      Case(testDescription: "convolution", terms: named("gaussian", "gaussian"), isConvolution: true),
      Case(testDescription: "convolution, drawn", terms: named("gaussian", "laplace"), isConvolution: true),
    ]

  private func graph(_ test: Case) throws -> Graph {
    if test.isConvolution { return try SmallNets.convolution(channels: (8, 6), size: 4) }
    let builder = GraphBuilder(), x = builder.input("x", [16])
    let hidden = test.terms.contains { $0.site == .activations } ? try builder.relu(x) : x
    let weights = builder.parameter("w", .random([4, 16], seed: 3))
    return builder.finish(outputs: [("y", try builder.dense(hidden, weights, nil))])
  }

  /// The mean over outputs of their variances, over `draws` draws of two rows.
  private func variance(_ test: Case, _ terms: [NoiseTerm], draws: Int = 3000) throws -> Double {
    let graph = try graph(test), samples = test.path == .fresh ? 50 : 1, rows = samples == 1 ? 1 : 2
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph), options: .init(rows: rows, samples: samples, path: test.path),
      noise: NoiseModel(terms))
    plan.input().update(repeating: 0.5)
    for row in 0..<rows { plan.seeds[row] = 70 + UInt64(row) }
    let width = plan.output().count / samples
    var sums = [Double](repeating: 0, count: width), squares = sums
    for first in stride(from: 0, to: draws, by: samples) {
      plan.firstSample = UInt32(first)
      plan.forward()
      for (i, value) in plan.output().enumerated() {
        sums[i % width] += Double(value)
        squares[i % width] += Double(value) * Double(value)
      }
    }
    let n = Double(draws)
    return (0..<width).reduce(0) { $0 + (squares[$1] / n - (sums[$1] / n) * (sums[$1] / n)) } / Double(width)
  }

  @Test("variances add", arguments: cases)
  func independent(_ test: Case) throws {
    let together = try variance(test, test.terms)
    let apart = try test.terms.reduce(0.0) { try $0 + variance(test, [$1]) }
    // At least four outputs of 3000 draws: a variance is known to some 2 %. Shared draws would make it double.
    #expect(abs(together / apart - 1) < 0.12, "\(together) for \(apart)")
  }

  @Test("the exact path and the explicit one agree where terms of all scales meet")
  func pathsAgree() throws {
    let terms: [NoiseTerm] = NoiseModel.Scale.allCases.map { .init(.weights, sigma: 0.1, scale: $0) }
    let paths = [NoisePath.fresh, .exact, .explicit]
    let variances = try paths.map { try variance(.init(testDescription: "", terms: terms, path: $0), terms) }
    for found in variances { #expect(abs(found / variances[2] - 1) < 0.12, "\(variances)") }
  }
}
