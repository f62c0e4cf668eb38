import DitherService
import Testing

@Suite("A queue that stands")
struct StandingQueueTests {
  private let start = ContinuousClock.now

  @Test("a burst is taken whole; of a queue that has not been empty for long, a short one is left")
  func burstsAndBacklogs() {
    var queue = StandingQueue(at: start)
    #expect(queue.takes(5, at: start + .milliseconds(100)), "a burst")
    let later = start + .seconds(1)
    #expect(!queue.takes(StandingQueue.most * 1.1, at: later) && queue.takes(StandingQueue.most * 0.9, at: later))
    #expect(queue.takes(0, at: later + .seconds(3600)), "never for good")
    queue.wasEmpty(at: later)
    #expect(queue.takes(5, at: later + .milliseconds(100)), "the next burst")
    #expect(!queue.takes(5, at: later + .seconds(1)))
  }

  @Test("work that comes at twice what can be done waits no longer than the bound, once the first burst is done")
  func overload() {
    var queue = StandingQueue(at: start), wait = 0.0, longest = 0.0, taken = 0
    let step = 1e-3
    for tick in 0..<20_000 {
      let now = start + .seconds(Double(tick) * step)
      for _ in 0..<2 where queue.takes(wait, at: now) {
        wait += step
        taken += 1
        if tick > 2000 { longest = max(longest, wait) }
      }
      wait = max(0, wait - step)
      if wait == 0 { queue.wasEmpty(at: now) }
    }
    #expect(longest < StandingQueue.most * 1.1 && taken > 20_000, "\(longest) s, \(taken) of 40000")
  }
}
