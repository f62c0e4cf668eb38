import DitherBasics
import DitherTensor
import Foundation

/// Each example becomes λ · itself + (1 − λ) · another of its batch, and so does its target; λ of a step is drawn from
/// Beta(alpha, alpha). Its schedule is a factor on alpha. Source: Zhang et al. 2018, arXiv 1710.09412, figure 1.
public struct Mixup: Strategy {
  public static let name = "mixup"
  public static let changesExamples = true
  /// Above 0: near 0 hardly mixed, 1 any share alike.
  public var alpha = 0.2
  public init() {}

  public func check() throws(CatalogError) {
    try require(alpha > 0 && alpha <= 1000, "alpha", "above 0, to 1000", alpha)
  }

  public func prepare(_ batch: inout Batch, at position: StepPosition) {
    let alpha = alpha * position.strength
    guard alpha > 0 else { return }
    var generator = position.generator
    let own = Float(Self.share(alpha, &generator))
    let order = Array(0..<batch.targets.count).shuffled(using: &generator)
    func mixed(_ rows: Tensor) -> Tensor { rows.zip(rows.rows(at: order)) { own * $0 + (1 - own) * $1 } }
    batch.inputs = mixed(batch.inputs)
    batch.targets = batch.targets.mapped(mixed)
  }

  /// One draw of Beta(a, a): of two gamma variates the first's share of their sum.
  private static func share(_ a: Double, _ generator: inout PhiloxGenerator) -> Double {
    let first = logGamma(a, &generator), second = logGamma(a, &generator)
    return 1 / (1 + exp(second - first))
  }

  /// The logarithm of a draw of Gamma(a, 1), which of a small a does not fall to 0. Source: Marsaglia and Tsang 2000,
  /// ACM TOMS 26, sections 2 and 6.
  private static func logGamma(_ a: Double, _ generator: inout PhiloxGenerator) -> Double {
    func uniform() -> Double { 1 - Double.random(in: 0..<1, using: &generator) }
    let d = a + 1 - 1 / 3, c = 1 / (9 * d).squareRoot()
    while true {
      // A normal by Box and Muller.
      let x = (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform()), v = pow(1 + c * x, 3)
      guard v > 0, log(uniform()) < x * x / 2 + d - d * v + d * log(v) else { continue }
      return log(d * v) + log(uniform()) / a
    }
  }
}
