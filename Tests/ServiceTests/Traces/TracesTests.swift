import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import Logging
import Synchronization
import Testing
import Tracing

@Suite("Traces", .serialized) struct TracesTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736", caller = "00f067aa0ba902b7"
  private static let zeros = Data(count: 48).base64EncodedString()
  private static let predict = Data(
    #"{"model": "net", "samples": 4, "input": {"type": "FLOAT32", "shape": ["2", "6"], "data": "\#(zeros)"}}"#.utf8)

  private static func settings(
    _ port: Int, _ more: [String: String] = [:]
  ) throws -> TraceSettings {
    let named = [
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(port)", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret",
      "OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_SERVICE_NAME": "tested",
    ].merging(more) { $1 }
    return try #require(try TraceSettings(environment: named))
  }

  @Test("a call's span is a part of the caller's, and its waiting and computing are parts of it")
  func prediction() async throws {
    let collector = try Collector()
    try await AskedServer.with(configure: { $0.traces = try Self.settings(collector.port) }) { server in
      let header = "00-\(Self.trace)-\(Self.caller)-01"
      let before = DefaultTracerClock.now.nanosecondsSinceEpoch
      let found = try await server.ask(
        "/v1/Inference/Predict", Self.predict, headers: ["traceparent": header, "tracestate": "a=b"])
      #expect(found.status == 200)
      let spans = try await collector.wait { $0.count >= 3 }
      let byName = Dictionary(grouping: spans, by: \.name)
      let call = try #require(byName["POST /v1/Inference/Predict"]?.first)
      let queue = try #require(byName["queue"]?.first), compute = try #require(byName["compute"]?.first)
      #expect(spans.count == 3 && spans.allSatisfy { $0.traceId == Self.trace && $0.traceState == "a=b" })
      #expect(call.parentSpanId == Self.caller && call.kind == 2 && call.status.code == 0)
      #expect(queue.parentSpanId == call.spanId && compute.parentSpanId == call.spanId)
      #expect(Set(spans.map(\.spanId)).count == 3)
      // One behind the other, and within the call but for the clocks' last microseconds.
      #expect(before <= call.start && call.start <= call.end && queue.end == compute.start)
      #expect(queue.start + 2_000_000 >= call.start && compute.end <= call.end + 2_000_000)
      #expect(
        call["rpc.response.status_code"] == "OK" && call["dither.caller"] == "app" && call["dither.door"] == "http")
      #expect(compute["dither.model"] == "net@1" && compute["dither.rows"] == "2" && compute["dither.draws"] == "4")
      let request = try #require(collector.requests.first)
      #expect(request.head.hasPrefix("POST /v1/traces ") && request.head.lowercased().contains("x-key: secret"))
      let text = String(decoding: request.body, as: UTF8.self)
      #expect(text.contains(#"{"key":"service.name","value":{"stringValue":"tested"}}"#) || text.contains("tested"))
    }
  }

  @Test("what a caller does not record is not sent, and what it does is, whatever the share")
  func sampled() async throws {
    let collector = try Collector()
    let sampler = ["OTEL_TRACES_SAMPLER": "parentbased_always_off"]
    try await AskedServer.with(configure: { $0.traces = try Self.settings(collector.port, sampler) }) { server in
      for flags in ["00", "", "01"] {
        let header = flags.isEmpty ? [:] : ["traceparent": "00-\(Self.trace)-\(Self.caller)-\(flags)"]
        #expect(try await server.ask("/v1/Inference/Predict", Self.predict, headers: header).status == 200)
      }
      // Nobody that is refused has a span, and neither has health.
      #expect(try await server.ask("/v1/Inference/Predict", Self.predict, token: .some("wrong")).status == 401)
      #expect(try await server.ask("/healthz", token: .some(nil)).status == 200)
      let spans = try await collector.wait { $0.count >= 3 }
      try await Task.sleep(for: .milliseconds(200))
      #expect(spans.count == 3 && collector.spans.count == 3 && spans.allSatisfy { $0.traceId == Self.trace })
    }
  }

  @Test("a call's span has its code, and a caller's mistake is no error of the server")
  func failed() async throws {
    let collector = try Collector()
    try await AskedServer.with(configure: { $0.traces = try Self.settings(collector.port) }) { server in
      #expect(try await server.ask("/v1/Registry/GetModel", Data(#"{"model": "none"}"#.utf8)).status == 404)
      let span = try #require(try await collector.wait { !$0.isEmpty }.first)
      #expect(span.parentSpanId == nil && span.status.code == 0 && span["rpc.response.status_code"] == "NOT_FOUND")
    }
  }

  @Test("shards of an audit are parts of the call that asked for it")
  func audit() async throws {
    let collector = try Collector()
    try await AskedServer.with(roles: ["audit"], configure: { $0.traces = try Self.settings(collector.port) }) {
      server in
      let body = Data(
        #"""
        {"model": "net", "probes": [{"probe": "clean"}, {"probe": "gaussian_noise"}], "samples": 2, "seed": "1",
        "examples": {"inputs": {"type": "FLOAT32", "shape": ["2", "6"], "data": "\#(Self.zeros)"}, "labels": [0, 1]}}
        """#.utf8)
      let header = ["traceparent": "00-\(Self.trace)-\(Self.caller)-01"]
      let found = try await server.ask("/v1/Robustness/Audit", body, headers: header)
      #expect(found.status == 200, "\(String(decoding: found.body, as: UTF8.self))")
      let spans = try await collector.wait { spans in spans.contains { $0.name.hasPrefix("POST ") } }
      let call = try #require(spans.first { $0.name == "POST /v1/Robustness/Audit" })
      let shards = spans.filter { $0.name == "audit shard" }
      #expect(!shards.isEmpty && spans.allSatisfy { $0.traceId == Self.trace })
      #expect(shards.allSatisfy { $0.parentSpanId == call.spanId && $0["dither.model"] == "net@1" })
      #expect(Set(shards.compactMap { $0["dither.shard"] }).count == shards.count)
    }
  }

  @Test("a collector that is away keeps no call waiting; spans are dropped and counted, and the log says so once")
  func away() async throws {
    // A port that nobody listens at any more.
    let port = try Collector().port
    let lines = LoggedLines(), log = Logger(label: "test") { _ in LogRecorder(lines) }
    let settings = try Self.settings(port, ["OTEL_BSP_MAX_QUEUE_SIZE": "8"])
    let exporter = OtlpExporter(settings, code: "test", log: log, pause: .milliseconds(50))
    for number in 0..<100 {
      exporter.tracer.startSpan("call \(number)", context: .topLevel, ofKind: .server).end()
      #expect(exporter.queue.waiting <= 8)
    }
    let end = ContinuousClock.now + .seconds(60)
    while exporter.queue.dropped < 100, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(20)) }
    #expect(exporter.queue.dropped == 100 && exporter.queue.sent == 0 && exporter.queue.waiting == 0)
    let told = lines.all.withLock { $0 }.filter { $0.hasPrefix("spans cannot be sent") }
    #expect(told.count == 1)
    await exporter.stop()
  }

  @Test("a request is tried again where that may help, and its spans are counted by what became of them")
  func answers() async throws {
    // Tried again and taken; refused for good; taken in part.
    let collector = try Collector([
      (503, ""), (200, "{}"), (400, "{}"), (200, #"{"partialSuccess": {"rejectedSpans": "1"}}"#),
    ])
    let lines = LoggedLines(), log = Logger(label: "test") { _ in LogRecorder(lines) }
    let exporter = OtlpExporter(
      try Self.settings(collector.port), code: "test", log: log, pause: .milliseconds(10))
    let end = ContinuousClock.now + .seconds(60)
    for (requests, sent, dropped) in [(2, 1, 0), (3, 1, 1), (4, 1, 2)] as [(Int, UInt64, UInt64)] {
      let span = exporter.tracer.startSpan("one", context: OtlpTracer.context(nil))
      span.end()
      // A span ends once.
      span.end()
      while exporter.queue.sent + exporter.queue.dropped < sent + dropped, ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(exporter.queue.sent == sent && exporter.queue.dropped == dropped)
      #expect(collector.requests.count == requests)
    }
    let told = lines.all.withLock { $0 }.filter { $0.hasPrefix("spans are sent again") }
    #expect(told.count == 2)
    await exporter.stop()
    exporter.tracer.startSpan("late", context: .topLevel).end()
    #expect(exporter.queue.sent == 1)
  }

  @Test("a request that is under way when the server ends is not cut off")
  func ending() async throws {
    let collector = try Collector(after: 0.3), log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let exporter = OtlpExporter(try Self.settings(collector.port), code: "test", log: log)
    exporter.tracer.startSpan("one", context: .topLevel).end()
    let end = ContinuousClock.now + .seconds(60)
    while collector.requests.isEmpty, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(5)) }
    await exporter.stop()
    #expect(exporter.queue.sent == 1 && exporter.queue.dropped == 0)
  }

  @Test("a server that cannot start says why, whether it was to send spans or not")
  func noStart() async throws {
    let scratch = try Scratch()
    await #expect(throws: ServiceError.self) {
      try await AskedServer.with(configure: {
        $0.traces = try Self.settings(1)
        $0.runsDirectory = scratch.file("none")
      }) { _ in }
    }
  }

  @Test("a share of traces is taken, the same in whatever process")
  func share() throws {
    let settings = try Self.settings(1, ["OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"])
    let queue = SpanQueue(most: 10_000), other = SpanQueue(most: 10_000)
    let here = OtlpTracer(settings.sampler, queue), there = OtlpTracer(settings.sampler, other)
    for low in 1...4000 as ClosedRange<UInt64> {
      let place = TraceParent(high: 1, low: low &* 0x9E37_79B9_7F4A_7C15, span: low, isSampled: false)
      for tracer in [here, there] { tracer.startSpan("call", context: OtlpTracer.context(place)).end() }
    }
    #expect((900...1100).contains(queue.waiting) && queue.waiting == other.waiting)
    let taken = queue.take(.max).map(\.parent)
    #expect(taken == other.take(.max).map(\.parent) && queue.waiting == 0)
  }

  @Test("a tracer's place goes through carriers as the recommendation writes it")
  func carried() throws {
    struct Fields: Injector, Extractor {
      func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
      func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }
    let tracer = OtlpTracer(try Self.settings(1).sampler, SpanQueue(most: 1))
    let fields = ["traceparent": "00-\(Self.trace)-\(Self.caller)-01", "tracestate": "a=b"]
    var context = ServiceContext.topLevel, written: [String: String] = [:]
    tracer.extract(fields, into: &context, using: Fields())
    tracer.inject(context, into: &written, using: Fields())
    #expect(written == fields)
  }
}
