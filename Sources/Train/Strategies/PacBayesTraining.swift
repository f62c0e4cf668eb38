import DitherBasics
import DitherGraph
import DitherInference
import Foundation

/// PAC-Bayes with a learned prior: for the share `until` of the epochs a share of the rows trains the prior, then all
/// rows train a posterior that starts there, N(μ, σ²) for each weight whose noise is `learned: element`, by the
/// gradient of a bound on its risk. The prior is N(μ₀, σ₀²), of the weights as they were then and of the noise as the
/// recipe has it; the rows that it has not seen are those that certify (the probe `pac_bayes` with `prior`). All that
/// has no such noise, biases say, is the prior's from then on, so that there is no place for statistics of batches.
/// Source: Pérez-Ortiz et al. 2021, JMLR 22, 5 and 6; Thiemann et al. 2017, arXiv 1608.05610, of `lambda`.
///
/// With r the mean loss in units of −ln `least`, at most 1, and B = (KL + ln(2√n / δ)) / 2n, the bound is (√(r + B) +
/// √B)² (`quad`), r + √B (`classic`), or r / (1 − λ/2) + 2B / (λ (1 − λ/2)) at its best λ (`lambda`). Gradients are
/// those of the bound in units of the loss: r counts once, and the KL by what it weighs against r. Its schedule is a
/// factor on the KL.
public struct PacBayesTraining: Strategy {
  public static let name = "pac_bayes"
  /// The share of the training rows that the prior is trained on.
  public var share = 0.5
  /// The share of the epochs that train the prior.
  public var until = 0.5
  /// The bound.
  public var objective = Objective.quad
  /// The probability with which the examples may mislead, δ.
  public var delta = 0.025
  /// A factor on the KL, above 0, to 1: below it the posterior fits its rows better than the bound asks.
  public var penalty = 1.0
  /// The probability of a class below which a loss counts as 1.
  public var least = 1e-5
  /// Deviations with the weights that they are of.
  private var pairs: [String: String] = [:]

  /// A bound that training lowers.
  public enum Objective: String, Codable, Sendable, CaseIterable { case quad, lambda, classic }
  private enum CodingKeys: String, CodingKey { case share, until, objective, delta, penalty, least }

  public init() {}

  public func check() throws(CatalogError) {
    try require(share > 0 && share < 1, "share", "above 0 and below 1", share)
    try require(until > 0 && until < 1, "until", "above 0 and below 1", until)
    try require(delta >= 1e-12 && delta <= 0.5, "delta", "1e-12 to 0.5", delta)
    try require(penalty > 0 && penalty <= 1, "penalty", "above 0, to 1", penalty)
    try require(least >= 1e-12 && least <= 0.1, "least", "1e-12 to 0.1", least)
  }

  public var priorPhase: PriorPhase? { PriorPhase(share: share, until: until) }

  public mutating func start(on graph: Graph, _ task: ModelTask) throws {
    guard !task.isRegression else {
      throw TrainError(
        .recipe, at: "strategy '\(Self.name)'", expected: "classes: its bound is on the share of wrong answers",
        got: task.name)
    }
    guard !graph.nodes.contains(where: { $0.op.statisticsVariant != nil }) else {
      throw TrainError(
        .recipe, at: "strategy '\(Self.name)'",
        expected: "a network without normalization by batches, as statistics are of rows that the prior has not seen",
        got: "one with it", advice: "say 'normalization: none', or another model")
    }
    pairs = graph.posteriors()
    guard pairs.isEmpty else { return }
    throw TrainError(
      .recipe, at: "strategy '\(Self.name)'",
      expected: "weights whose noise is learned, one by one: {site: weights, sigma: 0.02, learned: element}",
      got: "none")
  }

  public func gradients(_ step: inout TrainingStep) {
    let position = step.position, all = step.parameters
    guard position.strength > 0 else { return }
    if position.isPrior {
      for parameter in all where pairs[parameter.name] != nil { parameter.gradient.update(repeating: 0) }
      return
    }
    let layers = layers(all), means = Set(pairs.values)
    let factor =
      position.strength * penalty
      * weight(
        risk: risk(step.losses), divergence: layers.reduce(0) { $0 + $1.divergence }, examples: position.unseen)
    for layer in layers { layer.add(factor) }
    for parameter in all where pairs[parameter.name] == nil && !means.contains(parameter.name) {
      parameter.gradient.update(repeating: 0)
    }
  }

