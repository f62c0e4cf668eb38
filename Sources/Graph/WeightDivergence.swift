import DitherBasics
import DitherTensor
import Foundation

/// The normal distributions that a model's noise gives to the numbers of one layer's weights.
struct WeightDistribution {
  let means: [Float]
  /// As many.
  var variances: [Double]
}

extension Graph {
  /// KL(q ‖ p) in nats, q the distribution of this network's weights under its noise, p that of another's of the same
  /// layers: the sum over weights of ln(σp / σq) + (σq² + (μq − μp)²) / 2σp² − ½. Infinite where p has no noise that q
  /// has.
  /// - Throws: where the two are no networks of the same layers, differ in numbers or noise that are not weights with
  ///   Gaussian noise, or draw one noise for several rows.
  public func weightDivergence(from prior: Graph) throws(GraphError) -> Double {
    let (own, others) = (try weightDistributions(), try prior.weightDistributions())
    let (numbers, priorNumbers) = (fixedNumbers(but: own), prior.fixedNumbers(but: others))
    for name in Set(numbers.keys).union(priorNumbers.keys).sorted() where numbers[name] != priorNumbers[name] {
      throw GraphError(
        .noise, at: "'\(name.clipped())'", expected: "the prior's numbers, as no noise is on these",
        got: priorNumbers[name] == nil || numbers[name] == nil ? "them in one model alone" : "others",
        advice: "train with 'parameter_groups: [{parameters: \"\(name.clipped())\", rate: 0}]'")
    }
    func rest(_ noise: NoiseModel?) -> [String] { (noise?.terms ?? []).filter { $0.site != .weights }.map(\.summary) }
    guard rest(noise) == rest(prior.noise) else {
      throw GraphError(
        .noise, at: "noise", expected: "the prior's where it is not on weights: \(rest(prior.noise))",
        got: "\(rest(noise))")
    }
    var sum = 0.0
    for (name, q) in own.sorted(by: { $0.key < $1.key }) {
      guard let p = others[name], p.means.count == q.means.count else {
        throw GraphError(.noise, at: "'\(name.clipped())'", expected: "weights that the prior has", got: "none")
      }
      for (at, (mean, priorMean)) in zip(q.means, p.means).enumerated() {
        let (a, b) = (q.variances[at], p.variances[at]), distance = Double(mean) - Double(priorMean)
        if a == b, distance == 0 { continue }
        guard a > 0, b > 0 else { return .infinity }
        sum += 0.5 * (log(b / a) + (a + distance * distance) / b - 1)
      }
    }
    return sum
  }

  /// By the weights' name.
  private func weightDistributions() throws(GraphError) -> [String: WeightDistribution] {
    var found: [String: WeightDistribution] = [:]
    for (target, terms) in try noise?.placed(in: self) ?? [:] {
      guard case .weights(let at) = target, let id = nodes[at].weights, case .float(let tensor)? = literals[id] else {
        continue
      }
      let name = valueNames[id.index], values = tensor.elements
      // A layer that shares the weights shares their noise.
      guard found[name] == nil else { continue }
      let deviation = values.withUnsafeBufferPointer { buffer in
        buffer.baseAddress.map { standardDeviation($0, buffer.count) } ?? 0
      }
      var variances = [Double](repeating: 0, count: values.count)
      for placed in terms {
        guard placed.term.isGaussian, placed.term.draws != .batch else {
          throw GraphError(
            .noise, at: "noise, term \(placed.position + 1)",
            expected: "Gaussian noise on weights, drawn for each example", got: placed.term.summary)
        }
        let settled = placed.settled(in: self, tensor.shape), sigma = Double(settled.term.sigma ?? 0)
        for (i, value) in values.enumerated() {
          let unit: Double =
            switch placed.term.scale {
            case .absolute: 1
            case .relative: Double(abs(value))
            case .relativeToLayer: Double(deviation)
            }
          let own = sigma * unit * Double(settled.factors?[i] ?? 1)
          variances[i] += own * own
        }
      }
      found[name] = WeightDistribution(means: values, variances: variances)
    }
    return found
  }

  /// Constants that have no noise, by name.
  private func fixedNumbers(but noisy: [String: WeightDistribution]) -> [String: Literal] {
    var found: [String: Literal] = [:]
    for (id, literal) in literals {
      let name = valueNames[id.index]
      if noisy[name] == nil, !LearnedDeviation.isName(name) { found[name] = literal }
    }
    return found
  }
}
