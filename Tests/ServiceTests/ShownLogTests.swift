import DitherService
import Foundation
import Logging
import Synchronization
import Testing

@Suite("What callers say, in the log")
struct ShownLogTests {
  private final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }
  private struct Recorder: LogHandler {
    let lines: Lines
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]
    init(_ lines: Lines) { self.lines = lines }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
      lines.all.withLock { $0.append("\(event.message) \(all.map { "\($0.key)=\($0.value)" })") }
    }
  }

  @Test("no line and no escape of their own, wherever they stand")
  func shown() throws {
    let evil = "x\n2026-01-01 error forged\u{1b}[2J\u{9b}31m"
    let lines = Lines(), log = Logger(label: "test") { _ in ShownLog(Recorder(lines)) }
    var tagged = log
    tagged[metadataKey: "peer"] = "\(evil)"
    tagged.error(
      "\(evil)", metadata: ["a": "\(evil)", "b": ["\(evil)", .dictionary(["\(evil)": .stringConvertible(evil)])]])
    let line = try #require(lines.all.withLock { $0.first })
    #expect(!line.unicodeScalars.contains { $0.properties.generalCategory == .control }, "\(line.debugDescription)")
    #expect(line.components(separatedBy: "forged").count - 1 == 6, "nothing is left out: \(line.debugDescription)")
  }
}
