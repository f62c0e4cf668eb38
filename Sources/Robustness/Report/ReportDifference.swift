/// Two reports, measurement by measurement: what is better in the second, what is worse, and what only one has.
public struct ReportDifference: Codable, Sendable, Equatable {
  /// A report's subject.
  public struct Side: Codable, Sendable, Equatable {
    /// The model's name, with its version.
    public var model: String
    /// The model's, `sha256:…`.
    public var digest: String
    /// The examples' name.
    public var data: String
    /// Examples.
    public var n: Int
    /// The audit's.
    public var seed: UInt64
    /// Draws of each answer; 0: deterministic.
    public var samples: Int
  }

  /// The part that a measurement plays in the verdict.
  public enum Level: String, Codable, Sendable {
    /// Clean accuracy, threat models, the mean over corruptions, calibration: these decide.
    case headline
    /// One probe's accuracy. Among many some differ by chance.
    case probe
    /// A probe's measure, whose better side is not known in general.
    case measure
  }

  /// How the second compares, as far as chance allows to say.
  public enum Outcome: String, Codable, Sendable {
    /// The 95 % interval of the difference lies on one side of zero, and that side is known.
    case better, worse
    /// The interval lies on one side of zero; which side is better is not known.
    case different
    /// It does not.
    case unclear
    /// Both numbers are the same, and so are all examples where they are compared one by one.
    case same
  }

  /// One number in both reports.
  public struct Measurement: Codable, Sendable, Equatable {
    /// As the report's page names it.
    public var name: String
    /// The part that it plays.
    public var level: Level
    /// The first report's number.
    public var first: Double
    /// The second report's number.
    public var second: Double
    /// The second less the first.
    public var difference: Double
    /// 95 %; left out where a number has none.
    public var interval: Interval?
    /// Whether it is a share, which is read in hundredths; else a number in a unit of its own.
    public var isShare: Bool
    /// Whether less is better; left out where that is not known in general.
    public var lowerIsBetter: Bool?
    /// Whether the examples are compared one by one; else the two numbers are taken as independent, which makes the
    /// interval too wide where the examples are the same.
    public var isPaired: Bool
    /// McNemar's exact test, of accuracies that are compared one by one.
    public var mcnemarP: Double?
    /// The second's standing.
    public var outcome: Outcome
  }

  /// A gate in both reports.
  public struct GateChange: Codable, Sendable, Equatable {
    /// As the command line writes it.
    public var gate: String
    /// Whether it is kept in the first report, and in the second.
    public var first: Bool, second: Bool
  }

  /// The first report's, and the second's.
  public var first: Side, second: Side
  /// Whether both are about the very same examples.
  public var isPaired: Bool
  /// Headlines first, then probes, then measures, each in the first report's order.
  public var measurements: [Measurement]
  /// Gates of both.
  public var gates: [GateChange]
  /// Probes, threat models and gates of one report alone.
  public var onlyFirst: [String], onlySecond: [String]

  /// Headlines that are worse, and gates that were kept and are not, by name.
  public var worse: [String] {
    measurements.filter { $0.level == .headline && $0.outcome == .worse }.map(\.name)
      + gates.filter { $0.first && !$0.second }.map { "gate \($0.gate)" }
  }

  public init(_ first: Report, _ second: Report) {
    self.first = Side(first)
    self.second = Side(second)
    isPaired = first.dataDigest == second.dataDigest && first.n == second.n
    let pairing = Pairing(first, second, isPaired: isPaired)
    measurements = pairing.headlines + pairing.ofProbes + pairing.measures
    gates = (first.gates ?? []).compactMap { gate in
      second.gates?.first { $0.gate == gate.gate }.map {
        GateChange(gate: gate.gate, first: gate.passed, second: $0.passed)
      }
    }
    func alone(_ one: Report, _ other: Report) -> [String] {
      let gates = Set((other.gates ?? []).map(\.gate)), threats = Set(other.threatModels.map(\.threat))
      let tolerance =
        one.tolerance != other.tolerance ? [one.toleranceWords.map { "right: \($0)" } ?? "right: the class"] : []
      return tolerance + one.threatModels.filter { !threats.contains($0.threat) }.map(\.title)
        + one.probes.filter { probe in !other.probes.contains { $0.isAskedLike(probe) } }.map(\.title)
        + (one.gates ?? []).filter { !gates.contains($0.gate) }.map { "gate \($0.gate)" }
    }
    onlyFirst = alone(first, second)
    onlySecond = alone(second, first)
  }
}

extension ReportDifference.Side {
  fileprivate init(_ report: Report) {
    model = report.version.map { "\(report.model)@\($0)" } ?? report.model
    (digest, data, n) = (report.digest, report.data, report.n)
    (seed, samples) = (report.seed, report.samples)
  }
}

