import DitherGraph
import DitherInference
import DitherTensor
import Foundation
import Testing

/// What a metric says does not depend on the order of the examples, and follows from its definition on cases done by hand.
@Suite("Metrics")
struct MetricTests {
  private static let all: [(name: String, value: @Sendable ([[Double]], [Int]) -> Double)] = [
    ("accuracy", { Metrics.accuracy($0, $1) }),
    ("nll", { Metrics.negativeLogLikelihood($0, $1) }),
    ("brier", { Metrics.brier($0, $1) }),
    ("ece", { Metrics.expectedCalibrationError($0, $1) }),
    ("mce", { Metrics.calibrationErrors(Metrics.reliability($0, $1)).maximum }),
    ("adaptive_ece", { Metrics.adaptiveCalibrationError($0, $1) }),
    ("classwise_ece", { Metrics.classwiseCalibrationError($0, $1) }),
    ("aurc", { Metrics.areaUnderRiskCoverage($0, $1) }),
    ("e_aurc", { Metrics.excessAreaUnderRiskCoverage($0, $1) }),
    ("failure_auroc", { Metrics.failureAUROC($0, $1) }),
    (
      "coverage_at_risk",
      { p, labels in
        RiskCoverage(zip(p, labels).map { Label.of($0) == $1 }, uncertainty: p.map { 1 - ($0.max() ?? 0) })
          .coverage(atRisk: 0.3)
      }
    ),
    (
      "lac",
      { p, labels in
        Conformal.threshold(zip(p, labels).map { Conformal.score($0, $1, .lac) }, alpha: 0.2)
      }
    ),
    (
      "class_conditional_aps",
      { p, labels in
        let scores = zip(p, labels).map { Conformal.score($0, $1, .aps, u: 0.5) }
        return Conformal.thresholds(scores, labels, classes: 3, alpha: 0.3).filter(\.isFinite).reduce(0, +)
      }
    ),
  ]

  /// Probabilities on a coarse grid, so that many are equal.
  private static func examples(_ count: Int, levels: Double) -> ([[Double]], [Int]) {
    let p = (0..<count).map { example -> [Double] in
      let u = NoiseAddress(seed: 7, sample: UInt32(example)).uniforms(3).map { 1 + (Double($0) * levels).rounded() }
      return u.map { $0 / u.reduce(0, +) }
    }
    return (p, (0..<count).map { Int(NoiseAddress(seed: 8, sample: UInt32($0)).uniform(0) * 3) % 3 })
  }

  @Test("permuting the examples changes no number", arguments: all.map(\.name), [1.0, 3, 1e9])
  func permutations(_ name: String, levels: Double) throws {
    let metric = try #require(Self.all.first { $0.name == name }).value,
      (p, labels) = Self.examples(211, levels: levels)
    let value = metric(p, labels)
    var generator = PhiloxGenerator(seed: 3)
    let byClass = p.indices.sorted { (labels[$0], $0) < (labels[$1], $1) }
    for order in [Array(p.indices.reversed()), byClass] + (0..<5).map({ _ in p.indices.shuffled(using: &generator) }) {
      #expect(abs(metric(order.map { p[$0] }, order.map { labels[$0] }) - value) < 1e-12)
    }
  }

  @Test("a constant, calibrated answer has no order: one bin, and its error rate is the risk at every coverage")
  func constant() {
    let p = [[Double]](repeating: [0.6, 0.4], count: 1000), right = (0..<1000).map { $0 < 600 ? 0 : 1 }
    for labels in [right, right.reversed()] {
      #expect(Metrics.adaptiveCalibrationError(p, labels) < 1e-12)
      #expect(abs(Metrics.areaUnderRiskCoverage(p, labels) - 0.4) < 1e-12)
      #expect(Metrics.excessAreaUnderRiskCoverage(p, labels) > 0.2)
      let curve = RiskCoverage(labels.map { $0 == 0 }, uncertainty: [Double](repeating: 0.4, count: 1000))
      #expect(curve.coverage(atRisk: 0.05) == 0 && curve.coverage(atRisk: 0.4) == 1)
    }
  }

