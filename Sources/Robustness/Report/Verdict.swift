/// A report in at most ten rows: as it is, under each threat model, corrupted, calibrated, what speaks against it and
/// what was required.
public struct Verdict: Sendable, Equatable {
  /// One row: a name, its figure, and a few words.
  public struct Row: Sendable, Equatable {
    /// `clean`, `L∞, ε = 8/255`, `errors`, `corruptions`, `calibration`, `left out`, `unanswered`, `findings`, `gates`.
    public var name: String
    /// `57.5 %`, `ECE 0.012`, `2 of 3 kept`.
    public var value: String
    /// The 95 % interval, as `50.6 to 64.1`; empty where none is known.
    public var range: String
    /// A few words beside the figure; may be empty.
    public var note: String
    /// The way in which the row reads.
    public var mark: Mark

    /// A row of these words.
    public init(name: String, value: String, range: String, note: String, mark: Mark) {
      (self.name, self.value, self.range, self.note, self.mark) = (name, value, range, note, mark)
    }
  }
  /// How a row reads.
  public enum Mark: Sendable, Equatable { case plain, good, bad }

  /// In the order in which they are read.
  public var rows: [Row]

  /// Rows, at most: below the name of what was audited they make ten lines. Threat models give way first.
  public static let mostRows = 9

  public init(_ report: Report) {
    let parts = [Self.errors, Self.corruptions, Self.calibration, Self.leftOut, Self.findings, Self.gates]
    let first = Self.clean(report).map { [$0] } ?? [], last = parts.compactMap { $0(report) }
    rows = first + Self.threats(report, most: Self.mostRows - first.count - last.count) + last
  }

  private static func clean(_ report: Report) -> Row? {
    guard let clean = report.probes.first else { return nil }
    let beside = others(report) { clean.others.indices.contains($0) ? clean.others[$0].cleanAccuracy : nil }
    return Row(
      name: "clean", value: Written.percent(clean.cleanAccuracy), range: Written.interval(clean.cleanInterval),
      note: [report.toleranceWords ?? "", beside].filter { !$0.isEmpty }.joined(separator: "; "), mark: .plain)
  }

  private static func threats(_ report: Report, most: Int) -> [Row] {
    let all = report.threatModels
    // First the ball of each norm that most attacks were tried in, then the others by their attacks.
    let best = Set(
      Norm.allCases.compactMap { norm in
        all.indices.filter { all[$0].threat.norm == norm }.max {
          (all[$0].attacks.count, $0) < (all[$1].attacks.count, $1)
        }
      })
    let order = all.indices.sorted { one, other in
      (best.contains(one) ? 0 : 1, -all[one].attacks.count, one)
        < (best.contains(other) ? 0 : 1, -all[other].attacks.count, other)
    }
    // One row tells of those that have none.
    let room = all.count > max(most, 1) ? max(most - 1, 1) : all.count
    let kept = Set(order.prefix(room)), left = order.dropFirst(room)
    let rows = all.indices.filter(kept.contains).map { at in
      let threat = all[at], count = threat.attacks.count
      let words = others(report) { threat.others.indices.contains($0) ? threat.others[$0].accuracy : nil }
      let error =
        report.worstError(under: threat).map { "; RMSE \($0.figure)\(report.isPooled ? " pooled" : "")" } ?? ""
      let ended = report.incomplete?.endedEarly.isEmpty == false ? "at most; " : ""
      return Row(
        name: threat.title, value: Written.percent(threat.robustAccuracy), range: Written.interval(threat.interval),
        note: "\(ended)\(count == 1 ? "1 attack" : union(threat, words))" + error
          + (words.isEmpty ? "" : "; \(words)"),
        mark: .plain)
    }
    guard let least = left.min(by: { (all[$0].robustAccuracy, $0) < (all[$1].robustAccuracy, $1) }) else {
      return rows
    }
    return rows + [
      Row(
        name: "\(left.count) more", value: Written.percent(all[least].robustAccuracy),
        range: Written.interval(all[least].interval), note: "least of them: \(all[least].title)", mark: .plain)
    ]
  }

  /// With the attack that does most of it, where there is room: others may have broken nothing.
  private static func union(_ threat: ThreatReport, _ words: String) -> String {
    let name = threat.strongest.split(separator: ",").first.map(String.init) ?? ""
    let alone = words.isEmpty ? "; \(name) alone \(Written.percent(threat.strongestAccuracy))" : ""
    return "union of \(threat.attacks.count)\(alone)"
  }

  private static func others(_ report: Report, _ value: (Int) -> Double?) -> String {
    let found = report.comparisons.indices.compactMap { value($0).map(Written.percent) }
    guard !found.isEmpty else { return "" }
    return "baseline\(found.count == 1 ? "" : "s") \(found.joined(separator: ", "))"
  }

  /// Values whose own RMSE is in a row, at most.
  private static let mostValues = 4

