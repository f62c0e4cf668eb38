import DitherJobs
import DitherService
import Synchronization
import Testing

@Suite("Bookkeeping") struct BookkeepingTests {
  @Test("a reader finds all that was noted before, in order")
  func settles() {
    let books = Bookkeeping(pool: ComputePool("books", threads: 1)), sink = Sink()
    for number in 0..<1000 { books.note(bytes: 10) { sink.add(number) } }
    books.settle()
    #expect(sink.all == Array(0..<1000))
  }

  @Test(
    "few notes wait, many are worked off by the pool, and none is lost between the two",
    arguments: [(1, 10), (8, 4096)])
  func pool(_ threads: Int, _ each: Int) async throws {
    let pool = ComputePool("books", threads: 1), books = Bookkeeping(pool: pool), sink = Sink()
    await withTaskGroup { group in
      for thread in 0..<threads {
        group.addTask { for number in 0..<each { books.note(bytes: 1) { sink.add(thread * each + number) } } }
      }
    }
    // Behind all that the pool was told.
    try await pool.run {}
    let isMany = threads * each >= 256
    #expect(isMany == !sink.all.isEmpty)
    books.settle()
    #expect(sink.all.sorted() == Array(0..<threads * each))
  }

  @Test("what holds much memory is not kept waiting")
  func bytes() async throws {
    let pool = ComputePool("books", threads: 1), books = Bookkeeping(pool: pool), sink = Sink()
    books.note(bytes: 2 << 20) { sink.add(1) }
    try await pool.run {}
    #expect(sink.all == [1])
  }

  /// Numbers from whatever thread.
  private final class Sink: Sendable {
    private let numbers = Mutex<[Int]>([])
    var all: [Int] { numbers.withLock { $0 } }
    func add(_ number: Int) { numbers.withLock { $0.append(number) } }
  }
}
