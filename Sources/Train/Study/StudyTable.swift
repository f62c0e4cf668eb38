import DitherBasics
import DitherRobustness
import Foundation

/// The numbers that a study's arms came to, their paired differences from the baseline, and its claims' verdicts.
public struct StudyTable: Codable, Sendable {
  /// One measure of one arm over the cases of a group and the seeds.
  public struct Cell: Codable, Sendable {
    /// Trainings.
    public var n: Int
    /// Over them.
    public var mean: Double
    /// The standard deviation over them; nil of one.
    public var deviation: Double?
    /// The mean of the pairs' differences from the baseline; nil of the baseline itself.
    public var difference: Double?
    /// Its interval of 95 %, by Student's t over the pairs; nil of one pair.
    public var interval: Interval?
    /// The difference's, two-sided, after Holm 1979 over the arms.
    public var p: Double?
  }

  /// One arm in one group of cases.
  public struct Row: Codable, Sendable {
    /// Its name.
    public var arm: String
    /// The values that tuning chose, as `--set` says it.
    public var chosen: [String]
    /// Trainings of the choice.
    public var tuned: Int
    /// The measure of the choice at what was chosen, the mean over its seeds.
    public var validation: Double?
    /// By the measure's name; one without results of all trainings is left out.
    public var cells: [String: Cell]
    /// Trainings that diverged.
    public var diverged: Int
    /// The mean norm of the gradient by epoch, over its trainings; nil where they have not as many epochs.
    public var gradientNorms: [Double]?
  }

  /// A group of cases.
  public struct Group: Codable, Sendable {
    public var name: String
    /// In the order of the arms.
    public var rows: [Row]
  }

  /// A claim, decided for a group.
  public struct Verdict: Codable, Sendable {
    public var claim: String
    public var group: String
    /// The arm that was taken, and the one that it is compared with.
    public var arm: String, minus: String?
    public var value: Double?
    /// The value's, 95 %, by Student's t.
    public var interval: Interval?
    /// By the value and its interval.
    public var outcome: Outcome
  }

  /// How the results decide a claim.
  public enum Outcome: String, Codable, Sendable {
    /// The mean reaches what was asked; of a difference its interval lies above 0, or above what was asked where that
    /// is less.
    case holds
    /// The interval lies below what was asked.
    case fails = "does not hold"
    /// Neither.
    case open = "not decided"
    /// Trainings are missing.
    case unknown = "no result"
  }

  public var name: String
  /// In the order of the cases.
  public var groups: [Group]
  /// Each claim in each of its groups.
  public var verdicts: [Verdict]
  /// Seconds of a core that all trainings took, those of tuning among them.
  public var seconds: Double

  init(
    _ plan: StudyPlan, _ tuned: [String: [Int: SweepTable]], _ results: [StudyPlan.Trial: StudyResult]
  ) {
    name = plan.name
    // In an order of their own: that of a dictionary would change the last digits.
    let times = results.values.map(\.seconds) + tuned.values.flatMap(\.values).flatMap(\.rows).map(\.seconds)
    seconds = times.sorted().reduce(0, +)
    groups = plan.groups.map { group in
      let places = plan.cases.indices.filter { plan.cases[$0].group == group }
      func values(_ arm: Int, _ measure: StudyMeasure) -> [Double]? {
        let all = places.flatMap { place in
          plan.seeds.map { results[StudyPlan.Trial(arm: arm, place: place, seed: $0)]?.measures[measure.name] }
        }
        let found = all.compactMap(\.self)
        return found.count == all.count ? found : nil
      }
      var rows = plan.arms.indices.map { arm in
        let table = tuned[group]?[arm],
          trials = places.flatMap { place in
            plan.seeds.compactMap { results[StudyPlan.Trial(arm: arm, place: place, seed: $0)] }
          }
        var row = Row(
          arm: plan.arms[arm].name, chosen: trials.first?.chosen ?? [], tuned: table?.trials ?? 0,
          validation: table?.best?.mean, cells: [:], diverged: trials.count { $0.failure != nil })
        row.gradientNorms = Self.means(trials.compactMap(\.gradientNorms), of: trials.count)
        for measure in plan.measures {
          guard let found = values(arm, measure), !found.isEmpty else { continue }
          let spread = Paired(found)
          var cell = Cell(n: found.count, mean: spread.mean, deviation: spread.deviation)
          if arm != plan.baseline, let others = values(plan.baseline, measure) {
            let pairs = Paired(zip(found, others).map { $0 - $1 })
            (cell.difference, cell.interval, cell.p) = (pairs.mean, pairs.interval, pairs.p)
          }
          row.cells[measure.name] = cell
        }
        return row
      }
      for measure in plan.measures { Self.holm(&rows, measure.name) }
      return Group(name: group, rows: rows)
    }
    verdicts = []
    for claim in plan.claims {
      for group in groups where claim.group == nil || claim.group == group.name {
        verdicts.append(Self.verdict(claim, group, plan, results))
      }
    }
  }

