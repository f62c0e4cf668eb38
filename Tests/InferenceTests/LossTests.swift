import DitherInference
import DitherTensor
import Foundation
import Testing

/// What holds of every loss that attacks follow.
@Suite("Losses of attacks")
struct LossTests {
  /// A value with its gradient.
  private static func value(_ loss: Loss, _ z: [Float], _ y: Int, aim: Int? = nil, probabilities: Bool = false)
    -> (value: Double, gradient: [Double])
  {
    var gradient = [Float](repeating: .nan, count: z.count)
    let value = z.withUnsafeBufferPointer { z in
      gradient.withUnsafeMutableBufferPointer {
        loss.value(z, target: y, aim: aim, probabilities: probabilities, gradient: $0)
      }
    }
    return (Double(value), gradient.map(Double.init))
  }

  /// Logits that lie apart, so that a small step changes no order.
  private static func logits(_ classes: Int, _ seed: UInt64) -> [Float] {
    let order = (0..<classes).map { ($0 * 7 + Int(seed) * 3) % classes }.reduce(into: [Int]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let whole = order + (0..<classes).filter { !order.contains($0) }
    let jitter = NoiseAddress(seed: seed).uniforms(classes)
    return whole.indices.map { 0.7 * Float(whole[$0]) + 0.3 * jitter[$0] - 1 }
  }

  /// Its formula, in double precision.
  private static func formula(_ loss: Loss, _ z: [Double], _ y: Int, _ t: Int) -> Double {
    let sorted = z.sorted(by: >), other = z.indices.filter { $0 != y }.map { z[$0] }.max() ?? 0
    func logSoftmax(_ k: Int) -> Double { z[k] - log(z.reduce(0) { $0 + exp($1) }) }
    switch loss {
    case .crossEntropy: return -logSoftmax(y)
    case .towards: return logSoftmax(y)
    case .margin: return other - z[y]
    case .difference: return z[t] - z[y]
    case .dlr: return z.count < 3 ? other - z[y] : -(z[y] - other) / (sorted[0] - sorted[2])
    case .targetedDLR:
      return z.count < 4 ? z[t] - z[y] : -(z[y] - z[t]) / (sorted[0] - (sorted[2] + sorted[3]) / 2)
    }
  }

  @Test("its value is its formula's, and its gradient the differences of it", arguments: Loss.allCases, [2, 3, 4, 10])
  func reference(_ loss: Loss, _ classes: Int) {
    for seed in UInt64(0)..<6 {
      let z = Self.logits(classes, seed), exact = z.map(Double.init)
      for y in 0..<classes {
        let t = (y + 1) % classes, found = Self.value(loss, z, y, aim: t)
        #expect(abs(found.value - Self.formula(loss, exact, y, t)) < 1e-4)
        for k in 0..<classes {
          let near = [1e-5, -1e-5].map { step in
            var moved = exact
            moved[k] += step
            return Self.formula(loss, moved, y, t)
          }
          #expect(abs(found.gradient[k] - (near[0] - near[1]) / 2e-5) < 1e-3, "\(z) \(y), class \(k)")
        }
      }
    }
  }

  @Test("a constant on all logits changes nothing", arguments: Loss.allCases, [2, 4, 10])
  func shifted(_ loss: Loss, _ classes: Int) {
    for seed in UInt64(0)..<6 {
      let z = Self.logits(classes, seed), one = Self.value(loss, z, 0, aim: 1)
      let other = Self.value(loss, z.map { $0 + 4 }, 0, aim: 1)
      #expect(abs(one.value - other.value) < 1e-4 && abs(one.gradient.reduce(0, +)) < 1e-5)
    }
  }

  @Test("DLR does not see the scale of the logits", arguments: [Loss.dlr, .targetedDLR], [Float(0.01), 0.5, 30])
  func scaled(_ loss: Loss, _ scale: Float) {
    for seed in UInt64(0)..<6 {
      let z = Self.logits(6, seed), one = Self.value(loss, z, 0, aim: 1)
      let other = Self.value(loss, z.map { scale * $0 }, 0, aim: 1)
      #expect(abs(one.value - other.value) < 1e-4)
      for (a, b) in zip(one.gradient, other.gradient) { #expect(abs(a - Double(scale) * b) < 1e-3) }
    }
  }

  @Test("the order of the classes is nothing to it", arguments: Loss.allCases)
  func relabeled(_ loss: Loss) {
    let order = [3, 1, 4, 0, 2]
    for seed in UInt64(0)..<6 {
      let z = Self.logits(5, seed), one = Self.value(loss, z, 0, aim: 1)
      let other = Self.value(loss, order.map { z[$0] }, 3, aim: 1)
      #expect(abs(one.value - other.value) < 1e-5)
      for (k, from) in order.enumerated() { #expect(abs(other.gradient[k] - one.gradient[from]) < 1e-5) }
    }
  }

  @Test("of probabilities it is that of the logits behind them", arguments: Loss.allCases, [2, 4, 10])
  func probabilities(_ loss: Loss, _ classes: Int) {
    for seed in UInt64(0)..<6 {
      let z = Self.logits(classes, seed), e = z.map { exp(Double($0)) }, sum = e.reduce(0, +)
      let p = e.map { Float($0 / sum) }
      let one = Self.value(loss, z, 0, aim: 1), other = Self.value(loss, p, 0, aim: 1, probabilities: true)
      #expect(abs(one.value - other.value) < 1e-4)
      // Zeros have a gradient too, and a finite one.
      var sharp = [Float](repeating: 0, count: classes)
      sharp[1] = 1
      let ends = Self.value(loss, sharp, 0, aim: 1, probabilities: true)
      #expect(ends.value.isFinite && ends.gradient.allSatisfy { !$0.isNaN })
    }
  }

  @Test("above 0 is a mistake, below it a right answer, of those that compare two classes")
  func sign() {
    for loss in [Loss.margin, .dlr] {
      for seed in UInt64(0)..<6 {
        let z = Self.logits(5, seed), best = z.indices.max { z[$0] < z[$1] }
        for y in 0..<5 { #expect((Self.value(loss, z, y).value < 0) == (y == best)) }
      }
    }
  }
}

@Suite("How good a regression is")
struct RegressionMetricTests {
  private static let means = [1.0, -2, 0.5, 4], variances = [0.25, 1, 4, 0.01], targets: [Float] = [1.5, -2, 5, 4.1]

  private static func metrics(_ order: [Int] = [0, 1, 2, 3], unit: Double = 1, variances: [Double]? = variances)
    -> RegressionMetrics
  {
    let predictions = order.map { at in
      Prediction(
        Draws(
          values: [means[at] * unit], variances: variances.map { [$0[at] * unit * unit] }, width: 1, antithetic: false))
    }
    return RegressionMetrics(predictions, Tensor([order.count, 1], order.map { targets[$0] * Float(unit) }))
  }

  @Test("error, likelihood and coverage are their formulas'")
  func formulas() throws {
    let found = Self.metrics(), errors = zip(Self.means, Self.targets).map { $0 - Double($1) }
    #expect(abs(found.rootMeanSquaredError - (errors.reduce(0) { $0 + $1 * $1 } / 4).squareRoot()) < 1e-6)
    let losses = zip(errors, Self.variances).map { (log(2 * .pi * $1) + $0 * $0 / $1) / 2 }
    #expect(abs(try #require(found.negativeLogLikelihood) - losses.reduce(0, +) / 4) < 1e-6)
    // Within 1.96 deviations: 1 of them, 0, 2.25, 1.
    #expect(found.intervalCoverage == 0.75)
  }

  @Test("the order of the examples is nothing to them; a unit scales the error and shifts the likelihood")
  func invariance() throws {
    let one = Self.metrics(), turned = Self.metrics([2, 0, 3, 1]), scaled = Self.metrics(unit: 8)
    let loss = try #require(one.negativeLogLikelihood)
    #expect(abs(turned.rootMeanSquaredError - one.rootMeanSquaredError) < 1e-12)
    #expect(abs(try #require(turned.negativeLogLikelihood) - loss) < 1e-12)
    #expect(abs(scaled.rootMeanSquaredError - 8 * one.rootMeanSquaredError) < 1e-5)
    #expect(abs(try #require(scaled.negativeLogLikelihood) - loss - log(8)) < 1e-6)
    #expect(turned.intervalCoverage == one.intervalCoverage && scaled.intervalCoverage == one.intervalCoverage)
  }

  @Test("what an answer does not say is not measured")
  func absent() {
    let plain = Self.metrics(variances: nil)
    #expect(plain.negativeLogLikelihood == nil && plain.intervalCoverage == nil && plain.rootMeanSquaredError > 0)
    #expect(Self.metrics(variances: [0, 0, 0, 0]).negativeLogLikelihood == nil)
  }
}
