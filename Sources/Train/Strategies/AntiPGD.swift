import DitherBasics
import DitherTensor

/// Anticorrelated noise on the parameters: behind each update ξ(t + 1) − ξ(t), with ξ of N(0, sigma²) for each
/// parameter, so that the noise of a run adds up to one draw. Source: Orvieto et al. 2022, arXiv 2202.02831,
/// equation 2.
public struct AntiPGD: Strategy {
  public static let name = "anti_pgd"
  /// The standard deviation of ξ, 0 or more.
  public var sigma = 0.001
  public init() {}

  public func check() throws(CatalogError) { try require(sigma >= 0 && sigma <= 1e6, "sigma", "0 to 1e6", sigma) }

  public func after(_ step: TrainingStep) {
    let position = step.position, sigma = Float(sigma * position.strength)
    guard sigma > 0 else { return }
    for (index, parameter) in step.parameters.enumerated() {
      for (number, sign) in [(position.number, -sigma), (position.number + 1, sigma)]
      where number > position.first {
        let address = NoiseAddress(
          seed: mixSeed(position.seed, 0xA971), site: UInt32(index), sample: UInt32(truncatingIfNeeded: number))
        guard let base = parameter.values.baseAddress else { continue }
        address.addNormals(times: sign, to: base, into: parameter.values)
      }
    }
  }
}
