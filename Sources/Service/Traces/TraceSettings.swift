import DitherBasics
import Foundation

/// Where spans go and which, by the variables that every OpenTelemetry exporter reads: OTLP over HTTP in JSON.
/// Source: opentelemetry.io/docs/specs/otel/protocol/exporter and …/configuration/sdk-environment-variables.
public struct TraceSettings: Sendable {
  /// The collector's address of traces.
  public var endpoint: URL
  /// Sent with each request, as a collector's token.
  public var headers: [(name: String, value: String)] = []
  /// For one request.
  public var timeout = Duration.seconds(10)
  /// Which traces are recorded.
  public var sampler: TraceSampler
  /// The server as spans name it: `service.name` and what else was said.
  public var resource: [(name: String, value: String)]
  /// Between two looks at what there is to send.
  public var delay = Duration.seconds(5)
  /// Spans that wait to be sent; what comes beyond is dropped.
  public var mostWaiting = 2048
  /// Spans of one request.
  public var mostSent = 512

  /// - Returns: nil where no collector is named, or nothing is to be sent.
  /// - Throws: `ServiceFault.configuration` with the variable.
  public init?(environment: [String: String]) throws(ServiceError) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    /// A variable of traces alone goes before the one of all signals.
    func own(_ name: String) -> (name: String, text: String)? {
      for full in ["OTEL_EXPORTER_OTLP_TRACES_\(name)", "OTEL_EXPORTER_OTLP_\(name)"] {
        if let text = value(full) { return (full, text) }
      }
      return nil
    }
    guard value("OTEL_SDK_DISABLED")?.lowercased() != "true", let named = own("ENDPOINT") else { return nil }
    switch value("OTEL_TRACES_EXPORTER") ?? "otlp" {
    case "otlp": break
    case "none": return nil
    case let other: throw Self.refuse("OTEL_TRACES_EXPORTER", "otlp or none", other)
    }
    if let said = own("PROTOCOL"), said.text != "http/json" {
      throw Self.refuse(said.name, "http/json", said.text, advice: "set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json")
    }
    guard var url = URL(string: named.text), ["http", "https"].contains(url.scheme), url.host()?.isEmpty == false else {
      throw Self.refuse(named.name, "http://HOST:PORT or https://HOST:PORT", ServerSetting.withoutPassword(named.text))
    }
    // The address of all signals is their folder.
    if !named.name.contains("TRACES") { url.append(path: "v1/traces") }
    endpoint = url
    if let said = own("HEADERS") { headers = try Self.pairs(said.text, at: said.name) }
    if let said = own("TIMEOUT") { timeout = try .milliseconds(Self.count(said.text, 1...600_000, at: said.name)) }
    sampler = try TraceSampler(value("OTEL_TRACES_SAMPLER"), argument: value("OTEL_TRACES_SAMPLER_ARG"))
    resource = try Self.pairs(value("OTEL_RESOURCE_ATTRIBUTES") ?? "", at: "OTEL_RESOURCE_ATTRIBUTES")
    let name = value("OTEL_SERVICE_NAME")
    if name != nil || !resource.contains(where: { $0.name == "service.name" }) {
      resource.removeAll { $0.name == "service.name" }
      resource.append(("service.name", name ?? "dither"))
    }
    func bound(_ name: String, _ range: ClosedRange<Int>) throws(ServiceError) -> Int? {
      guard let text = value(name) else { return nil }
      return try Self.count(text, range, at: name)
    }
    if let count = try bound("OTEL_BSP_SCHEDULE_DELAY", 10...600_000) { delay = .milliseconds(count) }
    mostWaiting = try bound("OTEL_BSP_MAX_QUEUE_SIZE", 1...1_000_000) ?? mostWaiting
    mostSent = min(try bound("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1...10_000) ?? mostSent, mostWaiting)
  }

  private static func refuse(
    _ name: String, _ expected: String, _ got: String, advice: String? = nil
  ) -> ServiceError {
    ServiceError(.configuration, at: name, expected: expected, got: "'\(got.clipped())'", advice: advice)
  }

  private static func count(_ text: String, _ range: ClosedRange<Int>, at name: String) throws(ServiceError) -> Int {
    guard let count = Int(text), range.contains(count) else {
      throw refuse(name, "\(range.lowerBound) to \(range.upperBound)", text)
    }
    return count
  }

  /// `KEY=VALUE,…`, percent-encoded. A value may be a secret: it is in no message.
  private static func pairs(_ text: String, at name: String) throws(ServiceError) -> [(name: String, value: String)] {
    var found: [(name: String, value: String)] = []
    for part in text.split(separator: ",") {
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      guard halves.count == 2, !halves[0].isEmpty, let value = halves[1].removingPercentEncoding,
        value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
      else {
        // Without a sign of equality all of it may be the secret.
        let isPair = halves.count == 2 && !halves[0].isEmpty
        throw refuse(name, "KEY=VALUE, …, percent-encoded", isPair ? halves[0] : "no KEY=VALUE")
      }
      found.append((halves[0], value))
    }
    return found
  }
}
