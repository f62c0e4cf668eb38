import Logging
import Synchronization

/// What a log was given to write.
final class LoggedLines: Sendable {
  let all = Mutex<[String]>([])
}
struct LogRecorder: LogHandler {
  let lines: LoggedLines
  var logLevel = Logger.Level.trace
  var metadata: Logger.Metadata = [:]
  init(_ lines: LoggedLines) { self.lines = lines }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    lines.all.withLock { $0.append("\(event.message) \(all.map { "\($0.key)=\($0.value)" })") }
  }
}
