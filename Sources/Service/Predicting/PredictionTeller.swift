import DitherBasics
import DitherStore
import Logging
import Tracing

/// Says where a prediction's time went: as spans of its call, and in the log where it was slow.
struct PredictionTeller: Sendable {
  /// nil: no spans are made.
  let tracer: OtlpTracer?
  let log: Logger
  /// At which it is slow; zero: none is.
  let slowness: Duration

  /// - Parameters:
  ///   - reference: "name@version".
  ///   - asked: when it was handed to the queue.
  func tell(
    _ result: Result<PredictionOutcome, any Error>, of reference: String, rows: Int, asked: ContinuousClock.Instant,
    _ caller: Caller
  ) {
    let context = tracer == nil ? nil : caller.trace
    guard context != nil || slowness > .zero else { return }
    let took = ContinuousClock.now - asked
    let isSlow = slowness > .zero && took >= slowness
    guard context != nil || isSlow else { return }
    let outcome = try? result.get()
    if isSlow {
      log.warning(
        "slow prediction",
        metadata: [
          "call": "\(caller.call)", "caller": "\(caller.name)", "model": "\(reference)", "rows": "\(rows)",
          "draws": "\(outcome.map { "\($0.samples)" } ?? "-")",
          "queued_ms": "\((outcome?.queued ?? took).milliseconds)",
          "computed_ms": "\((outcome?.computed ?? .zero).milliseconds)",
        ])
    }
    guard let tracer, let context else { return }
    let end = DefaultTracerClock.now.nanosecondsSinceEpoch, start = end - min(end, took.nanoseconds)
    var attributes: [String: SpanAttribute] = ["dither.model": .string(reference), "dither.rows": .int64(Int64(rows))]
    guard let outcome else {
      let reason = if case .failure(let error) = result { "\(error)".clipped() } else { "no answer" }
      return tracer.record("queue", in: context, from: start, to: end, error: reason, SpanAttributes(attributes))
    }
    let begun = start + outcome.queued.nanoseconds
    tracer.record("queue", in: context, from: start, to: begun, SpanAttributes(attributes))
    attributes["dither.draws"] = .int64(Int64(outcome.samples))
    attributes["dither.stop"] = .string("\(outcome.stopReason)")
    // Told with one request of a batch.
    if let batch = outcome.rowsOfBatch { attributes["dither.batch_rows"] = .int64(Int64(batch)) }
    tracer.record(
      "compute", in: context, from: begun, to: begun + outcome.computed.nanoseconds, SpanAttributes(attributes))
  }
}

extension Duration {
  fileprivate var nanoseconds: UInt64 { UInt64(max(0, seconds * 1e9)) }
  fileprivate var milliseconds: Double { (max(0, seconds) * 1e6).rounded() / 1e3 }
}
