import DitherBasics
import DitherProto

/// Which traces are recorded. Source: opentelemetry.io/docs/specs/otel/trace/sdk, "Sampling", and
/// …/configuration/sdk-environment-variables, "General SDK Configuration".
public struct TraceSampler: Sendable, Equatable {
  /// The share of traces, 0 to 1, that are recorded where the caller has none.
  public var ratio: Double
  /// Whether a caller's own trace is recorded as the caller says.
  public var followsParent: Bool

  /// The names of `OTEL_TRACES_SAMPLER`.
  private static let names = ["always_on", "always_off", "traceidratio"].flatMap { [$0, "parentbased_\($0)"] }

  /// - Parameters:
  ///   - name: of a sampler; nil: `parentbased_always_on`.
  ///   - argument: the share of a `traceidratio`; nil: 1.
  init(_ name: String?, argument: String?) throws(ServiceError) {
    let name = name ?? "parentbased_always_on"
    guard Self.names.contains(name) else {
      throw ServiceError(
        .configuration, at: "OTEL_TRACES_SAMPLER", expected: "one of \(Self.names.joined(separator: ", "))",
        got: "'\(name.clipped())'", advice: nearest(to: name, among: Self.names).map { "did you mean '\($0)'?" })
    }
    followsParent = name.hasPrefix("parentbased_")
    if name.hasSuffix("traceidratio") {
      let text = argument ?? "1"
      guard let share = Double(text), (0...1).contains(share) else {
        throw ServiceError(
          .configuration, at: "OTEL_TRACES_SAMPLER_ARG", expected: "a share, 0 to 1", got: "'\(text.clipped())'")
      }
      ratio = share
    } else {
      ratio = name.hasSuffix("always_on") ? 1 : 0
    }
  }

  /// The same for all spans of a trace, in whatever process.
  func takes(high: UInt64, low: UInt64, parent: TraceParent?) -> Bool {
    if followsParent, let parent { return parent.isSampled }
    // 63 bits of the number's end, as other tracers take them.
    return ratio >= 1 || Double(low & (1 << 63 - 1)) < ratio * 0x1p63
  }
}
