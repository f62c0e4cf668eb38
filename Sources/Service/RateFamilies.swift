import DitherTransport

/// The refusals of callers who go beyond their pace.
enum RateFamilies {
  static func all(of rates: CallerRates) -> [Metrics.Family] {
    let refused = Metrics.Family(
      name: "dither_refused_by_rate_total", help: "Calls refused as beyond their caller's rate.", type: "counter",
      values: { values(of: rates) })
    return [refused]
  }

  private static func values(of rates: CallerRates) -> [Metrics.Family.Value] {
    rates.refused.map { refused in
      Metrics.Family.Value(
        labels: [(name: "caller", value: refused.caller), (name: "bound", value: refused.kind.rawValue)],
        number: Double(refused.count))
    }
  }
}