  private static func errors(_ report: Report) -> Row? {
    guard report.isRegression, let summary = report.errors,
      let rmse = summary.measures.first(where: { $0.name == "rmse" })
    else { return nil }
    let own = report.byValue("rmse", in: summary)
    let names = own.prefix(mostValues).map { "\($0.name) \($0.measure.figure)" }.joined(separator: ", ")
    let words = [
      own.isEmpty ? nil : "by value: \(names)\(own.count > mostValues ? ", …" : "")",
      summary["nll"].map { "NLL \(Written.number($0))" }, summary["crps"].map { "CRPS \(Written.number($0))" },
      summary["picp"].map { "\(Written.percent($0)) in its 95 % intervals" },
    ]
    return Row(
      name: "errors", value: "RMSE \(rmse.figure)\(report.isPooled ? " pooled" : "")", range: rmse.range,
      note: words.compactMap { $0 }.joined(separator: ", "), mark: .plain)
  }

  private static func corruptions(_ report: Report) -> Row? {
    guard let mean = report.corruptionMean, let worst = report.corruptions?.rows.min(by: { $0.mean < $1.mean }) else {
      return nil
    }
    let worstMean = Written.percent(worst.mean), name = worst.corruption.replacing("_", with: " ")
    return Row(
      name: "corruptions", value: Written.percent(mean.value), range: mean.interval.map(Written.interval) ?? "",
      note: "mean of \(mean.conditions); worst \(name), \(worstMean)", mark: .plain)
  }

  private static func calibration(_ report: Report) -> Row? {
    guard let found = report.probes.lazy.compactMap(\.calibration).first else { return nil }
    let ends = [found.ece15Interval.low, found.ece15Interval.high].map(Written.decimal)
    return Row(
      name: "calibration", value: "ECE \(Written.decimal(found.ece15))", range: ends.joined(separator: " to "),
      note: "NLL \(Written.decimal(found.nll)), Brier \(Written.decimal(found.brier))", mark: .plain)
  }

  private static func leftOut(_ report: Report) -> Row? {
    let reasons = report.failuresByReason
    guard !reasons.isEmpty || report.incomplete != nil else { return nil }
    let probes = Set(reasons.filter { !$0.countedWrong }.flatMap(\.probes)).union(
      report.incomplete?.missingProbes ?? [])
    guard !probes.isEmpty || report.incomplete != nil else {
      return Row(
        name: "unanswered", value: "wrong", range: "", note: "some answers are none, and count as wrong", mark: .plain)
    }
    let wrong = reasons.contains(where: \.countedWrong) ? "some answers are none; " : ""
    let ended = report.incomplete.map { "time over after \($0.shardsDone) of \($0.shards) shards; " } ?? ""
    let names = probes.sorted().prefix(2).joined(separator: ", ") + (probes.count > 2 ? ", …" : "")
    return Row(
      name: "left out", value: "\(probes.count) probe\(probes.count == 1 ? "" : "s")", range: "",
      note: wrong + ended + names, mark: .plain)
  }

  private static func findings(_ report: Report) -> Row? {
    guard !report.checks.isEmpty else { return nil }
    let groups = report.findingGroups
    guard let first = groups.first else {
      return Row(
        name: "findings", value: "none", range: "", note: "\(report.checks.count) checks of the audit passed",
        mark: .good)
    }
    let counts = Severity.allCases.compactMap { severity -> String? in
      let count = groups.filter { $0.kind.severity == severity }.reduce(0) { $0 + $1.findings.count }
      return count == 0 ? nil : "\(count) \(severity.rawValue)"
    }
    return Row(
      name: "findings", value: "\(report.findings.count)", range: "",
      note:
        "\(counts.joined(separator: ", ")): \(first.kind.title.prefix(1).lowercased() + first.kind.title.dropFirst())",
      mark: .bad)
  }

  private static func gates(_ report: Report) -> Row? {
    guard let gates = report.gates, !gates.isEmpty else { return nil }
    let kept = gates.count(where: \.passed), failed = gates.filter { !$0.passed }.map(\.gate)
    return Row(
      name: "gates", value: "\(kept) of \(gates.count) kept", range: "",
      note: failed.isEmpty ? "" : "not kept: \(failed.joined(separator: ", "))", mark: failed.isEmpty ? .good : .bad)
  }
}

extension Report {
  /// The mean accuracy over all corruptions that were asked for at a severity, and their number. The interval is over
  /// the examples: Student's t of each one's share of conditions in which it is right; none where conditions judged
  /// other examples.
  package var corruptionMean: (value: Double, interval: Interval?, conditions: Int)? {
    let found = probes.filter { $0.kind == .corruption && $0.severity != nil }
    guard let first = found.first else { return nil }
    // One condition has the interval that it has everywhere.
    guard found.count > 1 else { return (first.robustAccuracy, first.interval, 1) }
    let count = Double(found.count), value = found.reduce(0) { $0 + $1.robustAccuracy } / count
    guard found.allSatisfy({ $0.rows == first.rows && $0.perExample.count == first.perExample.count }) else {
      return (value, nil, found.count)
    }
    let shares = first.perExample.indices.map { at in Double(found.count { $0.perExample[at] }) / count }
    return (value, Statistics.mean(shares).interval?.clamped(to: 0...1), found.count)
  }
}
