import DitherBasics
import DitherProto
import Foundation
import Synchronization
import Tracing

/// A span that has ended.
package struct FinishedSpan: Sendable {
  package var place: TraceParent
  /// 0: it begins its trace here.
  package var parent: UInt64
  package var name: String
  package var kind: SpanKind
  package var attributes: SpanAttributes
  package var status: SpanStatus?
  /// Nanoseconds since 1970.
  package var start: UInt64
  package var end: UInt64
}

/// Makes the spans of this server. It is handed to who needs it, and is not the process's tracer: the client that sends
/// spans would trace itself.
package struct OtlpTracer: Tracer {
  package typealias Span = OtlpSpan

  /// The place of a span in the context of swift-distributed-tracing.
  private enum Key: ServiceContextKey {
    typealias Value = TraceParent
    static var nameOverride: String? { "traceparent" }
  }

  private let sampler: TraceSampler
  private let queue: SpanQueue

  package init(_ sampler: TraceSampler, _ queue: SpanQueue) { (self.sampler, self.queue) = (sampler, queue) }

  /// The context of a caller's span, or of an earlier one of this server's.
  package static func context(_ place: TraceParent?) -> ServiceContext {
    var context = ServiceContext.topLevel
    context[Key.self] = place
    return context
  }

  /// nil: it is no span's.
  package static func place(in context: ServiceContext) -> TraceParent? { context[Key.self] }

  /// A call's span, where its trace is recorded.
  /// - Parameter metadata: in which a caller says its own.
  package func begin(_ method: String, _ metadata: [String: String]) -> OtlpSpan? {
    let span = startSpan(method, context: Self.context(TraceParent(metadata: metadata)), ofKind: .server)
    return span.isRecording ? span : nil
  }

  /// A part of a span that is over already.
  /// - Parameters:
  ///   - start: nanoseconds since 1970.
  ///   - end: the same.
  package func record(
    _ name: String, in context: ServiceContext, from start: UInt64, to end: UInt64, error: String? = nil,
    _ attributes: SpanAttributes
  ) {
    let span = startSpan(
      name, context: context, ofKind: .internal, at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: start))
    guard span.isRecording else { return }
    span.attributes = attributes
    if let error { span.setStatus(SpanStatus(code: .error, message: error)) }
    span.end(at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: max(start, end)))
  }

  package func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
  ) -> OtlpSpan {
    var own = context()
    let parent = Self.place(in: own)
    let any = 1...UInt64.max, high = parent?.high ?? .random(in: any), low = parent?.low ?? .random(in: any)
    let isTaken = sampler.takes(high: high, low: low, parent: parent)
    let place = TraceParent(
      high: high, low: low, span: .random(in: any), isSampled: isTaken,
      state: parent?.state ?? "")
    own[Key.self] = place
    guard isTaken else { return OtlpSpan(context: own, record: nil) }
    let begun = FinishedSpan(
      place: place, parent: parent?.span ?? 0, name: operationName, kind: kind, attributes: [:], status: nil,
      start: instant().nanosecondsSinceEpoch, end: 0)
    return OtlpSpan(context: own, record: OtlpSpan.Record(begun, queue))
  }

  package func activeSpan(identifiedBy context: ServiceContext) -> OtlpSpan? { nil }
  package func forceFlush() {}

  package func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {
    guard let header = extractor.extract(key: "traceparent", from: carrier) else { return }
    context[Key.self] = TraceParent(header, state: extractor.extract(key: "tracestate", from: carrier))
  }

  package func inject<Carrier, Inject: Injector>(
    _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject.Carrier == Carrier {
    guard let place = Self.place(in: context) else { return }
    injector.inject(place.header, forKey: "traceparent", into: &carrier)
    if !place.state.isEmpty { injector.inject(place.state, forKey: "tracestate", into: &carrier) }
  }
}

/// A span of this server, until it ends.
package struct OtlpSpan: Span {
  /// The facts of a span that is recorded.
  final class Record: Sendable {
    private let span: Mutex<FinishedSpan?>
    private let queue: SpanQueue
    init(_ begun: FinishedSpan, _ queue: SpanQueue) {
      span = Mutex(begun)
      self.queue = queue
    }

    func read<Value: Sendable>(_ value: (FinishedSpan) -> Value) -> Value? { span.withLock { $0.map(value) } }
    func change(_ change: (inout FinishedSpan) -> Void) {
      span.withLock { span in
        guard var own = span else { return }
        change(&own)
        span = own
      }
    }
    /// Once.
    func end(at instant: UInt64) {
      let ended = span.withLock { span -> FinishedSpan? in
        defer { span = nil }
        return span
      }
      guard var ended else { return }
      ended.end = max(instant, ended.start)
      queue.add(ended)
    }
  }

  package let context: ServiceContext
  let record: Record?

  package var isRecording: Bool { record != nil }
  package var operationName: String {
    get { record?.read(\.name) ?? "" }
    nonmutating set { record?.change { $0.name = newValue } }
  }
  package var attributes: SpanAttributes {
    get { record?.read(\.attributes) ?? [:] }
    nonmutating set { record?.change { $0.attributes = newValue } }
  }
  package func setStatus(_ status: SpanStatus) { record?.change { $0.status = status } }
  package func recordError<Instant: TracerInstant>(
    _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
  ) { setStatus(SpanStatus(code: .error, message: "\(error)".clipped())) }
  /// Calls of this server have neither events nor links.
  package func addEvent(_ event: SpanEvent) {}
  package func addLink(_ link: SpanLink) {}
  package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
    record?.end(at: instant().nanosecondsSinceEpoch)
  }
}
