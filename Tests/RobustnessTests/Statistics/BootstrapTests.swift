import DitherRobustness
import Testing

@Suite("Bootstrap")
struct BootstrapTests {
  /// The standard error of a mean of n numbers of unit variance is 1/√n: 1.96 of them to each side.
  @Test("a mean's interval is as wide as theory has it", arguments: [100, 1000, 5000])
  func mean(_ n: Int) throws {
    let values = (0..<n).map { $0 % 2 == 0 ? 1.0 : -1.0 }
    let interval = try #require(
      Bootstrap([n], resamples: 1000).interval { $0.reduce(0) { $0 + values[$1] } / Double(n) })
    let width = 2 * 1.96 / Double(n).squareRoot()
    #expect(abs((interval.high - interval.low) / width - 1) < 0.1)
    #expect(abs((interval.high + interval.low) / 2) < 0.1 * width)
  }

  @Test("resamples are of the groups' sizes, in rising order, with replacement, and the same each time")
  func resamples() {
    var seen: [[[Int]]] = []
    for _ in 0..<2 {
      _ = Bootstrap([40, 7]).intervals {
        seen.append($0)
        return [0]
      }
    }
    #expect(seen.count == 400 && Array(seen[..<200]) == Array(seen[200...]))
    #expect(seen.allSatisfy { $0.map(\.count) == [40, 7] && $0.allSatisfy { $0 == $0.sorted() } })
    #expect(seen.contains { Set($0[0]).count < 40 } && Set(seen.flatMap { $0[1] }) == Set(0..<7))
    var count = 0
    _ = Bootstrap([2001]).interval {
      count += 1
      return Double($0.count)
    }
    #expect(count == 100)
  }

  @Test("what is no number is left out; nothing has no interval")
  func missing() {
    let some = Bootstrap([10]).interval { $0.contains(0) ? .nan : 3 }
    #expect(some == Interval(low: 3, high: 3))
    #expect(Bootstrap([10]).interval { _ in .nan } == nil)
    #expect(Bootstrap([10, 0]).intervals { _ in [1, 2] }.allSatisfy { $0 == nil })
    #expect(Bootstrap([1]).interval { Double($0[0]) } == Interval(low: 0, high: 0))
  }
}
