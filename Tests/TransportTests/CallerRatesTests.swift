import DitherProto
import DitherTransport
import NIOCore
import Synchronization
import Testing

@Suite("The pace of callers")
struct CallerRatesTests {
  private final class Clock: Sendable {
    private let now = Mutex(NIODeadline.uptimeNanoseconds(1_000_000_000))
    var time: NIODeadline { now.withLock { $0 } }
    func pass(milliseconds: Int64) { now.withLock { $0 = $0 + .milliseconds(milliseconds) } }
  }
  private let clock = Clock()
  private let rates: CallerRates

  init() {
    let clock = clock
    rates = CallerRates { clock.time }
  }

  /// - Returns: nil where it was taken; else the milliseconds to wait.
  private func take(
    _ bounds: RateBounds, _ cost: Int = 1, _ kind: RateBounds.Kind = .calls, by caller: String = "app"
  ) -> Int? {
    do throws(CallError) {
      try rates.take(cost, kind, by: caller, bounds)
      return nil
    } catch {
      #expect(error.code == .resourceExhausted && error.message.contains("'\(caller)'"))
      return error.retryAfterMilliseconds
    }
  }

  @Test("a second's worth at once, then as many as come back; each caller and each kind by itself")
  func steady() {
    let bounds = RateBounds(calls: 4, samples: 2)
    for _ in 0..<4 { #expect(take(bounds) == nil) }
    #expect(take(bounds) == 250)
    #expect(take(bounds, by: "other") == nil && take(bounds, 2, .samples) == nil && take(bounds, 1, .samples) == 500)
    clock.pass(milliseconds: 100)
    #expect(take(bounds) == 150)
    clock.pass(milliseconds: 150)
    #expect(take(bounds) == nil && take(bounds) == 250)
    // However long nothing came.
    clock.pass(milliseconds: 3_600_000)
    for _ in 0..<4 { #expect(take(bounds) == nil) }
    #expect(take(bounds) == 250)
  }

  @Test("ten thousand tries in ten seconds get ten seconds' worth and the first one's")
  func average() {
    let bounds = RateBounds(calls: 50)
    var taken = 0
    for _ in 0..<10_000 {
      if take(bounds) == nil { taken += 1 }
      clock.pass(milliseconds: 1)
    }
    #expect((548...550).contains(taken), "\(taken)")
    #expect(rates.refused.map(\.count) == [UInt64(10_000 - taken)])
  }

  @Test("what is more than a second's worth is taken of a full bucket, and paid for afterwards")
  func large() {
    let bounds = RateBounds(samples: 100)
    #expect(take(bounds, 1000, .samples) == nil)
    #expect(take(bounds, 1, .samples) == 9010)
    #expect(take(bounds, 1000, .samples) == 10_000)
    // What was not used comes back.
    rates.giveBack(900, .samples, of: "app")
    #expect(take(bounds, 1, .samples) == 10)
    clock.pass(milliseconds: 1000)
    #expect(take(bounds, 100, .samples) == nil)
  }

  @Test("without a bound nothing is counted; a bound that changes holds at once")
  func bounds() {
    for _ in 0..<1000 { #expect(take(RateBounds()) == nil) }
    #expect(take(RateBounds(calls: 1)) == nil && take(RateBounds(calls: 1)) == 1000)
    #expect(take(RateBounds(calls: 1000)) == 1)
    clock.pass(milliseconds: 1)
    #expect(take(RateBounds(calls: 1000)) == nil)
  }

  @Test("many callers are counted as one beyond the first, and forgotten once they are quiet")
  func many() {
    let bounds = RateBounds(calls: 1)
    for number in 0..<3000 {
      #expect(take(bounds, by: "c\(number)") == nil)
      #expect(take(bounds, by: "c\(number)") != nil)
      clock.pass(milliseconds: 1)
    }
    let refused = rates.refused
    #expect(refused.count == 257 && refused[0].caller.isEmpty && refused.reduce(0) { $0 + $1.count } == 3000)
  }
}
