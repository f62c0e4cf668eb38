/// Two models on the same examples.
public struct Comparison: Codable, Sendable, Equatable {
  /// The other model's name.
  public var baseline: String
  /// The other model's version; nil for a file.
  public var baselineVersion: Int?
  /// The digest of the other model's file.
  public var baselineDigest: String
  /// The members of an ensemble.
  public var baselineMembers: [Report.Member]?
  /// Left out where it is 1.
  public var baselineTemperature: Double?
  /// In the order of the report's probes.
  public var probes: [Pair]

  /// Both models under one probe.
  public struct Pair: Codable, Sendable, Equatable {
    /// The probe, as it was asked for.
    public var probe: String
    /// The model's accuracy less the baseline's, with the 95 % interval for pairs (Newcombe 1998, method 10).
    public var difference: Double
    /// The difference's.
    public var interval: Interval
    /// Examples that only one of them gets right.
    public var onlyModel: Int
    /// Examples that only the other model gets right.
    public var onlyBaseline: Int
    /// McNemar's exact test, two-sided.
    public var mcnemarP: Double
    /// The same in words.
    public var sentence: String
  }
}

extension Comparison {
  init(
    _ runner: AuditRunner, _ other: AuditSubject, _ probes: [(ProbeSpec, ProbeReport, ProbeReport.Measured)],
    endedEarly: [String]
  ) {
    baseline = other.name
    baselineVersion = other.version
    baselineDigest = other.digest
    baselineMembers = Report.Member.all(of: other)
    baselineTemperature = other.temperature == 1 ? nil : other.temperature
    self.probes = probes.map { spec, report, measured in
      Pair(
        spec, report, measured, names: (runner.subject.name, other.name), endedEarly: endedEarly.contains(spec.text))
    }
  }
}

extension Comparison.Pair {
  init(
    _ spec: ProbeSpec, _ report: ProbeReport, _ other: ProbeReport.Measured, names: (model: String, baseline: String),
    endedEarly: Bool
  ) {
    let pairs = zip(report.perExample, other.perExample)
    let both = pairs.count { $0 && $1 }, neither = pairs.count { !$0 && !$1 }
    probe = spec.text
    onlyModel = pairs.count { $0 && !$1 }
    onlyBaseline = pairs.count { !$0 && $1 }
    difference = report.robustAccuracy - other.robustAccuracy
    interval = Statistics.pairedDifference(
      both: both, onlyFirst: onlyModel, onlySecond: onlyBaseline, neither: neither)
    mcnemarP = Statistics.mcnemar(onlyFirst: onlyModel, onlySecond: onlyBaseline)
    let points = Written.points(abs(difference)), p = Written.probability(mcnemarP)
    let counts =
      "\(names.model) is right on \(both + onlyModel) of \(report.n), \(names.baseline) on \(both + onlyBaseline)"
    let verdict =
      onlyModel == onlyBaseline
      ? "there is no difference"
      : "\(points) points \(difference > 0 ? "more" : "fewer") "
        + "(95 %: \(Written.interval(interval))), "
        + (mcnemarP < 0.05 ? "more than chance explains" : "which may be chance")
    sentence =
      endedEarly
      ? "\(report.title): \(counts), when the time ended the attack: upper bounds, of which no difference can be said."
      : "\(report.title): \(counts): \(verdict) (McNemar \(p))."
  }
}