extension ProbeReport {
  /// The same question: the same probe with the same parameters in force.
  fileprivate func isAskedLike(_ other: ProbeReport) -> Bool { probe == other.probe && parameters == other.parameters }
}

/// The measurements that two reports share.
private struct Pairing {
  typealias Measurement = ReportDifference.Measurement
  private let first: Report, second: Report
  /// About the very same examples.
  private let isPaired: Bool
  /// Probes of both, in the first one's order.
  private let probes: [(first: ProbeReport, second: ProbeReport)]

  init(_ first: Report, _ second: Report, isPaired: Bool) {
    (self.first, self.second, self.isPaired) = (first, second, isPaired)
    probes = first.probes.compactMap { probe in
      second.probes.first { $0.isAskedLike(probe) }.map { (probe, $0) }
    }
  }

  /// Right and wrong mean the same in both.
  private var areRightAlike: Bool { first.tolerance == second.tolerance }

  /// A regression's errors; none of classes.
  private var errors: [Measurement] {
    func own(_ measure: String, _ title: String) -> [(String, String)] {
      let values = first.byValue(measure, in: first.errors)
      return values.isEmpty ? [(measure, title)] : values.map { ($0.measure.name, "\(title) of \($0.name)") }
    }
    // Over several values of units of their own one number does not decide.
    let names = own("rmse", "RMSE") + [("nll", "NLL")] + own("crps", "CRPS")
    return names.compactMap { name, title in
      guard let a = first.errors?.measures.first(where: { $0.name == name }),
        let b = second.errors?.measures.first(where: { $0.name == name })
      else { return nil }
      return independent(
        title, .headline, (a.value, a.interval), (b.value, b.interval), isShare: false, lowerIsBetter: true)
    }
  }

  var headlines: [Measurement] {
    var found = errors
    guard areRightAlike else { return found }
    // All probes know the clean answers; the one that judged most examples says the most.
    func clean(_ report: Report) -> ProbeReport? {
      report.probes.filter { [.clean, .attack, .corruption].contains($0.kind) }.max { $0.n < $1.n }
        ?? report.probes.first
    }
    if let a = clean(first), let b = clean(second) {
      found.append(
        accuracy(
          "clean accuracy", .headline, Answers(a.perExampleClean, a.rows), Answers(b.perExampleClean, b.rows)))
    }
    for threat in first.threatModels {
      guard let other = second.threatModels.first(where: { $0.threat == threat.threat }) else { continue }
      let isSame = threat.attacks == other.attacks
      found.append(
        accuracy(
          "\(threat.title)\(isSame ? "" : ", by other attacks")", .headline, Answers(threat.perExample, threat.rows),
          Answers(other.perExample, other.rows)))
    }
    if let mean = corruptions { found.append(mean) }
    return found + calibration
  }

  var ofProbes: [Measurement] {
    guard areRightAlike else { return [] }
    return probes.filter { [.attack, .corruption, .certificate].contains($0.first.kind) }.map { a, b in
      accuracy(a.title, .probe, Answers(a.perExample, a.rows), Answers(b.perExample, b.rows))
    }
  }

  var measures: [Measurement] {
    probes.flatMap { a, b in
      (a.summary?.measures ?? []).compactMap { measure in
        b.summary?.measures.first { $0.name == measure.name }.map { other in
          independent(
            "\(a.title): \(measure.name)", .measure, (measure.value, measure.interval), (other.value, other.interval),
            isShare: false, lowerIsBetter: ValueSummary.lowerIsBetter(measure.name, isRegression: first.isRegression))
        }
      }
    }
  }

  private var calibration: [Measurement] {
    guard let a = first.probes.lazy.compactMap(\.calibration).first,
      let b = second.probes.lazy.compactMap(\.calibration).first
    else { return [] }
    return [
      independent(
        "ECE", .headline, (a.ece15, a.ece15Interval), (b.ece15, b.ece15Interval), isShare: false, lowerIsBetter: true),
      independent(
        "NLL", .headline, (a.nll, a.nllInterval), (b.nll, b.nllInterval), isShare: false, lowerIsBetter: true),
      independent(
        "Brier score", .headline, (a.brier, a.brierInterval), (b.brier, b.brierInterval), isShare: false,
        lowerIsBetter: true),
    ]
  }

