import DitherService
import Foundation
import Logging
import Synchronization
import Testing

@Suite("A log that nobody reads")
struct QueuedLogTests {
  /// Writes nothing until it is let.
  private struct Stuck: LogHandler {
    let gate: DispatchSemaphore
    var inner: LogRecorder
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { inner[metadataKey: key] }
      set { inner[metadataKey: key] = newValue }
    }
    func log(event: LogEvent) {
      gate.wait()
      gate.signal()
      inner.log(event: event)
    }
  }

  @Test("keeps nobody waiting; what is lost is counted, the rest comes in order")
  func stuck() async throws {
    let lines = LoggedLines(), gate = DispatchSemaphore(value: 0), queue = LogQueue(bound: 50)
    let log = Logger(label: "test") { _ in QueuedLog(Stuck(gate: gate, inner: LogRecorder(lines)), queue) }
    // Would wait for ever, were it written here.
    for number in 0..<1000 { log.info("line \(number)") }
    #expect(await queue.finish(within: .milliseconds(20)) == false)
    #expect(lines.all.withLock { $0.isEmpty })
    gate.signal()
    while await !queue.finish(within: .seconds(1)) {}
    let all = lines.all.withLock { $0 }, written = all.filter { $0.hasPrefix("line") }
    // The thread may have taken some before the bound was met.
    #expect((50...100).contains(written.count))
    #expect(written.prefix(50) == (0..<50).map { "line \($0) []" }[...])
    let lost = all.compactMap { $0.contains("were lost") ? Int($0.prefix { $0.isNumber }) : nil }.reduce(0, +)
    #expect(written.count + lost == 1000)
  }
}
