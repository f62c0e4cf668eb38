import AsyncHTTPClient
import DitherBasics
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Sends spans to a collector, by a task of its own: no call waits for it. A request that fails for a reason that may
/// pass is tried again a few times, while spans queue up; then its spans are dropped, and counted.
package final class OtlpExporter: Sendable {
  /// How a request ended.
  private enum Outcome {
    case kept(Int)
    case refused(String)
    /// It may go another time.
    case failed(String)
  }
  private struct State {
    var loop: Task<Void, Never>?
    /// Requests that are under way.
    var sending = 0
    /// The log has been told so.
    var isAway = false
  }

  /// Tries of one request.
  private static let tries = 3
  /// For spans that wait when the server ends.
  private static let farewell = Duration.seconds(2)
  /// Bytes of an answer that are read.
  private static let mostAnswer = 64 << 10

  /// Makes spans that this sends.
  package let tracer: OtlpTracer
  package let queue: SpanQueue
  private let settings: TraceSettings
  private let code: String?
  private let pause: Duration
  private let log: Logger
  private let client: HTTPClient
  private let state = Mutex(State())

  /// - Parameters:
  ///   - code: the program, with its version.
  ///   - pause: before the second try; twice as long before the third.
  package init(_ settings: TraceSettings, code: String?, log: Logger, pause: Duration = .seconds(1)) {
    (self.settings, self.code, self.pause, self.log) = (settings, code, pause, log)
    queue = SpanQueue(most: settings.mostWaiting)
    tracer = OtlpTracer(settings.sampler, queue)
    var client = HTTPClient.Configuration()
    let bound = TimeAmount(settings.timeout)
    client.timeout = .init(connect: bound, read: bound)
    client.connectionPool.retryConnectionEstablishment = false
    self.client = HTTPClient(configuration: client)
    let loop = Task { [weak self, delay = settings.delay] in
      while !Task.isCancelled {
        // Sooner where much comes, so that little is dropped.
        for _ in 0..<10 where self?.isMuch == false { try? await Task.sleep(for: delay / 10) }
        guard !Task.isCancelled, let self else { return }
        await sendAll()
      }
    }
    state.withLock { $0.loop = loop }
  }

  /// A server that fails to start never comes to `stop`.
  deinit {
    state.withLock { $0.loop }?.cancel()
    let client = client
    Task { try? await client.shutdown() }
  }

  private var isMuch: Bool { queue.waiting >= settings.mostSent }

  private func sendAll() async {
    while !Task.isCancelled {
      // Counted before they are taken, so that nobody sees them nowhere.
      state.withLock { $0.sending += 1 }
      defer { state.withLock { $0.sending -= 1 } }
      let spans = queue.take(settings.mostSent)
      guard !spans.isEmpty else { return }
      await send(spans)
    }
  }

  private func send(_ spans: [FinishedSpan]) async {
    let message = OtlpMessage(spans, resource: settings.resource, code: code)
    guard let body = try? JSONEncoder().encode(message) else { return queue.count(sent: 0, dropped: spans.count) }
    var wait = pause
    for number in 1...Self.tries {
      switch await post(body) {
      case .kept(let rejected):
        tell(nil)
        let kept = max(0, spans.count - rejected)
        return queue.count(sent: kept, dropped: spans.count - kept)
      case .refused(let reason):
        tell(reason)
        return queue.count(sent: 0, dropped: spans.count)
      case .failed(let reason):
        tell(reason)
        guard number < Self.tries, (try? await Task.sleep(for: wait)) != nil else {
          return queue.count(sent: 0, dropped: spans.count)
        }
        wait = wait * 2
      }
    }
  }

  private func post(_ body: Data) async -> Outcome {
    var request = HTTPClientRequest(url: settings.endpoint.absoluteString)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    for (name, value) in settings.headers { request.headers.add(name: name, value: value) }
    request.body = .bytes(ByteBuffer(bytes: body))
    do {
      let response = try await client.execute(request, timeout: TimeAmount(settings.timeout))
      let answer = try await response.body.collect(upTo: Self.mostAnswer)
      switch response.status.code {
      case 200..<300:
        let found = try? JSONDecoder().decode(OtlpAnswer.self, from: Data(answer.readableBytesView))
        return .kept(found?.rejected ?? 0)
      // Source: opentelemetry.io/docs/specs/otlp, "Retryable Response Codes".
      case 429, 502, 503, 504: return .failed("HTTP status \(response.status.code)")
      default: return .refused("HTTP status \(response.status.code)")
      }
    } catch { return .failed("\(error)".clipped()) }
  }

  /// Once when the collector goes, and once when it is back.
  private func tell(_ reason: String?) {
    let isNews = state.withLock { state -> Bool in
      defer { state.isAway = reason != nil }
      return state.isAway != (reason != nil)
    }
    guard isNews else { return }
    let place = ServerSetting.withoutPassword(settings.endpoint.absoluteString)
    if let reason {
      log.warning("spans cannot be sent", metadata: ["collector": "\(place)", "reason": "\(reason)"])
    } else {
      log.notice("spans are sent again", metadata: ["collector": "\(place)"])
    }
  }

  /// Sends what waits, for a moment, and ends. Spans that come later are dropped.
  package func stop() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        await sendAll()
        // A request that the loop has begun is not cut off.
        while state.withLock({ $0.sending }) > 0, (try? await Task.sleep(for: .milliseconds(5))) != nil {}
      }
      group.addTask { try? await Task.sleep(for: Self.farewell) }
      await group.next()
      group.cancelAll()
    }
    state.withLock { $0.loop }?.cancel()
    queue.count(sent: 0, dropped: queue.take(.max).count)
    try? await client.shutdown()
  }
}

extension OtlpExporter {
  /// Metrics of what became of spans.
  var families: [Metrics.Family] {
    func counter(_ name: String, _ help: String, _ value: @escaping @Sendable () -> UInt64) -> Metrics.Family {
      Metrics.Family(name: name, help: help, type: "counter") { [.init(number: Double(value()))] }
    }
    return [
      counter("dither_spans_sent_total", "Spans that the collector has taken.") { [queue] in queue.sent },
      counter("dither_spans_dropped_total", "Spans that were dropped: the collector was away, or refused them.") {
        [queue] in queue.dropped
      },
      .gauge("dither_spans_waiting", "Spans that wait to be sent.") { [queue] in Double(queue.waiting) },
    ]
  }
}
