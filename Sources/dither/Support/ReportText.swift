import DitherBasics
import DitherRobustness
import Foundation

/// A report on a terminal: the verdict in at most ten lines, and below it a line for each probe.
struct ReportText {
  private let report: Report

  init(_ report: Report) { self.report = report }

  func show() {
    for line in verdict { line.show() }
    Swift.print("")
    for line in probes { line.show() }
    for text in compared + missing { print(text) }
    showChecks()
  }

  // MARK: verdict

  var verdict: [PaintedLine] {
    let name = report.version.map { "\(report.model)@\($0)" } ?? report.model
    let draws = report.samples > 0 ? ", \(report.samples) draws" : ""
    var head = PaintedLine()
    head.add(Self.shortened(name, to: 38), .strong)
    head.add("  \(report.n) examples of \(Self.shortened(report.data, to: 20)), seed \(report.seed)\(draws)", .quiet)
    let rows = Verdict(report).rows
    func width(_ part: (Verdict.Row) -> String) -> Int { rows.map { part($0).shown().count }.max() ?? 0 }
    let (names, values, ranges) = (width(\.name), width(\.value), width(\.range))
    return [head]
      + rows.map { row in
        var line = PaintedLine()
        line.add(row.name.shown().padded(to: names) + "  ")
        let ink: PaintedLine.Ink? =
          switch row.mark {
          case .plain: nil
          case .good: .good
          case .bad: .bad
          }
        line.add(row.value.shown().padded(to: values) + "  ", ink)
        line.add(row.range.padded(to: ranges) + "  \(row.note.shown())", .quiet)
        return line
      }
  }

  /// A path's end, which says more than its beginning.
  private static func shortened(_ text: String, to most: Int) -> String {
    let text = text.shown()
    return text.count > most ? "…" + text.suffix(most - 1) : text
  }

  // MARK: probes

  /// A condition, or all severities of a corruption.
  private struct Line {
    var name: String, result: String, range = "", rmse = "", other = "", otherRmse = "", p = ""
    var cells: [String] { [name, result, range, rmse, other, otherRmse, p] }
  }

  private var probes: [PaintedLine] {
    var head = Line(name: "probe", result: "accuracy", range: "95 %")
    if report.isRegression { head.rmse = report.rmseTitle }
    if let first = report.comparisons.first {
      head.other = Self.shortened(first.baseline, to: 22)
      head.p = "McNemar"
      if report.isRegression { head.otherRmse = "its RMSE" }
    }
    let lines = [head] + self.lines
    let used = head.cells.indices.filter { column in lines.contains { !$0.cells[column].isEmpty } }
    let cells = lines.map { line in used.map { line.cells[$0].shown() } }
    var widths = used.indices.map { column in
      // Numbers of measurements go on where nothing stands behind them.
      cells.enumerated().map { at, row in row[(column + 1)...].allSatisfy(\.isEmpty) && at > 0 ? 0 : row[column].count }
        .max() ?? 0
    }
    widths[0] = cells.map { $0[0].count }.max() ?? 0
    if let columns = Terminal.columns {
      // Names give way to numbers, as far as they are names still.
      let over = widths.reduce(0) { $0 + $1 + 2 } - 2 - columns
      widths[0] = max(widths[0] - max(over, 0), min(widths[0], 18))
    }
    return cells.enumerated().map { at, row in
      var line = PaintedLine()
      for (column, cell) in row.enumerated() {
        let shown = column == 0 && cell.count > widths[0] ? String(cell.prefix(widths[0] - 1)) + "…" : cell
        line.add(shown.padded(to: widths[column]) + "  ", at == 0 ? .quiet : nil)
      }
      return line
    }
  }

  private var lines: [Line] {
    var found: [Line] = [], done = Set<String>()
    for (index, probe) in report.probes.enumerated() {
      if probe.kind == .corruption, probe.severity != nil {
        if done.insert(probe.probe).inserted { found.append(corruption(probe.probe)) }
      } else {
        found.append(line(probe, index))
      }
    }
    return found
  }

