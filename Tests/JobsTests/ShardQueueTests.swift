import DitherBasics
import DitherJobs
import Synchronization
import Testing

@Suite struct ShardQueueTests {
  private struct Broken: Error {}
  private enum Stop: FaultCode {
    case stopped
    var category: FaultCategory { .cancelled }
  }
  private static let cancelled = Fault(Stop.stopped, at: "here", expected: "time", got: "none")

  private func drain<Shard>(_ queue: inout ShardQueue<Shard>) -> [Shard] {
    var taken: [Shard] = []
    while let shard = queue.take() { taken.append(shard) }
    return taken
  }

  @Test(
    "shards come in their order, but for those that are done",
    arguments: [
      ([3, 1, 2], [], [3, 1, 2]), ([3, 1, 2], [1], [3, 2]), ([0, 1], [0, 1], []), ([], [7], []), ([5], [7], [5]),
    ] as [([Int], Set<Int>, [Int])])
  func order(_ shards: [Int], _ done: Set<Int>, _ expected: [Int]) {
    var queue = ShardQueue(shards, done: done)
    #expect(queue.waiting == expected.count && queue.isComplete == expected.isEmpty)
    #expect(drain(&queue) == expected)
    for shard in expected { queue.put(shard) }
    #expect(queue.isComplete)
  }

  @Test func whatIsGivenBackIsTakenNext() {
    var queue = ShardQueue(["a", "b", "c"])
    #expect(queue.take() == "a")
    queue.giveBack("a")
    #expect(drain(&queue) == ["a", "b", "c"] && !queue.isComplete)
  }

  @Test func afterAFailureNothingIsGivenOut() {
    var queue = ShardQueue([1, 2, 3])
    _ = queue.take()
    queue.fail(Broken())
    queue.fail(Self.cancelled)
    #expect(queue.take() == nil && queue.failure is Broken)
  }

  @Test("a cancellation after the time is over is no failure", arguments: [(1e-9, true), (1000, false)])
  func overtime(_ budget: Double, _ isOver: Bool) {
    var queue = ShardQueue([1, 2], budget: budget)
    queue.fail(Self.cancelled)
    #expect((queue.failure == nil) == isOver && queue.time.isOver == isOver && queue.take() == nil)
    var broken = ShardQueue([1, 2], budget: budget)
    broken.fail(Broken())
    #expect(broken.failure is Broken)
  }

  @Test func timeThatWasSpentBeforeCounts() {
    var queue = ShardQueue([1], budget: 10, spent: 11)
    #expect(queue.take() == nil && queue.spent >= 11)
    queue = ShardQueue([1], budget: 10, spent: 5)
    #expect(queue.take() == 1)
  }

  @Test func progressCountsEachShardOnce() {
    var queue = ShardQueue([1, 2, 3, 4], done: [4])
    #expect(queue.put(1).done == 2)
    #expect(queue.put(1).done == 2)
    let news = queue.put(2)
    #expect(news.done == 3 && (news.secondsLeft ?? -1) >= 0)
  }

  @Test("all are done once, on any number of threads", arguments: [1, 2, 7])
  func runAll(_ threads: Int) throws {
    let runs = Mutex<[Int: Int]>([:]), told = Mutex<Set<Int>>([])
    let results = try ShardQueue.runAll(
      Array(0..<50), known: [7: 49], threads: threads, finished: { result in told.withLock { _ = $0.insert(result) } }
    ) { shard, _ in
      runs.withLock { $0[shard, default: 0] += 1 }
      return shard * shard
    }
    #expect(results.sorted() == (0..<50).map { $0 * $0 })
    #expect(runs.withLock { $0.count == 49 && $0.values.allSatisfy { $0 == 1 } && $0[7] == nil })
    #expect(told.withLock { $0.count } == 49)
  }

  @Test func theFirstFailureIsThrown() {
    #expect(throws: Broken.self) {
      _ = try ShardQueue.runAll(Array(0..<50), threads: 3) { shard, _ in
        if shard == 20 { throw Broken() }
        return shard
      }
    }
  }

  @Test func withoutTimeNothingIsDone() throws {
    let results = try ShardQueue.runAll([1, 2], budget: 1e-9) { shard, _ in shard }
    #expect(results.isEmpty)
  }
}