  /// The prior's deviations while it is trained, and later its biases, stay as they are: decay would move them too, and
  /// so would a step whose strength is 0.
  public func after(_ step: TrainingStep) {
    let means = Set(pairs.values), isPrior = step.position.isPrior
    for parameter in step.parameters where !parameter.start.isEmpty {
      let isDeviation = pairs[parameter.name] != nil
      if isPrior ? isDeviation : !isDeviation && !means.contains(parameter.name) {
        _ = parameter.values.update(fromContentsOf: parameter.start)
      }
    }
  }

  /// The mean of the losses, each at most 1, in units of −ln `least`.
  package func risk(_ losses: [Float]) -> Double {
    let most = -log(least)
    return losses.reduce(0) { $0 + min(Double($1) / most, 1) } / Double(max(losses.count, 1))
  }

  /// The bound.
  package func bound(risk: Double, divergence: Double, examples: Int) -> Double {
    let b = half(divergence, examples)
    switch objective {
    case .classic: return risk + b.squareRoot()
    case .quad:
      let sum = (risk + b).squareRoot() + b.squareRoot()
      return sum * sum
    case .lambda:
      let lambda = Self.lambda(risk, b)
      return risk / (1 - lambda / 2) + 2 * b / (lambda * (1 - lambda / 2))
    }
  }

  /// The weight of a nat of the KL in units of the loss: the bound's slope for the KL by that for the loss.
  package func weight(risk: Double, divergence: Double, examples: Int) -> Double {
    let b = half(divergence, examples), ofHalf: Double
    switch objective {
    case .classic: ofHalf = 0.5 / b.squareRoot()
    case .quad: ofHalf = 1 + ((risk + b) / b).squareRoot()
    // At its best λ the bound's slope for λ is 0.
    case .lambda: ofHalf = 2 / Self.lambda(risk, b)
    }
    return -log(least) * ofHalf / (2 * Double(max(examples, 1)))
  }

  /// B: (KL + ln(2√n / δ)) / 2n.
  private func half(_ divergence: Double, _ examples: Int) -> Double {
    let n = Double(max(examples, 1))
    return (max(divergence, 0) + log(2 * n.squareRoot() / delta)) / (2 * n)
  }

  private static func lambda(_ risk: Double, _ b: Double) -> Double { 2 / ((risk / b + 1).squareRoot() + 1) }

  private func layers(_ all: [TrainingStep.Parameter]) -> [Layer] {
    let named = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return all.compactMap { rho in pairs[rho.name].flatMap { named[$0] }.map { Layer(mean: $0, rho: rho) } }
  }

  /// One layer's weights with their deviations, and the KL of both from where the run's prior had them.
  private struct Layer {
    let mean: TrainingStep.Parameter, rho: TrainingStep.Parameter
    private let deviations: [Double]
    private(set) var divergence = 0.0

    init(mean: TrainingStep.Parameter, rho: TrainingStep.Parameter) {
      (self.mean, self.rho) = (mean, rho)
      deviations = rho.values.map { softplus(Double($0)) }
      var sum = 0.0
      each { i, prior, distance in sum += prior.divergence(distance, deviations[i]) }
      divergence = sum
    }

    /// Adds the gradient of so many times the KL.
    func add(_ factor: Double) {
      each { i, prior, distance in
        let sigma = deviations[i], slope = prior.slope(distance, sigma, 0)
        mean.gradient[i] += Float(factor * slope.mean)
        // The slope of ln(1 + eᵖ) is 1 − exp of it negated.
        rho.gradient[i] += Float(factor * slope.sigma * (1 - exp(-sigma)))
      }
    }

    /// By weight: its prior, around its mean, and how far the weight is from there.
    private func each(_ body: (_ i: Int, _ prior: BayesByBackprop, _ distance: Double) -> Void) {
      var prior = BayesByBackprop(), last: Float?
      for i in deviations.indices {
        let start = rho.start.isEmpty ? rho.values[i] : rho.start[i]
        if start != last {
          prior.prior = softplus(Double(start))
          last = start
        }
        body(i, prior, Double(mean.values[i]) - Double(mean.start.isEmpty ? 0 : mean.start[i]))
      }
    }
  }
}
