import DitherBasics
import Logging
import Synchronization

/// A log that no caller can fill: of lines of one kind it writes so many within a while, and counts the others. A kind
/// is a message of a level, with the code and the caller where it tells of a call. Lines for debugging are all written.
public struct BoundedLog<Inner: LogHandler>: LogHandler {
  /// Waits until a while is over.
  package typealias Sleep = @Sendable (Duration) async -> Void

  private var inner: Inner
  private let repeats: Repeats
  private let sleep: Sleep

  /// - Parameters:
  ///   - inner: what writes.
  ///   - lines: of one kind that are written within `period`.
  public init(_ inner: Inner, lines: Int = 100, per period: Duration = .seconds(10)) {
    self.init(inner, lines: lines, per: period, sleep: { try? await Task.sleep(for: $0) })
  }

  package init(_ inner: Inner, lines: Int, per period: Duration, sleep: @escaping Sleep) {
    self.inner = inner
    repeats = Repeats(lines: lines, period: period)
    self.sleep = sleep
  }

  /// That of the log within.
  public var logLevel: Logger.Level {
    get { inner.logLevel }
    set { inner.logLevel = newValue }
  }
  /// That of the log within.
  public var metadata: Logger.Metadata {
    get { inner.metadata }
    set { inner.metadata = newValue }
  }
  /// One value of `metadata`.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { inner[metadataKey: key] }
    set { inner[metadataKey: key] = newValue }
  }

  /// Hands the event on, or counts it.
  public func log(event: LogEvent) {
    guard event.level >= .info else { return inner.log(event: event) }
    var kind = Kind(event)
    switch repeats.count(&kind) {
    case .written(let isFirst):
      inner.log(event: event)
      if isFirst { endPeriod(of: kind, event) }
    case .left: break
    }
  }

  /// Says, once the while is over, how many lines were left out.
  private func endPeriod(of kind: Kind, _ event: LogEvent) {
    let (inner, repeats, sleep) = (inner, repeats, sleep)
    Task.detached {
      await sleep(repeats.period)
      let left = repeats.end(kind)
      guard left > 0 else { return }
      var event = event
      event.message = "\(event.message), and \(left) more"
      event.metadata = event.metadata?.filter { Kind.keys.contains($0.key) }
      inner.log(event: event)
    }
  }
}

/// Two lines of a log with the same one are two of a kind.
private struct Kind: Hashable {
  static let keys = ["code", "caller"]
  var level: Logger.Level
  var message: String
  var values: [String]

  /// The kind of all lines beyond those that are told apart.
  static func others(_ level: Logger.Level) -> Kind { Kind(level: level, message: "other lines", values: []) }

  private init(level: Logger.Level, message: String, values: [String]) {
    self.level = level
    self.message = message
    self.values = values
  }

  init(_ event: LogEvent) {
    level = event.level
    message = event.message.description
    values = Self.keys.map { event.metadata?[$0]?.description ?? "" }
  }
}

/// How many lines of each kind there were since the first of them.
private final class Repeats: Sendable {
  enum Outcome { case written(isFirst: Bool), left }
  /// Kinds that are told apart at once: messages may speak of addresses. The others are one.
  private static let mostKinds = 512

  let period: Duration
  private let lines: Int
  private let counts = Mutex<[Kind: Int]>([:])
  init(lines: Int, period: Duration) {
    self.lines = lines
    self.period = period
  }

  func count(_ kind: inout Kind) -> Outcome {
    counts.withLock { counts in
      if counts[kind] == nil, counts.count >= Self.mostKinds { kind = .others(kind.level) }
      let count = counts[kind, default: 0] + 1
      counts[kind] = count
      return count <= lines ? .written(isFirst: count == 1) : .left
    }
  }

  /// - Returns: how many were left out.
  func end(_ kind: Kind) -> Int { max(counts.withLock { $0.removeValue(forKey: kind) ?? 0 } - lines, 0) }
}
