/// A place in a distributed trace, as the metadata `traceparent` and `tracestate` of a call tell it.
/// Source: W3C Trace Context, w3.org/TR/trace-context, 3.2 and 3.3.
public struct TraceParent: Sendable, Equatable {
  /// The halves of the trace's number; not both are 0.
  public var high: UInt64
  /// The lower half.
  public var low: UInt64
  /// The number of the span within its trace; not 0.
  public var span: UInt64
  /// Whether who began the trace records it.
  public var isSampled: Bool
  /// Facts of other tracers, handed on as they came.
  public var state: String

  /// Characters of a `tracestate` that is handed on; a longer one is left out whole.
  private static let mostState = 512

  /// A place by its numbers.
  public init(high: UInt64, low: UInt64, span: UInt64, isSampled: Bool, state: String = "") {
    (self.high, self.low, self.span) = (high, low, span)
    (self.isSampled, self.state) = (isSampled, state)
  }

  /// - Parameters:
  ///   - header: the text of `traceparent`, of this version or of a later one.
  ///   - state: that of `tracestate`.
  /// - Returns: nil of what is none: the caller then has no trace, and is served all the same.
  public init?(_ header: String, state: String? = nil) {
    let bytes = Array(header.utf8)
    guard bytes.count >= 55, bytes[2] == 0x2D, bytes[35] == 0x2D, bytes[52] == 0x2D,
      let version = Self.number(bytes[0..<2]), version != 0xFF,
      version == 0 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == 0x2D,
      let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]), high != 0 || low != 0,
      let span = Self.number(bytes[36..<52]), span != 0, let flags = Self.number(bytes[53..<55])
    else { return nil }
    let state = state.flatMap { text in
      text.utf8.count <= Self.mostState && text.utf8.allSatisfy { (0x20...0x7E).contains($0) } ? text : nil
    }
    self.init(high: high, low: low, span: span, isSampled: flags & 1 == 1, state: state ?? "")
  }

  /// - Parameter metadata: a call's, keys in lower case.
  public init?(metadata: [String: String]) {
    guard let header = metadata["traceparent"] else { return nil }
    self.init(header, state: metadata["tracestate"])
  }

  /// The number of the trace, 32 hexadecimal digits.
  public var traceID: String { Self.digits(high) + Self.digits(low) }
  /// The number of the span, 16 hexadecimal digits.
  public var spanID: String { Self.digits(span) }
  /// The text of `traceparent`.
  public var header: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

  /// - Parameter digits: at most 16, in small letters.
  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for digit in digits {
      switch digit {
      case 0x30...0x39: value = value << 4 | UInt64(digit - 0x30)
      case 0x61...0x66: value = value << 4 | UInt64(digit - 0x61 + 10)
      default: return nil
      }
    }
    return value
  }

  private static func digits(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.utf8.count) + text
  }
}
