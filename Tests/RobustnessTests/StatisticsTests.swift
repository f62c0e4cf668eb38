import DitherRobustness
import Testing

/// Against SciPy 1.17 (`binomtest`) and a published table.
@Suite("Statistics")
struct StatisticsTests {
  @Test(
    "Wilson's interval",
    arguments: [
      (0, 10, 0.0, 0.27753279986288926), (10, 10, 0.7224672001371109, 1.0),
      (7, 10, 0.39677814746114526, 0.892208732593699), (93, 100, 0.8625048526092649, 0.9656807389327273),
      (1, 200, 0.0008831687156009762, 0.02777370439789293), (500, 1000, 0.4690696003681042, 0.5309303996318958),
    ])
  func wilson(_ k: Int, _ n: Int, _ low: Double, _ high: Double) {
    let interval = Proportion(k, of: n).interval
    #expect(abs(interval.low - low) < 1e-12 && abs(interval.high - high) < 1e-12)
  }

  @Test(
    "McNemar's exact test",
    arguments: [
      (0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (2, 12, 0.012939453125), (30, 10, 0.0022214337732293643),
      (200, 150, 0.008720036530555947), (7, 7, 1.0),
    ])
  func mcnemar(_ b: Int, _ c: Int, _ p: Double) {
    #expect(abs(Statistics.mcnemar(onlyFirst: b, onlySecond: c) - p) < 1e-10)
  }

  /// Newcombe 1998, Statistics in Medicine 17, table II.
  @Test("Newcombe's interval of a paired difference, method 10")
  func newcombe() {
    let interval = Statistics.pairedDifference(both: 36, onlyFirst: 12, onlySecond: 2, neither: 0)
    #expect(abs(interval.low - 0.0569) < 5e-5 && abs(interval.high - 0.3404) < 5e-5)
    let turned = Statistics.pairedDifference(both: 36, onlyFirst: 2, onlySecond: 12, neither: 0)
    #expect(abs(turned.low + interval.high) < 1e-12)
    let none = Statistics.pairedDifference(both: 50, onlyFirst: 0, onlySecond: 0, neither: 0)
    #expect(none.low <= 0 && none.high >= 0 && none.high < 0.11)
  }

  @Test("bounds mirror each other, and enclose the share")
  func mirrored() {
    for (k, n) in [(0, 7), (3, 7), (7, 7), (480, 1000), (99_999, 100_000)] {
      let low = Statistics.lowerBound(k, of: n, alpha: 0.01), high = Statistics.upperBound(k, of: n, alpha: 0.01)
      #expect(low <= Double(k) / Double(n) && Double(k) / Double(n) <= high && low < high)
      #expect(high == 1 - Statistics.lowerBound(n - k, of: n, alpha: 0.01))
    }
  }
}
