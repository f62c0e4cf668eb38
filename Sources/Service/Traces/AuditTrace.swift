import DitherBasics
import DitherProto
import Tracing

/// The trace that an audit belongs to: the call that asked for it is over long before its shards are done, and they may
/// be done elsewhere.
struct AuditTrace: Sendable {
  private let tracer: OtlpTracer
  private let context: ServiceContext
  private let model: String

  /// - Returns: nil where the audit has no trace, or no spans are made.
  init?(_ spec: AuditSpec, _ tracer: OtlpTracer?) {
    guard let tracer, let place = spec.trace.flatMap({ TraceParent($0) }) else { return nil }
    (self.tracer, context, model) = (tracer, OtlpTracer.context(place), spec.model.reference)
  }

  /// Does a shard, and records it as a span.
  func recording(
    _ shard: Int, of shards: Int, _ title: String, _ work: () throws -> [UInt8]
  ) throws -> [UInt8] {
    let start = DefaultTracerClock.now.nanosecondsSinceEpoch
    let result = Result { try work() }
    var reason: String?
    if case .failure(let error) = result { reason = "\(error)".clipped() }
    tracer.record(
      "audit shard", in: context, from: start, to: DefaultTracerClock.now.nanosecondsSinceEpoch, error: reason,
      SpanAttributes([
        "dither.model": .string(model), "dither.probe": .string(title), "dither.shard": .int64(Int64(shard)),
        "dither.shards": .int64(Int64(shards)),
      ]))
    return try result.get()
  }
}