  /// The mean of each place of `count` lists; nil where some are missing or shorter.
  private static func means(_ lists: [[Double]], of count: Int) -> [Double]? {
    guard let first = lists.first, lists.count == count, lists.allSatisfy({ $0.count == first.count }) else {
      return nil
    }
    let means = first.indices.map { at in lists.reduce(0) { $0 + $1[at] / Double(count) } }
    return means.allSatisfy(\.isFinite) ? means : nil
  }

  /// Holm's step-down correction: Scandinavian Journal of Statistics 6, 1979.
  private static func holm(_ rows: inout [Row], _ measure: String) {
    let order = rows.indices.filter { rows[$0].cells[measure]?.p != nil }
      .sorted { (rows[$0].cells[measure]?.p ?? 1) < (rows[$1].cells[measure]?.p ?? 1) }
    var least = 0.0
    for (rank, at) in order.enumerated() {
      least = max(least, min(1, (rows[at].cells[measure]?.p ?? 1) * Double(order.count - rank)))
      rows[at].cells[measure]?.p = least
    }
  }

  private static func verdict(
    _ claim: StudyPlan.Claim, _ group: Group, _ plan: StudyPlan, _ results: [StudyPlan.Trial: StudyResult]
  ) -> Verdict {
    let isLower = plan.measures.first { $0.name == claim.measure }?.isLower ?? false
    let isOfRight = SweepPlan.Measure(rawValue: plan.tuning.chooseBy ?? "")?.isOfRight ?? false
    func rank(_ name: String) -> Double {
      let found = group.rows.first { $0.arm == name }?.validation ?? (isOfRight ? -.infinity : .infinity)
      return isOfRight ? -found : found
    }
    let arm = claim.arms.min { rank($0) < rank($1) } ?? claim.arms[0]
    var verdict = Verdict(claim: claim.says, group: group.name, arm: arm, minus: claim.minus, outcome: .unknown)
    func values(_ name: String) -> [Double]? {
      guard let at = plan.arms.firstIndex(where: { $0.name == name }) else { return nil }
      let all = plan.trials.filter { $0.arm == at && plan.cases[$0.place].group == group.name }
        .map { results[$0]?.measures[claim.measure] }
      let found = all.compactMap(\.self)
      return found.count == all.count && !found.isEmpty ? found : nil
    }
    guard var found = values(arm) else { return verdict }
    if let minus = claim.minus {
      guard let others = values(minus) else { return verdict }
      found = zip(found, others).map { (isLower ? $1 - $0 : $0 - $1) / (claim.isRelative ? max(abs($1), 1e-300) : 1) }
    }
    let pairs = Paired(found)
    (verdict.value, verdict.interval) = (pairs.mean, pairs.interval)
    // A measure that is better when it is less is bounded from above.
    let isFlipped = isLower && claim.minus == nil
    let mean = isFlipped ? -pairs.mean : pairs.mean, least = isFlipped ? -claim.atLeast : claim.atLeast
    let interval = pairs.interval.map { isFlipped ? Interval(low: -$0.high, high: -$0.low) : $0 }
    if mean >= least, claim.minus == nil || (interval.map { $0.low > min(0, least) } ?? false) {
      verdict.outcome = .holds
    } else {
      verdict.outcome = interval.map { $0.high < least } ?? false ? .fails : .open
    }
    return verdict
  }
}

/// Numbers of pairs, or of trainings: their mean with what is known of it.
struct Paired {
  let mean: Double
  /// The standard deviation; nil of one number.
  let deviation: Double?
  /// The mean's, 95 %, by Student's t; nil of one number.
  let interval: Interval?
  /// Two-sided, of a mean of 0; nil of one number.
  let p: Double?

  /// - Parameter values: at least one.
  init(_ values: [Double]) {
    let n = Double(max(values.count, 1)), found = Statistics.mean(values), mean = found.value
    (self.mean, interval) = (mean, found.interval)
    guard values.count > 1 else {
      (deviation, p) = (nil, nil)
      return
    }
    let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)).squareRoot()
    self.deviation = deviation
    p = deviation == 0 ? (mean == 0 ? 1 : 0) : Statistics.studentTest(mean / (deviation / n.squareRoot()), n - 1)
  }
}
