import DitherBasics
import DitherProto
import DitherTransport
import Logging
import NIOCore
import Tracing

/// Hears of every call that is over, at whatever door: metrics, the log, the access log, the log of slow calls, and the
/// call's span.
struct CallObserver: Sendable {
  let metrics: Metrics
  let log: Logger
  /// nil: none is kept.
  let accessLog: AccessLog?
  /// At which a call is said to be slow; zero: none is.
  let slowness: Duration

  func end(_ record: CallRecord) {
    let context = record.context, latency = Duration.nanoseconds(record.duration.nanoseconds)
    metrics.record(method: context.method, code: "\(record.code)", latency: latency)
    let trace =
      context.span.flatMap { OtlpTracer.place(in: $0.context) } ?? TraceParent(metadata: context.metadata)
    accessLog?.write(record, trace)
    let level: Logger.Level =
      switch record.code {
      case .ok: .debug
      case .internalError, .dataLoss, .unknown: .error
      default: .info
      }
    let isSlow = slowness > .zero && latency >= slowness && !record.isOpenEnded
    if level >= log.logLevel || isSlow {
      let facts = self.facts(of: record, trace)
      log.log(level: level, "call", metadata: facts)
      if isSlow { log.warning("slow call", metadata: facts) }
    }
    if let span = context.span { end(span, record) }
  }

  private func facts(of record: CallRecord, _ trace: TraceParent?) -> Logger.Metadata {
    let context = record.context
    var facts: Logger.Metadata = [
      "call": "\(context.id)", "method": "\(context.method)", "code": "\(record.code)", "door": "\(context.door)",
      "caller": "\(context.identity?.name ?? "-")", "peer": "\(context.peer)",
      "ms": "\(Double(record.duration.nanoseconds / 1000) / 1000)",
    ]
    if let trace { facts["trace"] = "\(trace.traceID)" }
    return facts
  }

  /// Names of attributes: opentelemetry.io/docs/specs/semconv/rpc.
  private func end(_ span: any Tracing.Span, _ record: CallRecord) {
    let context = record.context
    span.attributes = SpanAttributes([
      "rpc.method": .string(context.method), "rpc.response.status_code": .string("\(record.code)"),
      "dither.call": .int64(Int64(clamping: context.id)), "dither.door": .string(context.door),
      "dither.caller": .string(context.identity?.name ?? "-"),
      "dither.request_bytes": .int64(Int64(record.requestBytes)),
      "dither.response_bytes": .int64(Int64(record.responseBytes)),
    ])
    if Self.isFault(record.code) { span.setStatus(SpanStatus(code: .error, message: "\(record.code)")) }
    span.end()
  }

  /// Whether a server's span is an error: a caller's mistake is none.
  /// Source: opentelemetry.io/docs/specs/semconv/rpc/grpc, "gRPC status".
  private static func isFault(_ code: StatusCode) -> Bool {
    switch code {
    case .unknown, .deadlineExceeded, .unimplemented, .internalError, .unavailable, .dataLoss: true
    default: false
    }
  }
}
