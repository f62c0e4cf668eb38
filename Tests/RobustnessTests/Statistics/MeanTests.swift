import DitherTensor
import Testing

import DitherRobustness

@Suite("Means and their intervals")
struct MeanTests {
  /// SciPy's `t.ppf(0.975, n)`.
  @Test(
    "Student's quantile",
    arguments: [(1, 12.706204736432095), (2, 4.302652729911275), (9, 2.2621571627409915), (1000, 1.9623390808264074)])
  func student(_ degrees: Int, _ quantile: Double) { #expect(abs(Statistics.t95(degrees: degrees) - quantile) < 1e-9) }

  @Test("one value has a mean and no interval; few are covered as often as said", arguments: [2, 3, 5, 30])
  func few(_ count: Int) {
    #expect(Statistics.mean([3]).interval == nil && Statistics.mean([3]).value == 3)
    let covered = (0..<2000 as Range<UInt64>).count { seed in
      let found = Statistics.mean(NoiseAddress(seed: seed).normals(count).map { 1 + Double($0) })
      return found.interval.map { $0.low <= 1 && 1 <= $0.high } ?? false
    }
    // Four standard errors of the 2000.
    #expect(abs(Double(covered) / 2000 - 0.95) < 0.02)
  }

  @Test("draws and examples both count", arguments: [(0.0, 1.0), (1, 0), (1, 1), (0.3, 1)])
  func crossed(_ ofDraws: Double, _ ofExamples: Double) {
    let covered = (0..<1000 as Range<UInt64>).count { seed in
      let d = NoiseAddress(seed: seed, site: 1).normals(8), e = NoiseAddress(seed: seed, site: 2).normals(40)
      let rest = NoiseAddress(seed: seed, site: 3).normals(320)
      let found = Statistics.Crossed(
        (0..<8).map { i in
          (0..<40).map { ofDraws * Double(d[i]) + ofExamples * Double(e[$0]) + 0.5 * Double(rest[i * 40 + $0]) }
        })
      return found.interval.map { $0.low <= 0 && 0 <= $0.high } ?? false
    }
    #expect((0.92...0.995).contains(Double(covered) / 1000), "\(covered)")
  }

  @Test("of a share the interval is Wilson's, as wide as the draws and examples make it")
  func shares() {
    // The same in every draw: as the examples alone say. What differs only by draw: as the draws say.
    let rows = (0..<40).map { $0 % 4 == 0 ? 0.0 : 1 }
    let same = Statistics.Crossed([[Double]](repeating: rows, count: 8)).shareInterval
    let plain = Proportion(30, of: 40).interval
    #expect(same.low <= plain.low && same.high >= plain.high && same.high - same.low < 1.2 * (plain.high - plain.low))
    let apart = Statistics.Crossed((0..<8).map { d in [Double](repeating: d % 2 == 0 ? 1 : 0.5, count: 40) })
      .shareInterval
    #expect(apart.high - apart.low > 0.25)
    let perfect = Statistics.Crossed([[Double]](repeating: [1, 1, 1, 1], count: 8)).shareInterval
    #expect(perfect == Proportion(4, of: 4).interval)
  }
}
