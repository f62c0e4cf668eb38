import DitherBasics
import Logging

/// A log in which no caller can write a line of its own, nor a character that a terminal obeys: names, agents and
/// reasons come from other machines, and stand in messages and in their metadata.
public struct ShownLog<Inner: LogHandler>: LogHandler {
  private var inner: Inner
  /// - Parameter inner: what writes.
  public init(_ inner: Inner) { self.inner = inner }

  /// That of the log within.
  public var logLevel: Logger.Level {
    get { inner.logLevel }
    set { inner.logLevel = newValue }
  }
  /// That of the log within, its values shown.
  public var metadata: Logger.Metadata {
    get { inner.metadata }
    set { inner.metadata = newValue.mapValues(Self.shown) }
  }
  /// One value of `metadata`.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { inner[metadataKey: key] }
    set { inner[metadataKey: key] = newValue.map(Self.shown) }
  }

  /// Hands the event on, with its message and metadata shown.
  public func log(event: LogEvent) {
    var event = event
    event.message = "\(event.message.description.shown())"
    event.metadata = event.metadata?.mapValues(Self.shown)
    inner.log(event: event)
  }

  private static func shown(_ value: Logger.Metadata.Value) -> Logger.Metadata.Value {
    switch value {
    case .string(let text): .string(text.shown())
    case .stringConvertible(let value): .string("\(value)".shown())
    case .array(let values): .array(values.map(shown))
    case .dictionary(let values):
      .dictionary(Dictionary(values.map { ($0.key.shown(), shown($0.value)) }, uniquingKeysWith: { $1 }))
    }
  }
}