  /// The mean over the corruptions that both have: each example's share of them, by Student's t.
  private var corruptions: Measurement? {
    let shared = probes.filter { $0.first.kind == .corruption && $0.first.severity != nil }
    guard !shared.isEmpty else { return nil }
    let name = "corruptions, mean of \(shared.count)", count = Double(shared.count)
    func shares(_ of: [ProbeReport]) -> [Double]? {
      guard let head = of.first, of.allSatisfy({ $0.rows == head.rows && $0.perExample.count == head.perExample.count })
      else { return nil }
      return head.perExample.indices.map { at in Double(of.count { $0.perExample[at] }) / count }
    }
    func mean(_ of: [ProbeReport]) -> Double { of.reduce(0) { $0 + $1.robustAccuracy } / count }
    let a = shared.map { $0.first }, b = shared.map { $0.second }
    if isPaired, let one = shares(a), let other = shares(b), a[0].rows == b[0].rows, one.count == other.count {
      let found = Statistics.mean(zip(other, one).map { $0 - $1 })
      return Measurement(
        name, .headline, mean(a), mean(b), found.interval?.clamped(to: -1...1), isPaired: true, isShare: true,
        lowerIsBetter: false,
        isSame: one == other)
    }
    return independent(
      name, .headline, (mean(a), shares(a).flatMap { Statistics.mean($0).interval }),
      (mean(b), shares(b).flatMap { Statistics.mean($0).interval }), isShare: true, lowerIsBetter: false)
  }

  /// Right or wrong, by example, with the places of those that were judged.
  private struct Answers {
    var right: [Bool]
    var rows: [Int]?
    init(_ right: [Bool], _ rows: [Int]?) { (self.right, self.rows) = (right, rows) }
    var byRow: [Int: Bool] {
      Dictionary(zip(rows ?? Array(right.indices), right), uniquingKeysWith: { first, _ in first })
    }
  }

  private func accuracy(_ name: String, _ level: ReportDifference.Level, _ a: Answers, _ b: Answers) -> Measurement {
    guard isPaired else {
      let (one, other) = (Proportion(a.right), Proportion(b.right))
      return independent(
        name, level, (one.value, one.interval), (other.value, other.interval), isShare: true, lowerIsBetter: false)
    }
    let there = b.byRow
    let pairs = a.byRow.compactMap { row, right in there[row].map { (first: right, second: $0) } }
    let both = pairs.count { $0.first && $0.second }, neither = pairs.count { !$0.first && !$0.second }
    let onlyFirst = pairs.count { $0.first && !$0.second }, onlySecond = pairs.count { !$0.first && $0.second }
    let n = pairs.count
    var found = Measurement(
      name, level, Proportion(both + onlyFirst, of: n).value, Proportion(both + onlySecond, of: n).value,
      Statistics.pairedDifference(both: both, onlyFirst: onlySecond, onlySecond: onlyFirst, neither: neither),
      isPaired: true, isShare: true, lowerIsBetter: false, isSame: onlyFirst + onlySecond == 0)
    found.mcnemarP = Statistics.mcnemar(onlyFirst: onlyFirst, onlySecond: onlySecond)
    return found
  }

  /// Two numbers with an interval each, by the square root of the sum of the arms' squares. Newcombe 1998, Statistics
  /// in Medicine 17, 873–890, method 10; Zou and Donner 2008, 27, 1693–1702, for numbers of any kind.
  private func independent(
    _ name: String, _ level: ReportDifference.Level, _ a: (value: Double, interval: Interval?),
    _ b: (value: Double, interval: Interval?), isShare: Bool, lowerIsBetter: Bool?
  ) -> Measurement {
    var interval: Interval?
    if let one = a.interval, let other = b.interval {
      func arm(_ x: Double, _ y: Double) -> Double { (x * x + y * y).squareRoot() }
      let difference = b.value - a.value
      // A bootstrap's interval of a biased measure may lie beside its value.
      interval = Interval(
        low: difference - arm(max(b.value - other.low, 0), max(one.high - a.value, 0)),
        high: difference + arm(max(other.high - b.value, 0), max(a.value - one.low, 0)))
    }
    return Measurement(
      name, level, a.value, b.value, interval, isPaired: false, isShare: isShare, lowerIsBetter: lowerIsBetter,
      isSame: a.value == b.value)
  }
}

extension ReportDifference.Measurement {
  /// - Parameters:
  ///   - lowerIsBetter: nil: nobody knows.
  ///   - isSame: nothing tells the two apart.
  fileprivate init(
    _ name: String, _ level: ReportDifference.Level, _ first: Double, _ second: Double, _ interval: Interval?,
    isPaired: Bool, isShare: Bool, lowerIsBetter: Bool?, isSame: Bool
  ) {
    (self.isShare, self.lowerIsBetter) = (isShare, lowerIsBetter)
    (self.name, self.level, self.first, self.second) = (name, level, first, second)
    (self.interval, self.isPaired) = (interval, isPaired)
    difference = second - first
    let isApart = interval.map { $0.low > 0 || $0.high < 0 } ?? false
    switch lowerIsBetter {
    case _ where isSame: outcome = .same
    case _ where !isApart: outcome = .unclear
    case nil: outcome = .different
    case let lower?: outcome = (difference < 0) == lower ? .better : .worse
    }
  }
}
