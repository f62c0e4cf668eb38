import DitherBasics
import DitherGraph
import DitherTensor
import Foundation

/// A diagonal Laplace approximation of the posterior: the trained weights are its mean, and a weight's variance is
/// 1 / (h + δ), h its diagonal Gauss–Newton curvature over the examples (``GaussNewton``) and δ the precision of a
/// normal prior around 0. Biases are points. Sources: MacKay 1992, Neural Computation 4, for posterior and evidence;
/// Daxberger et al. 2021, arXiv 2106.14806.
public struct LaplacePosterior: NoiseCandidate {
  public static let name = "laplace"

  /// The judge of the prior's precision.
  public enum Prior: String, Codable, Sendable, CaseIterable {
    /// The log-likelihood of the examples under draws; an infinite precision, the plain model, is among the choices.
    case heldOut = "held_out"
    /// The evidence of the examples for the prior (MacKay 1992, equation 22).
    case evidence
  }

  /// The weights that it is of.
  public var layers = GaussNewton.Layers.all
  /// How δ is found.
  public var prior = Prior.heldOut
  /// Examples that the model was trained on, for which the curvature over these stands; 0: as many as there are.
  public var examples = 0
  public init() {}

  /// Steps of δ.
  private static let factor = 10.0.squareRoot()
  private static let mostSteps = 12
  private static let precisions = 1e-6...1e12

  public func fit(_ trials: NoiseTrials, on part: NoiseTrials.Part) throws -> ChosenNoise? {
    guard (0...1_000_000_000).contains(examples) else {
      throw InferenceError(.samples, at: "laplace examples", expected: "0 to 1000000000", got: "\(examples)")
    }
    let scale = examples > 0 ? Double(examples) / Double(part.rows.count) : 1
    let curvature = try trials.curvature(of: layers, on: part).mapValues { $0.map { $0 * scale } }
    let weights = trials.weights.filter { curvature[$0.name] != nil }
    guard curvature.values.contains(where: { $0.contains { $0 > 0 } }) else { return nil }
    let squares = weights.reduce(0.0) { sum, weight in
      guard case .float(let tensor)? = trials.base.literals[weight.id] else { return sum }
      return sum + tensor.elements.reduce(0.0) { $0 + Double($1) * Double($1) }
    }
    let start = Self.evident(curvature.values.flatMap { $0 }, squares: squares)
    func noise(_ precision: Double) -> ChosenNoise {
      var deviations: [String: Tensor] = [:]
      for weight in weights {
        guard let own = curvature[weight.name] else { continue }
        deviations[weight.name] = Tensor(weight.shape, own.map { Float(1 / ($0 + precision).squareRoot()) })
      }
      let count = examples > 0 ? examples : part.rows.count
      return ChosenNoise(
        .deviations(deviations, by: .element, scale: .absolute, layers: layers == .last ? weights.first?.name : nil),
        "prior precision \(Self.shown(precision)), \(count) examples")
    }
    guard prior == .heldOut else { return noise(start) }
    let plain = try trials.loss(of: .none, on: part, key: nil)
    var best = (precision: start, loss: try trials.loss(of: noise(start), on: part, key: nil))
    for direction in [Self.factor, 1 / Self.factor] {
      var precision = best.precision * direction, worse = 0
      for _ in 0..<Self.mostSteps where Self.precisions.contains(precision) && worse < 2 {
        let loss = try trials.loss(of: noise(precision), on: part, key: nil)
        worse = loss < best.loss ? 0 : worse + 1
        if loss < best.loss { best = (precision, loss) }
        precision *= direction
      }
      if best.precision != start { break }
    }
    return best.loss < plain ? noise(best.precision) : ChosenNoise.none
  }

  /// The precision of largest evidence, by MacKay's fixed point δ = γ / Σ w², γ = Σ h / (h + δ) the number of weights
  /// that the examples determine.
  /// - Parameter squares: Σ w².
  static func evident(_ curvature: [Double], squares: Double) -> Double {
    guard squares > 0 else { return precisions.upperBound }
    var precision = Double(curvature.count) / squares
    for _ in 0..<1000 {
      let determined = curvature.reduce(0) { $0 + $1 / ($1 + precision) }
      let next = min(max(determined / squares, precisions.lowerBound), precisions.upperBound)
      let isFound = abs(next - precision) <= 1e-6 * precision
      precision = next
      if isFound { break }
    }
    return precision
  }

  private static func shown(_ number: Double) -> String {
    String(format: "%.3g", number)
  }
}
