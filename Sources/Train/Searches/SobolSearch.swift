import DitherBasics
import DitherTensor

/// Points of Sobol's sequence, which cover the axes more evenly than chance: any 2^k that follow each other from the
/// first have one in each of as many equal parts of every axis. At seed 0 the sequence itself; else its digits are
/// shifted by the seed. Source: Sobol 1967; directions of Joe and Kuo 2008, SIAM J. Sci. Comput. 30, 2635-2654.
public struct SobolSearch: Search {
  public static let name = "sobol"
  /// Points, from 1; a power of 2 covers best.
  public var trials = 16
  /// The shift follows from it.
  public var seed = 1
  public init() {}

  public func check() throws(CatalogError) {
    try require((1...Self.mostPoints).contains(trials), "trials", "1 to \(Self.mostPoints)", trials)
    try require(seed >= 0, "seed", "0 or more", seed)
  }

  /// By axis from the second: the coefficients of a primitive polynomial, and the first directions.
  private static let table: [(coefficients: UInt32, first: [UInt32])] = [
    (0, [1]), (1, [1, 3]), (1, [1, 3, 1]), (2, [1, 1, 1]), (1, [1, 1, 3, 3]), (4, [1, 3, 5, 13]),
    (2, [1, 1, 5, 5, 17]),
    (4, [1, 1, 5, 5, 5]), (7, [1, 1, 7, 11, 19]),
  ]
  private static let bits = 32

  private static func directions(_ axis: Int) -> [UInt32] {
    guard axis > 0 else { return (0..<bits).map { 1 << UInt32(bits - 1 - $0) } }
    let (coefficients, first) = table[axis - 1], degree = first.count
    var found = first.enumerated().map { $1 << UInt32(bits - 1 - $0) }
    for i in degree..<bits {
      var next = found[i - degree] ^ (found[i - degree] >> UInt32(degree))
      for k in 1..<max(degree, 1) where (coefficients >> UInt32(degree - 1 - k)) & 1 == 1 { next ^= found[i - k] }
      found.append(next)
    }
    return found
  }

  public func points(_ axes: [SweepAxis]) throws(TrainError) -> [[Setting]] {
    guard axes.count <= Self.table.count + 1 else {
      throw TrainError(
        .recipe, at: "sweep, 'keys'", expected: "at most \(Self.table.count + 1) keys, as the search is \(Self.name)",
        got: "\(axes.count)", advice: "say search: random")
    }
    let directions = axes.indices.map(Self.directions)
    let shifts = axes.indices.map { axis in
      seed == 0 ? 0 : UInt32(truncatingIfNeeded: mixSeed(UInt64(max(seed, 0)), 0x50B0, UInt64(axis)))
    }
    return (0..<trials).map { trial in
      let gray = UInt32(trial) ^ (UInt32(trial) >> 1)
      return axes.indices.map { axis in
        var digits = shifts[axis]
        for bit in 0..<Self.bits where (gray >> UInt32(bit)) & 1 == 1 { digits ^= directions[axis][bit] }
        return axes[axis].value(at: Double(digits) / 4_294_967_296)
      }
    }
  }
}
