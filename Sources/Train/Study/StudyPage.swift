import DitherBasics
import DitherReports
import DitherRobustness
import Foundation

/// A study as a Markdown page with charts beside it, and as a page for a browser.
struct StudyPage {
  private let plan: StudyPlan
  private let table: StudyTable
  private let tuned: [String: [Int: SweepTable]]
  private let command: String, machine: String

  /// - Parameters:
  ///   - command: gives the results again.
  ///   - machine: in words.
  init(_ plan: StudyPlan, _ table: StudyTable, _ tuned: [String: [Int: SweepTable]], command: String, machine: String) {
    (self.plan, self.table, self.tuned) = (plan, table, tuned)
    (self.command, self.machine) = (command, machine)
  }

  /// The charts' files: their names, and what they hold.
  func charts() -> [(name: String, title: String, svg: String)] {
    page.files().enumerated().map { at, chart in
      ("\(plan.name)-\(at + 1).svg", chart.title, chart.svg)
    }
  }

  func html() -> String { page.html() }

  private var page: CurvesPage {
    CurvesPage(
      eyebrow: "Study", title: plan.name, lead: plan.question, series: series,
      facts: [("Command", command), ("Machine", machine), ("Time", Self.hours(table.seconds))],
      source: ("In words", markdown(withCharts: false)))
  }

  // MARK: words

  func markdown(withCharts: Bool = true) -> String {
    var parts = ["# Study: \(plan.name)", plan.question]
    if plan.isQuick { parts.append("This is the short form, whose numbers decide nothing.") }
    if !table.verdicts.isEmpty { parts += ["## Claims", claims] }
    if !plan.advice.isEmpty, !plan.isQuick { parts += ["## Advice", plan.advice] }
    parts.append("## Results")
    for group in table.groups {
      if table.groups.count > 1 { parts.append("### \(group.name)") }
      parts.append(results(group))
    }
    let differences = table.groups.flatMap { group in self.differences(group) }
    if !differences.isEmpty {
      let arm = plan.arms[plan.baseline]
      parts += [
        "## Differences from \(arm.title)",
        "Means over pairs of the same seed and case, with intervals of 95 % by Student's t. p is two-sided, by Holm's method "
          + "over the arms.",
        Self.table(
          (table.groups.count > 1 ? ["group"] : []) + ["arm", "measure", "difference", "95 %", "p"], differences),
      ]
    }
    if withCharts { parts += charts().map { "![\($0.title)](\($0.name))" } }
    parts += ["## How it was done", method]
    // The file's words, which a terminal that shows the page shall not act on.
    return (parts.joined(separator: "\n\n") + "\n").shown(keepsLines: true)
  }

  private var claims: String {
    Self.table(
      (table.groups.count > 1 ? ["group"] : []) + ["claim", "came to", "95 %", "verdict"],
      table.verdicts.map { verdict in
        let claim = plan.claims.first { $0.says == verdict.claim }
        let measure = plan.measures.first { $0.name == claim?.measure }
        let pair = title(verdict.arm) + (verdict.minus.map { " less \(title($0))" } ?? "")
        func text(_ value: Double?) -> String {
          value.map {
            claim?.isRelative ?? false
              ? String(format: "%+.1f %%", 100 * $0) : Self.number($0, measure, isDifference: verdict.minus != nil)
          } ?? "–"
        }
        return (table.groups.count > 1 ? [verdict.group] : []) + [
          "\(verdict.claim) (\(pair), \(claim?.measure ?? ""))", text(verdict.value),
          verdict.interval.map { "\(text($0.low)) to \(text($0.high))" } ?? "–", "**\(verdict.outcome.rawValue)**",
        ]
      })
  }

  private func title(_ arm: String) -> String { plan.arms.first { $0.name == arm }?.title ?? arm }

  private func results(_ group: StudyTable.Group) -> String {
    let measures = plan.measures.filter { measure in group.rows.contains { $0.cells[measure.name] != nil } }
    let rows = zip(group.rows, plan.arms).map { row, arm in
      [arm.title, row.chosen.isEmpty ? "–" : row.chosen.map { "`\($0)`" }.joined(separator: " "), "\(row.tuned)"]
        + measures.map { measure in
          guard let cell = row.cells[measure.name] else { return row.diverged > 0 ? "diverged" : "–" }
          return Self.number(cell.mean, measure)
            + (cell.deviation.map { " ± \(Self.number($0, measure, isSpread: true))" } ?? "")
        }
    }
    return Self.table(["arm", "chosen", "trials of the choice"] + measures.map(Self.head), rows)
  }

  private func differences(_ group: StudyTable.Group) -> [[String]] {
    zip(group.rows, plan.arms).flatMap { row, arm in
      plan.measures.compactMap { measure -> [String]? in
        guard let cell = row.cells[measure.name], let difference = cell.difference else { return nil }
        func text(_ value: Double) -> String { Self.number(value, measure, isDifference: true) }
        return (table.groups.count > 1 ? [group.name] : []) + [
          arm.title, measure.name, text(difference),
          cell.interval.map { "\(text($0.low)) to \(text($0.high))" } ?? "–",
          cell.p.map { $0 < 0.001 ? "< 0.001" : String(format: "%.3f", $0) } ?? "–",
        ]
      }
    }
  }