  @Test("a tied block counts as its mean")
  func tiedBlock() {
    // Right, then a block of two with one error, then right: risks 0, ½ / 2, 1 / 3, 1 / 4.
    let curve = RiskCoverage([true, false, true, true], uncertainty: [0, 1, 1, 2])
    #expect(abs(curve.area - (0 + 0.25 + 1.0 / 3 + 0.25) / 4) < 1e-15)
    #expect(abs(curve.excess - (curve.area - 0.25 / 4)) < 1e-15)
    #expect(curve.coverage(atRisk: 0.25) == 1 && curve.coverage(atRisk: 0.24) == 0.25)
    #expect(RiskCoverage([], uncertainty: []).area == 0)
  }

  @Test("equal confidences share a bin of equal mass, others fall where their place puts them")
  func bins() {
    // Six examples, three bins: without ties pairs; the block of four is whole in the second.
    func error(_ confidence: [Double], _ right: [Bool]) -> Double {
      Metrics.adaptiveCalibrationError(
        confidence.map { [$0, 1 - $0] }, right.map { $0 ? 0 : 1 }, bins: 3)
    }
    let right = [true, false, true, true, false, true]
    #expect(
      abs(error([0.6, 0.7, 0.8, 0.9, 0.95, 1], right) - (abs(1.3 - 1) + abs(1.7 - 2) + abs(1.95 - 1)) / 6) < 1e-12)
    #expect(abs(error([0.6, 0.8, 0.8, 0.8, 0.8, 1], right) - (0.4 + abs(3.2 - 2) + 0) / 6) < 1e-12)
  }

  /// By hand, and against the marginal error where every class has the same.
  @Test("class-wise calibration error")
  func classwise() {
    // Class 0: 0.9 and 0.9, one of two; class 1: 0.1 and 0.1, one of two.
    #expect(abs(Metrics.classwiseCalibrationError([[0.9, 0.1], [0.9, 0.1]], [0, 1]) - 0.4) < 1e-12)
    // The likeliest class is calibrated, the two others are exchanged.
    let p = [[Double]](repeating: [0.5, 0.4, 0.1], count: 10), labels = [0, 0, 0, 0, 0, 1, 2, 2, 2, 2]
    #expect(Metrics.expectedCalibrationError(p, labels) < 1e-12)
    #expect(abs(Metrics.classwiseCalibrationError(p, labels) - (0 + 0.3 + 0.3) / 3) < 1e-12)
  }

  private static func linear(_ end: (GraphBuilder, Value) throws -> Value = { $1 }) throws -> ModelSignature {
    let builder = GraphBuilder(name: "linear"), x = builder.input("x", [2])
    let z = try builder.dense(x, builder.parameter("w", Tensor([2, 2], [1, 0, 0, 1])), nil, name: "fc")
    return try ModelSignature(builder.finish(outputs: [("y", try end(builder, z))]))
  }

  @Test("losses of sigmoids are those of the probabilities that are served: divided by their sum")
  func sigmoidLosses() throws {
    let signature = try Self.linear { try $0.sigmoid($1) }, p: [Float] = [0.9, 0.3, 0.2, 0.6]
    #expect(signature.givesProbabilities)
    let found = signature.losses(Tensor([2, 2], p), labels: [0, 0])
    let served = signature.meanProbabilities(Tensor([2, 2], p), rows: 2)
    for (row, expected) in [0.9 / 1.2, 0.2 / 0.8].enumerated() {
      #expect(abs(found[row] + log(expected)) < 1e-6 && abs(served[row][0] - expected) < 1e-6)
    }
  }

  @Test("losses of logits have no bound, whatever the temperature")
  func losses() throws {
    let signature = try Self.linear(), z = Tensor([2, 2], [0, 1000, 3, 1])
    #expect(signature.losses(z, labels: [0, 0]).map { ($0 * 1e6).rounded() / 1e6 } == [1000, 0.126928])
    #expect(signature.losses(z, labels: [0, 1], temperature: 2).map { ($0 * 1e6).rounded() / 1e6 } == [500, 1.313262])
    // Of two draws: −ln of the mean.
    let draws = signature.losses(Tensor([2, 1, 2], [0, 1000, 0, 990]), labels: [0])
    #expect(abs(draws[0] - (990 + log(2.0) - log1p(exp(-10.0)))) < 1e-9)
    // What underflows in double precision is cut off there, and far from 36.
    #expect(abs(Metrics.negativeLogLikelihood([[1, exp(-500)]], [1]) - 500) < 1e-9)
    #expect(abs(Metrics.negativeLogLikelihood([[1, 0]], [1]) - 708.396) < 1e-3)
  }

  @Test("a temperature's quality is not cut off")
  func quality() throws {
    let builder = GraphBuilder(name: "sure"), x = builder.input("x", [2])
    let weight = builder.parameter("w", Tensor([2, 2], [1, 0, 0, 1]))
    let model = try Model(builder.finish(outputs: [("y", try builder.dense(x, weight, nil, name: "fc"))]))
    // Nine of ten are right, the tenth is wrong by 2000 nats.
    let rows = 200, inputs = Tensor([rows, 2], (0..<rows).flatMap { _ in [2000, 0] as [Float] })
    let found = try ModelCalibration(
      fitting: model, inputs: inputs, labels: (0..<rows).map { $0 % 10 == 0 ? 1 : 0 }, samples: 0, seed: 1)
    #expect(found.before.negativeLogLikelihood > 100 && found.after.negativeLogLikelihood < 1)
  }

  @Test("each class has its own threshold, and is covered as often as asked")
  func classConditional() {
    // Class 1 is hard: its own probability is low where class 0's is high.
    let labels = (0..<4000).map { $0 % 4 == 0 ? 1 : 0 }
    let p = labels.indices.map { example -> [Double] in
      let u = Double(NoiseAddress(seed: 5, sample: UInt32(example)).uniform(0))
      return labels[example] == 0 ? [0.7 + 0.3 * u, 0.3 - 0.3 * u] : [0.9 - 0.7 * u, 0.1 + 0.7 * u]
    }
    for kind in Conformal.Score.allCases {
      let u = p.indices.map { Double(NoiseAddress(seed: 6, sample: UInt32($0)).uniform(0)) }
      let scores = p.indices.map { Conformal.score(p[$0], labels[$0], kind, u: u[$0]) }
      let own = Conformal.thresholds(Array(scores[..<2000]), Array(labels[..<2000]), classes: 2, alpha: 0.1)
      let shared = [Double](repeating: Conformal.threshold(Array(scores[..<2000]), alpha: 0.1), count: 2)
      func coverage(_ thresholds: [Double], of label: Int) -> Double {
        let rows = (2000..<4000).filter { labels[$0] == label }
        return Double(rows.count { Conformal.set(p[$0], kind, thresholds: thresholds, u: u[$0]).contains(label) })
          / Double(rows.count)
      }
      #expect(coverage(shared, of: 1) < 0.8, "\(kind)")
      for label in 0..<2 { #expect(abs(coverage(own, of: label) - 0.9) < 0.07, "\(kind), class \(label)") }
      for row in 2000..<2100 {
        #expect(
          Conformal.set(p[row], kind, thresholds: shared, u: u[row])
            == Conformal.set(p[row], kind, threshold: shared[0], u: u[row]))
      }
    }
    #expect(Conformal.thresholds([0.1, 0.2], [0, 0], classes: 2, alpha: 0.5) == [0.2, .infinity])
  }

  @Test("examples that a finite threshold takes", arguments: [(0.1, 9), (0.05, 19), (0.5, 1), (0.9, 1), (0.001, 999)])
  func leastExamples(_ alpha: Double, _ count: Int) {
    #expect(Conformal.leastExamples(alpha: alpha) == count)
    #expect(Conformal.threshold([Double](repeating: 0.5, count: count), alpha: alpha) == 0.5)
    if count > 1 { #expect(Conformal.threshold([Double](repeating: 0.5, count: count - 1), alpha: alpha) == .infinity) }
  }
}
