import DitherService
import Foundation
import Logging
import Synchronization
import Testing

@Suite("A log that nobody can fill")
struct BoundedLogTests {
  /// Ends the whiles of a log when the test says so.
  private final class Whiles: Sendable {
    let open = Mutex<[CheckedContinuation<Void, Never>]>([])
    func wait() async { await withCheckedContinuation { entry in open.withLock { $0.append(entry) } } }
    /// Once as many are open.
    func end(_ count: Int) async throws {
      while open.withLock({ $0.count }) < count { try await Task.sleep(for: .milliseconds(1)) }
      for one in open.withLock({ open in
        defer { open = [] }
        return open
      }) { one.resume() }
    }
  }

  private func log(_ lines: LoggedLines, _ whiles: Whiles, _ count: Int) -> Logger {
    var log = Logger(label: "test") { _ in
      BoundedLog(LogRecorder(lines), lines: count, per: .seconds(1), sleep: { _ in await whiles.wait() })
    }
    log.logLevel = .trace
    return log
  }

  @Test("so many lines of a kind, then their number; other kinds are not touched")
  func bounded() async throws {
    let lines = LoggedLines(), whiles = Whiles(), log = log(lines, whiles, 3)
    for number in 0..<815 {
      log.info("call", metadata: ["code": "UNAUTHENTICATED", "caller": "-", "call": "\(number)"])
    }
    log.info("call", metadata: ["code": "NOT_FOUND", "caller": "-"])
    log.info("call", metadata: ["code": "UNAUTHENTICATED", "caller": "app"])
    for _ in 0..<10 { log.debug("call", metadata: ["code": "OK"]) }
    #expect(lines.all.withLock { $0.count } == 3 + 2 + 10)
    try await whiles.end(3)
    while lines.all.withLock({ $0.count }) < 16 { try await Task.sleep(for: .milliseconds(1)) }
    let last = try #require(lines.all.withLock { $0.last })
    #expect(last.contains("call, and 812 more") && last.contains("code=UNAUTHENTICATED") && !last.contains("call="))
    // The next while begins anew.
    log.info("call", metadata: ["code": "UNAUTHENTICATED", "caller": "-"])
    #expect(lines.all.withLock { $0.count } == 17)
    try await whiles.end(1)
  }

  @Test("messages that name ever new addresses are one kind in the end")
  func kinds() async throws {
    let lines = LoggedLines(), whiles = Whiles(), log = log(lines, whiles, 2)
    for number in 0..<5000 { log.warning("no room for 10.0.0.\(number)") }
    #expect(lines.all.withLock { $0.count } == 512 + 2)
    try await whiles.end(513)
  }
}
