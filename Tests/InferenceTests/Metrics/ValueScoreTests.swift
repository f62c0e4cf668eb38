import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// How good one answer of a regression is.
@Suite("Scores of values")
struct ValueScoreTests {
  /// E|X − x| − E|X − X'| / 2 over draws, from the definition.
  private static func crps(_ draws: [Double], _ x: Double) -> Double {
    let n = Double(draws.count)
    let pairs = draws.reduce(0.0) { sum, a in sum + draws.reduce(0.0) { $0 + abs(a - $1) } }
    return draws.reduce(0) { $0 + abs($1 - x) } / n - pairs / (2 * n * n)
  }

  @Test("of draws without variances the score is the sum over all pairs", arguments: [1, 2, 7, 64])
  func ofDraws(_ count: Int) {
    let values = Tensor.random([count], seed: 4).elements.map(Double.init)
    for x in [-1.0, 0.2, 3] as [Float] {
      let found = ValueScores(Draws(values: values, width: 1), [x])
      #expect(abs(found.rankedProbabilityScore - Self.crps(values, Double(x))) < 1e-9)
      #expect((found.coverage == nil) == (count == 1) && (found.negativeLogLikelihood == nil) == (count == 1))
    }
  }

  @Test("of one normal it is the closed form, of a mixture the integral over its distribution function")
  func ofNormals() {
    let means = [0.3, -1, 2.5], variances = [0.2, 1.5, 0.01]
    let draws = Draws(values: means, variances: variances, width: 1)
    func cumulative(_ y: Double) -> Double {
      zip(means, variances).reduce(0) { $0 + erfc(($1.0 - y) / (2 * $1.1).squareRoot()) / 6 }
    }
    for x in [-2.0, 0.5, 4] {
      let step = 1e-3
      let integral = stride(from: -12 + step / 2, to: 12, by: step).reduce(0.0) { sum, y in
        let distance = cumulative(y) - (y >= x ? 1 : 0)
        return sum + distance * distance * step
      }
      let found = ValueScores(draws, [Float(x)])
      #expect(abs(found.rankedProbabilityScore - integral) < 2e-3, "\(found.rankedProbabilityScore), not \(integral)")
      #expect(abs((found.levels?.first ?? -1) - abs(2 * cumulative(x) - 1)) < 1e-6)
    }
    let one = ValueScores(Draws(values: [1], variances: [4], width: 1), [2]), z = 0.5
    let expected =
      2 * (z * erf(z / 2.0.squareRoot()) + (2 / Double.pi).squareRoot() * exp(-z * z / 2) - 1 / Double.pi.squareRoot())
    #expect(abs(one.rankedProbabilityScore - expected) < 1e-9)
    #expect(abs((one.negativeLogLikelihood ?? 0) - (log(8 * .pi) + 0.25) / 2) < 1e-9)
  }

  @Test("of many draws with variances, whose pairs are not all looked at, it is as of all")
  func ofMany() {
    let values = Tensor.random([3000], seed: 8).elements.map { Double($0) * 3 }
    let found = ValueScores(
      Draws(values: values, variances: [Double](repeating: 1e-6, count: 3000), width: 1), [0.5])
    #expect(abs(found.rankedProbabilityScore - Self.crps(values, 0.5)) < 0.02 * found.rankedProbabilityScore)
  }

  @Test("of several values the scores are means over them")
  func wide() {
    let draws = Draws(values: [1, 10, 3, 14], width: 2), found = ValueScores(draws, [2.5, 11])
    #expect(found.byValue?.map(\.error) == [-0.5, 1])
    let ranked = (found.byValue ?? []).map(\.rankedProbabilityScore)
    #expect(zip(ranked, [Self.crps([1, 3], 2.5), Self.crps([10, 14], 11)]).allSatisfy { abs($0 - $1) < 1e-9 })
    #expect(ValueScores(Draws(values: [1, 3], width: 1), [2]).byValue == nil)
    #expect(abs(found.squaredError - (0.25 + 1) / 2) < 1e-9 && abs(found.absoluteError - 0.75) < 1e-9)
    #expect(abs(found.rankedProbabilityScore - (Self.crps([1, 3], 2.5) + Self.crps([10, 14], 11)) / 2) < 1e-9)
    // The variance over two draws is half the square of their difference.
    let nll = zip([0.5, 1.0], [2.0, 8.0]).reduce(0) { $0 + (log(2 * .pi * $1.1) + $1.0 * $1.0 / $1.1) / 2 } / 2
    #expect(abs((found.negativeLogLikelihood ?? 0) - nll) < 1e-9)
  }

  @Test("over examples they are the metrics of a regression", arguments: [false, true])
  func metrics(_ haveVariances: Bool) throws {
    let targets = Tensor.random([30, 2], seed: 3)
    let all = (0..<30).map { row in
      let values = Tensor.random([8], seed: UInt64(row) + 40).elements.map(Double.init)
      return Draws(values: values, variances: haveVariances ? values.map { $0 * $0 + 0.1 } : nil, width: 2)
    }
    let scores = all.enumerated().map { ValueScores($1, targets.row($0)) }
    let found = RegressionMetrics(all.map { Prediction($0) }, targets)
    func mean(_ value: (ValueScores) -> Double) -> Double { scores.reduce(0) { $0 + value($1) } / 30 }
    #expect(abs(found.rootMeanSquaredError - mean(\.squaredError).squareRoot()) < 1e-12)
    let loss = try #require(found.negativeLogLikelihood), coverage = try #require(found.intervalCoverage)
    #expect(abs(loss - mean { $0.negativeLogLikelihood ?? .nan }) < 1e-9)
    #expect(abs(coverage - mean { $0.coverage ?? .nan }) < 1e-12)
  }
}
