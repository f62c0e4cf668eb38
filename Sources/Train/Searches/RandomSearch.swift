import DitherBasics
import DitherTensor

/// Points drawn from the axes, each independent of the others. Source: Bergstra and Bengio 2012, JMLR 13, 281-305.
public struct RandomSearch: Search {
  public static let name = "random"
  /// Points, from 1.
  public var trials = 20
  /// All draws follow from it.
  public var seed = 1
  public init() {}

  public func check() throws(CatalogError) {
    try require((1...Self.mostPoints).contains(trials), "trials", "1 to \(Self.mostPoints)", trials)
    try require(seed >= 0, "seed", "0 or more", seed)
  }

  public func points(_ axes: [SweepAxis]) -> [[Setting]] {
    (0..<trials).map { trial in
      let address = NoiseAddress(seed: UInt64(max(seed, 0)), sample: UInt32(truncatingIfNeeded: trial))
      return axes.indices.map { axes[$0].value(at: Double(address.uniform($0))) }
    }
  }
}
