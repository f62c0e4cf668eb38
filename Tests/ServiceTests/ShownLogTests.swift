import DitherService
import Foundation
import Logging
import Synchronization
import Testing

@Suite("What callers say, in the log")
struct ShownLogTests {
  @Test("no line and no escape of their own, wherever they stand")
  func shown() throws {
    let evil = "x\n2026-01-01 error forged\u{1b}[2J\u{9b}31m"
    let lines = LoggedLines(), log = Logger(label: "test") { _ in ShownLog(LogRecorder(lines)) }
    var tagged = log
    tagged[metadataKey: "peer"] = "\(evil)"
    tagged.error(
      "\(evil)", metadata: ["a": "\(evil)", "b": ["\(evil)", .dictionary(["\(evil)": .stringConvertible(evil)])]])
    let line = try #require(lines.all.withLock { $0.first })
    #expect(!line.unicodeScalars.contains { $0.properties.generalCategory == .control }, "\(line.debugDescription)")
    #expect(line.components(separatedBy: "forged").count - 1 == 6, "nothing is left out: \(line.debugDescription)")
  }
}