  private func line(_ probe: ProbeReport, _ index: Int) -> Line {
    guard report.comparesAccuracy(at: index) else {
      let other = probe.others.first?.measure("rmse").map { ", of the baseline rmse \($0.figure)" } ?? ""
      return Line(name: probe.title, result: probe.figures(3) + other)
    }
    var line = Line(
      name: probe.title, result: Written.percent(probe.robustAccuracy), range: Written.interval(probe.interval))
    if let other = probe.others.first { line.other = Written.percent(other.robustAccuracy) }
    line.rmse = probe.measure("rmse")?.figure ?? ""
    line.otherRmse = probe.others.first?.measure("rmse")?.figure ?? ""
    if let pairs = report.comparisons.first?.probes, pairs.indices.contains(index) {
      line.p = Written.probability(pairs[index].mcnemarP)
    }
    return line
  }

  /// The mean over the severities, and each of them.
  private func corruption(_ name: String) -> Line {
    let group = report.probes.filter { $0.probe == name && $0.severity != nil }, count = Double(group.count)
    let mean = group.reduce(0) { $0 + $1.robustAccuracy } / count
    let severities = group.compactMap(\.severity).map { "\($0)" }
    let isOne = group.count == 1
    var line = Line(
      name: name.replacing("_", with: " ") + (isOne ? ", severity \(severities[0])" : ""),
      result: Written.percent(mean),
      range: isOne
        ? Written.interval(group[0].interval) : group.map { Written.points($0.robustAccuracy) }.joined(separator: " "))
    let others = group.compactMap { $0.others.first?.robustAccuracy }
    if others.count == group.count { line.other = Written.percent(others.reduce(0, +) / count) }
    guard isOne else { return line }
    line.rmse = group[0].measure("rmse")?.figure ?? ""
    line.otherRmse = group[0].others.first?.measure("rmse")?.figure ?? ""
    return line
  }

  // MARK: what else there is to say

  private var compared: [String] {
    report.comparisons.map { comparison in
      let pairs = comparison.probes.indices.filter(report.comparesAccuracy).map { comparison.probes[$0] }
      let sure = zip(pairs, Statistics.holm(pairs.map(\.mcnemarP))).filter { $0.1 < 0.05 }.map { $0.0.difference }
      let name = comparison.baselineVersion.map { "\(comparison.baseline)@\($0)" } ?? comparison.baseline
      return "against \(name): of \(pairs.count) conditions better in \(sure.count { $0 > 0 }), worse in "
        + "\(sure.count { $0 < 0 }), as far as chance allows to say (McNemar, Holm)"
    }
  }

  private var missing: [String] {
    let reasons = report.failuresByReason, most = 20
    var lines = reasons.prefix(most).map { failure in
      let (probes, others) = failure.named, names = probes.joined(separator: ", ") + others
      return failure.countedWrong
        ? "counted as wrong: \(failure.examples): \(failure.message), in \(names)"
        : "left out: \(failure.count == report.n ? "" : "\(failure.examples) in ")\(names): \(failure.message)"
    }
    if reasons.count > most { lines.append("left out: \(reasons.count - most) reasons more, in the report") }
    if let incomplete = report.incomplete { lines.append("incomplete: \(incomplete.message)") }
    return lines
  }

  private func showChecks() {
    for gate in report.gates ?? [] {
      var line = PaintedLine()
      line.add(gate.passed ? "gate kept: " : "gate NOT kept: ", gate.passed ? .good : .bad)
      line.add(gate.message)
      // It may be longer than a line: nothing of what decides is left out.
      Swift.print(line.text(columns: nil, isColored: Terminal.isColored))
    }
    for group in report.findingGroups {
      var line = PaintedLine()
      line.add("finding (\(group.kind.severity.rawValue)): ", .bad)
      line.add(
        "\(group.kind.title)\(group.findings.count > 1 ? " ×\(group.findings.count)" : ""). \(group.kind.advice)")
      Swift.print(line.text(columns: nil, isColored: Terminal.isColored))
      for (message, probes) in group.sentences.prefix(2) {
        print("  \(probes[0])\(probes.count > 1 ? " and \(probes.count - 1) more" : ""): \(message)")
      }
    }
  }
}
