import DitherProto
import Foundation
import Tracing

/// Spans as a collector takes them: `ExportTraceServiceRequest` in JSON, with trace and span numbers in hexadecimal and
/// 64-bit integers as text. Source: opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"; opentelemetry-proto 1.x.
struct OtlpMessage: Encodable {
  private struct ResourceSpans: Encodable {
    var resource: Resource
    var scopeSpans: [ScopeSpans]
  }
  private struct Resource: Encodable { var attributes: [Attribute] }
  private struct ScopeSpans: Encodable {
    var scope: Scope
    var spans: [Span]
  }
  private struct Scope: Encodable {
    var name: String
    var version: String?
  }
  fileprivate struct Span: Encodable {
    var traceId: String
    var spanId: String
    var traceState: String?
    var parentSpanId: String?
    var flags: Int
    var name: String
    var kind: Int
    var startTimeUnixNano: String
    var endTimeUnixNano: String
    var attributes: [Attribute]
    var status: Status
  }
  fileprivate struct Status: Encodable {
    var code: Int
    var message: String?
  }
  fileprivate struct Attribute: Encodable {
    var key: String
    var value: [String: Value]
    init(_ key: String, _ attribute: SpanAttribute) {
      self.key = key
      value =
        switch attribute {
        case .int64(let number): ["intValue": .text("\(number)")]
        case .int32(let number): ["intValue": .text("\(number)")]
        case .double(let number) where number.isFinite: ["doubleValue": .number(number)]
        case .bool(let flag): ["boolValue": .flag(flag)]
        case .string(let text): ["stringValue": .text(text)]
        default: ["stringValue": .text("\(attribute)")]
        }
    }
  }
  fileprivate enum Value: Encodable {
    case text(String), number(Double), flag(Bool)
    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(number)
      case .flag(let flag): try container.encode(flag)
      }
    }
  }
  private var resourceSpans: [ResourceSpans]

  /// - Parameter code: the program, with its version.
  init(_ spans: [FinishedSpan], resource: [(name: String, value: String)], code: String?) {
    let scope = ScopeSpans(scope: Scope(name: "dither", version: code), spans: spans.map(Span.init))
    resourceSpans = [
      ResourceSpans(
        resource: Resource(attributes: resource.map { Attribute($0.name, .string($0.value)) }), scopeSpans: [scope])
    ]
  }
}

extension OtlpMessage.Span {
  fileprivate init(_ span: FinishedSpan) {
    var attributes: [OtlpMessage.Attribute] = []
    span.attributes.forEach { attributes.append(OtlpMessage.Attribute($0, $1)) }
    let status = span.status.map { status in
      let code = if case .error = status.code { 2 } else { 1 }
      return OtlpMessage.Status(code: code, message: status.message)
    }
    self.init(
      traceId: span.place.traceID, spanId: span.place.spanID,
      traceState: span.place.state.isEmpty ? nil : span.place.state,
      parentSpanId: span.parent == 0 ? nil : TraceParent(high: 0, low: 1, span: span.parent, isSampled: true).spanID,
      flags: span.place.isSampled ? 1 : 0, name: span.name, kind: span.kind == .server ? 2 : 1,
      startTimeUnixNano: "\(span.start)", endTimeUnixNano: "\(span.end)",
      attributes: attributes.sorted { $0.key < $1.key }, status: status ?? OtlpMessage.Status(code: 0))
  }
}

/// The answer of a collector. Source: opentelemetry.io/docs/specs/otlp, "Partial Success".
struct OtlpAnswer: Decodable {
  private struct Partial: Decodable {
    /// A 64-bit integer: text, or a number from collectors that are less strict.
    var rejectedSpans: Rejected?
  }
  private enum Rejected: Decodable {
    case count(Int)
    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      let text = try? container.decode(String.self)
      self = .count(try text.map { Int($0) ?? 0 } ?? container.decode(Int.self))
    }
  }
  private var partialSuccess: Partial?

  /// Spans that the collector did not keep.
  var rejected: Int {
    guard case .count(let count)? = partialSuccess?.rejectedSpans else { return 0 }
    return max(0, count)
  }
}
