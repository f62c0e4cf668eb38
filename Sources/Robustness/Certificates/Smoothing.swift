import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// Randomized smoothing: what is certified is the smoothed classifier, not the model by itself. Cohen et al. 2019,
/// arXiv 1902.02918.
public struct Smoothing: Certifier {
  public static let name = "smoothing"
  public static let summary = "randomized smoothing: an L2 radius by Gaussian noise on the input (Cohen et al. 2019)"
  /// The standard deviation of the noise, in units of the input.
  public var sigma = 0.25
  /// Copies that choose the class.
  public var n0 = 100
  /// Copies that bound its probability.
  public var n = 10_000
  /// The probability, at most, that a certificate is wrong.
  public var alpha = 0.001
  /// Stops as soon as it may, spending alpha over several looks.
  public var early = false
  /// The L2 radius that is wanted; 0: as large as can be.
  public var targetRadius = 0.0
  /// The answers only, by PREDICT: n copies an example and no radius.
  public var predict = false
  public init() {}

  private enum CodingKeys: String, CodingKey {
    case sigma, n0, n, alpha, early, predict
    case targetRadius = "target_radius"
  }

  public var norm: Norm { .l2 }
  public var goal: Double { targetRadius }
  public var details: [String] { ["σ = \(ParameterValue.written(sigma))"] }
  public var rowsPerExample: Int { predict ? n : n0 + n }
  /// Every quarter of sigma, as far as a perfect record reaches.
  public var radii: [Double] {
    if predict { return [0] }
    let step = sigma / 4, steps = Int((ceiling / step).rounded(.down))
    let grid = (0...max(steps, 0)).map { Double($0) * step }
    return targetRadius > 0 && !grid.contains(targetRadius) ? (grid + [targetRadius]).sorted() : grid
  }

  /// The radius of a perfect record.
  private var ceiling: Double {
    sigma * Statistics.normalQuantile(SpentBound(n: n, alpha: alpha, early: early).ceiling)
  }

  public func check(_ predictor: DeployedPredictor) throws {
    try predictor.model.signature.checkOneFloat(for: "probe \(Self.name)")
  }

  /// Plans that cannot succeed are refused before anything is drawn.
  public func validate() throws(RobustnessError) {
    try SmoothedClassifier.check(sigma: sigma)
    try require(n0, in: 1...10_000_000, "n0")
    try require(n, in: 1...100_000_000, "n")
    try require(alpha, in: 1e-12...0.5, "alpha")
    try require(targetRadius, in: 0...1e6, "target_radius")
    if predict {
      guard targetRadius == 0, !early else {
        throw RobustnessError(
          .parameter, at: "predict", expected: "neither target_radius nor early with it: it gives no radius",
          got: "predict=true")
      }
      // With n of n on one side the test's p is 2^(1 − n).
      guard pow(2, 1 - Double(n)) <= alpha else {
        throw hopeless("2^(1 - n) ≤ alpha", least: Int((1 - log2(alpha)).rounded(.up)))
      }
      return
    }
    let spent = SpentBound(n: n, alpha: alpha, early: early), last = spent.alphas[spent.alphas.count - 1]
    guard spent.ceiling > 0.5 else {
      throw hopeless(
        "alpha^(1/n) > 1/2\(early ? " for the last look's half of alpha" : "")",
        least: Int((log(last) / log(0.5)).rounded(.down)) + 1)
    }
    guard targetRadius <= ceiling else {
      throw RobustnessError(
        .parameter, at: "target_radius", expected: "at most \(ceiling), which n copies without a failure give",
        got: "\(targetRadius)", advice: "raise n or sigma")
    }
  }

  private func hopeless(_ condition: String, least: Int) -> RobustnessError {
    RobustnessError(
      .parameter, at: "n", expected: "\(condition), else it always abstains", got: "n = \(n), alpha = \(alpha)",
      advice: "take n ≥ \(least) or a larger alpha")
  }

  public func certify(
    _ batch: ProbeBatch, of predictor: DeployedPredictor
  ) throws -> (certificates: [Certificate], rows: Int) {
    let smoothed = try SmoothedClassifier(
      predictor.model, sigma: sigma, random: predictor.isRandom, seed: batch.seed)
    var budget = SmoothedClassifier.Budget(), rows = 0, certificates: [Certificate] = []
    (budget.n0, budget.n, budget.alpha, budget.early) = (n0, n, alpha, early)
    budget.target = targetRadius > 0 ? targetRadius : nil
    let proceed: @Sendable () throws -> Void = { try batch.proceed() }
    for (at, label) in batch.labels.enumerated() {
      let x = batch.inputs.rows(at..<at + 1)
      var certificate: Certificate
      if predict {
        certificate = try smoothed.predict(x, identity: batch.identities[at], n: n, alpha: alpha, proceed: proceed)
        rows += n
      } else {
        let found = try smoothed.certify(x, identity: batch.identities[at], budget: budget, proceed: proceed)
        certificate = found.certificate
        rows += found.copies
      }
      certificate.correct = certificate.label == label
      certificates.append(certificate)
    }
    return (certificates, rows)
  }
}
