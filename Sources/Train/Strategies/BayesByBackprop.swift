import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// Bayes by Backprop: the network's weights are distributed as N(μ, σ²), and training lowers the mean loss plus
/// KL(q ‖ prior) / N. The noise is a term `{site: weights, learned: element}`, whose σ = ln(1 + eᵖ) is trained; this
/// adds the gradient of the KL. Source: Blundell et al. 2015, arXiv 1505.05424, equations 2, 7 and 9.
///
/// With a Gaussian prior the KL is in closed form, ln(σp / σ) + (σ² + μ²) / 2 σp² − ½. With the scale mixture π N(0,
/// σ1²) + (1 − π) N(0, σ2²) the prior's part is at one draw of the weights a step, at an address of its own: where
/// noise is added at the outputs, no weights are drawn that it could share. Biases, and weights without such noise,
/// have no prior. Its schedule is a factor on the KL.
public struct BayesByBackprop: Strategy {
  public static let name = "bayes_by_backprop"
  /// The prior's standard deviation: of a mixture, that of its wider part, σ1.
  public var prior = 1.0
  /// The share of the wider part in a mixture; 1: a Gaussian prior.
  public var share = 1.0
  /// σ2, of a mixture.
  public var narrow = 0.0025
  /// The shares of an epoch's steps i = 1 … M in its KL: `uniform`, 1 / M, or `blundell`, 2^(M − i) / (2^M − 1).
  public var weights = Weights.uniform
  /// The prior's means: 0, or the weights before the first step, which a certificate can be computed from (Pérez-Ortiz
  /// et al. 2021, JMLR 22, 6.1).
  public var around = Center.zero
  private var pairs: [String: String] = [:]
  private var starts: [String: [Float]] = [:]

  /// How an epoch's steps share the KL.
  public enum Weights: String, Codable, Sendable, CaseIterable { case uniform, blundell }
  /// The means of a prior.
  public enum Center: String, Codable, Sendable, CaseIterable { case zero, start }
  private enum CodingKeys: String, CodingKey { case prior, share, narrow, weights, around }

  public init() {}

  public func check() throws(CatalogError) {
    try require(prior > 0 && prior <= 1e6, "prior", "above 0, to 1e6", prior)
    try require(share > 0 && share <= 1, "share", "above 0, to 1", share)
    try require(around == .zero || share == 1, "around", "zero beside a mixture", around.rawValue)
    try require(narrow > 0 && narrow <= prior, "narrow", "above 0, to the prior's \(prior)", narrow)
  }

  public mutating func start(on graph: Graph, _ task: ModelTask) throws {
    pairs = graph.posteriors()
    guard !pairs.isEmpty else {
      throw TrainError(
        .recipe, at: "strategy '\(Self.name)'",
        expected: "weights whose noise is learned, one by one: {site: weights, sigma: 0.05, learned: element}",
        got: "none")
    }
    guard around == .start else { return }
    for (id, literal) in graph.literals {
      guard case .float(let tensor) = literal, pairs.values.contains(graph.valueNames[id.index]) else { continue }
      starts[graph.valueNames[id.index]] = Array(tensor.elements)
    }
  }

  /// The step's share of the KL, in the unit of the mean loss.
  func factor(at position: StepPosition) -> Double {
    let steps = Double(position.stepsPerEpoch), number = Double(position.number % position.stepsPerEpoch + 1)
    // 2^(M − i) / (2^M − 1), without its large numbers.
    let share = weights == .uniform ? 1 / steps : exp2(-number) / (1 - exp2(-steps))
    return position.strength * share * steps / Double(position.examples)
  }

  public func gradients(_ step: inout TrainingStep) {
    let factor = factor(at: step.position)
    guard factor > 0 else { return }
    let all = step.parameters, named = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for (index, rho) in all.enumerated() {
      guard let mean = pairs[rho.name].flatMap({ named[$0] }) else { continue }
      let center = starts[mean.name]
      let draws = share < 1 ? address(step.position, index).normals(rho.values.count) : []
      for i in rho.values.indices {
        let p = Double(rho.values[i]), mu = Double(mean.values[i]) - Double(center?[i] ?? 0)
        let sigma = softplus(p)
        let slope = self.slope(mu, sigma, draws.isEmpty ? 0 : Double(draws[i]))
        mean.gradient[i] += Float(factor * slope.mean)
        rho.gradient[i] += Float(factor * slope.sigma / (1 + exp(-p)))
      }
    }
  }

  private func address(_ position: StepPosition, _ parameter: Int) -> NoiseAddress {
    NoiseAddress(seed: mixSeed(position.seed, 0xBA7E5, UInt64(position.number)), site: UInt32(parameter))
  }

  /// The derivatives of one weight's KL for μ and σ; of a mixture at the draw `epsilon`.
  package func slope(_ mu: Double, _ sigma: Double, _ epsilon: Double) -> (mean: Double, sigma: Double) {
    guard share < 1 else {
      let precision = 1 / (prior * prior)
      return (mu * precision, sigma * precision - 1 / sigma)
    }
    // −d ln p / dw = w (a / σ1² + b / σ2²), a and b the parts' shares of the density at w.
    let w = mu + sigma * epsilon
    let wide = log(share / prior) - w * w / (2 * prior * prior)
    let other = log((1 - share) / narrow) - w * w / (2 * narrow * narrow)
    let a = 1 / (1 + exp(other - wide))
    let pull = w * (a / (prior * prior) + (1 - a) / (narrow * narrow))
    // ln q of its own draw is −ln σ but for a constant.
    return (pull, pull * epsilon - 1 / sigma)
  }

  /// One weight's KL for a Gaussian prior.
  package func divergence(_ mu: Double, _ sigma: Double) -> Double {
    log(prior / sigma) + (sigma * sigma + mu * mu) / (2 * prior * prior) - 0.5
  }
}
