import DitherBasics
import DitherTensor

/// Networks that are trained one after the other, each from first weights, an order of examples and draws of its own,
/// over its share of the run: a deep ensemble. Source: Lakshminarayanan et al. 2017, arXiv 1612.01474.
public struct DeepEnsemble: Posterior {
  public static let name = "ensemble"
  public var members = 4
  public init() {}

  public func check() throws(CatalogError) { try require(members: members) }

  public var bufferCount: Int { members }
  public var trainings: Int { members }

  public func pace(_ run: RunLength) -> Pace { Pace(start: 0, every: run.steps / members) }

  public func take(
    _ values: UnsafeBufferPointer<Float>, _ number: Int, into buffers: [UnsafeMutableBufferPointer<Float>]
  ) {
    guard number < members else { return }
    _ = buffers[number].update(fromContentsOf: values)
  }

  public func member(
    _ index: Int, _ taken: Int, from buffers: [UnsafeMutableBufferPointer<Float>], draws: NoiseAddress
  ) -> [Float] { Array(buffers[index]) }
}
