import DitherTensor
import Foundation

/// Answers to examples whose right answers are known, in the examples' order.
public struct HeldAnswers: Sendable {
  /// The numbers of the examples that it is of.
  public var rows: [Int]
  /// −ln of the true class's mean probability, or of the targets' density, the mean over a row's values, in nats.
  public var losses: [Double]
  /// A classifier's mean probabilities; empty of a regression.
  public var probabilities: [[Double]]
  /// A regression's answers; empty of a classifier.
  public var means: [[Double]]
  /// A regression's variances, beside what `residual` says.
  var variances: [[Double]]
  /// The variance of targets around the answers of a regression that says none, by value.
  var residual: [Double]?
  let targets: Targets

  /// In nats.
  public var negativeLogLikelihood: Double { Metrics.mean(losses.map { $0.isFinite ? $0 : Metrics.lossOfZero }) }

  /// A classifier's.
  init(_ rows: [Int], losses: [Double], probabilities: [[Double]], _ targets: Targets) {
    self.init(
      rows: rows, losses: losses, probabilities: probabilities, means: [], variances: [], residual: nil,
      targets: targets)
  }

  private init(
    rows: [Int], losses: [Double], probabilities: [[Double]], means: [[Double]], variances: [[Double]],
    residual: [Double]?, targets: Targets
  ) {
    (self.rows, self.losses, self.probabilities) = (rows, losses, probabilities)
    (self.means, self.variances, self.residual, self.targets) = (means, variances, residual, targets)
  }

  /// A regression's.
  /// - Parameter residual: nil: the one under which these targets are likeliest, where there is to be one.
  init(
    _ rows: [Int], means: [[Double]], variances: [[Double]], hasVariance: Bool, residual: [Double]? = nil,
    _ targets: Targets
  ) {
    self.init(
      rows: rows, losses: [], probabilities: [], means: means, variances: variances, residual: nil, targets: targets)
    if !hasVariance { self.residual = residual ?? fittedResidual() }
    losses = rows.indices.map { at in
      let terms = errors(at).enumerated().map { i, error in
        let variance = max(variances[at][i] + (self.residual?[i] ?? 0), .leastNormalMagnitude)
        return (log(2 * .pi * variance) + error * error / variance) / 2
      }
      return Metrics.mean(terms)
    }
  }

  /// The answers' differences from the targets, by value.
  public func errors(_ at: Int) -> [Double] {
    guard case .values(let values) = targets[rows[at]] else { return [] }
    return zip(means[at], values).map { $0 - Double($1) }
  }

  /// The right class of each row.
  public var labels: [Int] { rows.map { targets[$0].label ?? 0 } }

  /// By value: the s² under which targets are likeliest that are normal around the answers with the variance s² + v of
  /// each. Its derivative is 0 at a root between 0 and the largest squared error, which is halved for.
  private func fittedResidual() -> [Double] {
    let all = rows.indices.map(errors)
    return (0..<(means.first?.count ?? 0)).map { i in
      let squares = all.map { $0[i] * $0[i] }, own = variances.map { $0[i] }
      // Σ (e² − v − s²) / (v + s²)² falls through 0 there.
      func slope(_ s: Double) -> Double {
        zip(squares, own).reduce(0) { $0 + ($1.0 - $1.1 - s) / (($1.1 + s) * ($1.1 + s)) }
      }
      var high = max(squares.max() ?? 0, .leastNormalMagnitude), low = high * 1e-12
      guard slope(low) > 0 else { return low }
      for _ in 0..<80 {
        let middle = (low * high).squareRoot()
        if slope(middle) > 0 { low = middle } else { high = middle }
      }
      return (low * high).squareRoot()
    }
  }

  /// Some of them, their losses as they are.
  func part(_ wanted: [Int]) -> HeldAnswers {
    let places = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
    let at = wanted.compactMap { places[$0] }
    var part = self
    part.rows = at.map { rows[$0] }
    part.losses = at.map { losses[$0] }
    part.probabilities = probabilities.isEmpty ? [] : at.map { probabilities[$0] }
    part.means = means.isEmpty ? [] : at.map { means[$0] }
    part.variances = variances.isEmpty ? [] : at.map { variances[$0] }
    return part
  }

  /// The same answers judged by another variance of targets around them; nil: by the likeliest for these.
  func judged(by residual: [Double]?) -> HeldAnswers {
    guard self.residual != nil else { return self }
    return HeldAnswers(rows, means: means, variances: variances, hasVariance: false, residual: residual, targets)
  }

  /// Several parts as one, in the order of the rows.
  static func joined(_ parts: [HeldAnswers]) -> HeldAnswers? {
    guard var whole = parts.first else { return nil }
    for part in parts.dropFirst() {
      whole.rows += part.rows
      whole.losses += part.losses
      whole.probabilities += part.probabilities
      whole.means += part.means
      whole.variances += part.variances
    }
    return whole.part(whole.rows.sorted())
  }
}