  private var method: String {
    let choice = plan.tuning.chooseBy ?? "the task's likelihood"
    let tuning =
      plan.arms.allSatisfy(\.tune.isEmpty)
      ? "Nothing was tuned."
      : "What an arm tunes was chosen by \(choice) on \(plan.tuning.validation) training rows that are held out, with "
        + "seeds \(plan.tuning.seeds.map { "\($0)" }.joined(separator: ", ")); a trial is one training."
    let set = SweepPlan.settings(plan.settingsForAll)
    return """
      \(tuning) Then each arm was trained anew, with seeds \(plan.seeds.map { "\($0)" }.joined(separator: ", ")), none of which \
      anything was chosen by, and evaluated once on the test part: the last epoch's weights. ± is the standard deviation over \
      \(plan.cases.count > plan.groups.count ? "cases and seeds" : "seeds"). Times are seconds of a core.

      * Command: `\(command)`
      * Recipe: `\(plan.recipe)`\(set.isEmpty ? "" : " with " + set.map { "`\($0)`" }.joined(separator: " "))
      * Arms: \(plan.arms.map { arm in
        let own = SweepPlan.settings(arm.set) + SweepPlan.settings(arm.tune).map { "tuned \($0)" }
        return "\(arm.title)" + (own.isEmpty ? "" : " (" + own.map { "`\($0)`" }.joined(separator: ", ") + ")")
      }.joined(separator: "; "))
      * Machine: \(machine)
      * Time of all trainings, on one core: \(Self.hours(table.seconds))
      """
  }

  private static func hours(_ seconds: Double) -> String {
    seconds < 5400 ? String(format: "%.0f minutes", seconds / 60) : String(format: "%.1f hours", seconds / 3600)
  }

  private static func head(_ measure: StudyMeasure) -> String {
    measure.isShare ? "\(measure.name) %" : measure.name == "seconds" ? "seconds of training" : measure.name
  }

  /// As tables have it: shares in hundredths.
  private static func number(
    _ value: Double, _ measure: StudyMeasure?, isDifference: Bool = false, isSpread: Bool = false
  ) -> String {
    let sign = isDifference && value > 0 ? "+" : ""
    if measure?.isShare ?? false { return sign + String(format: "%.2f", 100 * value) }
    return sign + String(format: isSpread ? "%.2g" : "%.4g", value)
  }

  private static func table(_ head: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String {
      let texts = cells.map { $0.split(whereSeparator: \.isNewline).joined(separator: " ").replacing("|", with: "\\|") }
      return "| " + texts.joined(separator: " | ") + " |"
    }
    return ([line(head), line(head.map { _ in "---" })] + rows.map(line)).joined(separator: "\n")
  }

  // MARK: charts

  /// Tuning's curves, an arm each over the key that it tunes, and the arms' means by group; of one group the gradients'
  /// norms over training.
  private var series: [Summary.Series] {
    var found: [Summary.Series] = []
    for group in plan.groups {
      for (at, arm) in plan.arms.enumerated() {
        guard let table = tuned[group]?[at], arm.tune.count == 1, let key = arm.tune.keys.first else { continue }
        let points = table.rows.compactMap { row -> Summary.Point? in
          guard let x = row.settings[key]?.asNumber, let mean = row.mean else { return nil }
          return Summary.Point(x, mean, row.halfWidth.map { Interval(low: mean - $0, high: mean + $0) })
        }.sorted { $0.x < $1.x }
        guard points.count > 1 else { continue }
        let name = plan.groups.count > 1 ? "\(arm.title), \(group)" : arm.title
        found.append(
          Summary.Series(
            chart: "Choice of \(name)", name: arm.title, x: key, y: "validation \(table.chosenBy.rawValue)",
            points: points))
      }
    }
    for measure in plan.measures where measure.name != "seconds" && table.groups.count > 1 {
      for (at, arm) in plan.arms.enumerated() {
        let points = table.groups.enumerated().compactMap { place, group in
          group.rows[at].cells[measure.name].map { Summary.Point(Double(place + 1), $0.mean) }
        }
        found.append(
          Summary.Series(
            chart: "\(measure.name) by case", name: arm.title,
            x: "case: \(plan.groups.joined(separator: ", "))", y: measure.name, points: points))
      }
    }
    guard let only = table.groups.first, table.groups.count == 1 else { return found }
    for (arm, row) in zip(plan.arms, only.rows) {
      guard let norms = row.gradientNorms, norms.count > 1 else { continue }
      found.append(
        Summary.Series(
          chart: "Norm of the gradient over training", name: arm.title, x: "epoch", y: "Euclidean norm",
          points: norms.enumerated().map { Summary.Point(Double($0 + 1), $1) }))
    }
    return found
  }
}
