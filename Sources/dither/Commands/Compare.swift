import ArgumentParser
import DitherBasics
import DitherReports
import DitherRobustness
import Foundation

/// `dither compare`: what is better and what is worse in the second of two reports. Needs no server.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Compare two reports: what is better, what is worse, what only one has.",
    discussion: """
      Takes reports as JSON or as the page, which holds its data. Where both are about the same examples, accuracies are \
      compared one by one (McNemar's test, Newcombe's interval for pairs), else as independent numbers. Headlines are the clean \
      accuracy, the union of attacks of each threat model, the mean over corruptions, and calibration.

      Example: dither compare before.json after.json --fail-on-worse
      Example: dither compare before.html after.html --out difference.html
      """)

  @Argument(help: "The report to compare with, JSON or HTML.")
  var first: String
  @Argument(help: "The report that is judged, JSON or HTML.")
  var second: String
  @Option(help: "Write the comparison as a page to this file.")
  var out: String?
  @Flag(help: "Show each probe and measure, too.")
  var all = false
  @Flag(
    help: "End with 1 where a headline is worse by more than chance explains, or a gate that was kept is kept no more.")
  var failOnWorse = false
  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let found = ReportDifference(try Report(file: first), try Report(file: second))
    if let out { try OutputFile.write(found.html().utf8, to: out) }
    if json { try Json.print(Output(difference: found, worse: found.worse)) } else { show(found) }
    guard failOnWorse, !found.worse.isEmpty else { return }
    throw CommandFailure(status: .checkFailed, message: "worse: \(found.worse.joined(separator: "; "))")
  }

  private struct Output: Encodable {
    var difference: ReportDifference
    var worse: [String]

    private enum CodingKeys: CodingKey { case worse }
    func encode(to encoder: any Encoder) throws {
      try difference.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(worse, forKey: .worse)
    }
  }

  // MARK: for people

  private func show(_ found: ReportDifference) {
    for (name, side) in [("A", found.first), ("B", found.second)] {
      var line = PaintedLine()
      line.add("\(name)  \(side.model)", .strong)
      line.add("  \(side.n) examples of \(side.data), seed \(side.seed)", .quiet)
      line.show()
    }
    print(
      found.isPaired
        ? "the same examples: accuracies are compared one by one"
        : "different examples: numbers are compared as independent ones")
    for line in rows(found) { line.show() }
    for gate in found.gates where gate.first != gate.second {
      print("gate \(gate.gate): \(gate.first ? "kept in A, NOT kept in B" : "not kept in A, kept in B")")
    }
    for (name, list) in [("A", found.onlyFirst), ("B", found.onlySecond)] where !list.isEmpty {
      let most = all ? list.count : 5, rest = list.count > most ? " and \(list.count - most) more" : ""
      print("in \(name) alone: \(list.prefix(most).joined(separator: "; "))\(rest)")
    }
    let others = found.measurements.filter { $0.level != .headline }
    if !all, !others.isEmpty {
      let apart = others.count { [.better, .worse, .different].contains($0.outcome) }
      print("\(others.count) more measurements, of which \(apart) differ, each at the 5 % level: --all shows them")
    }
  }

  private func rows(_ found: ReportDifference) -> [PaintedLine] {
    let shown = found.measurements.filter { all || $0.level == .headline }
    let cells = [["", "A", "B", "B − A", "95 %", ""]] + shown.map(Self.cells)
    let widths = (0..<6).map { column in cells.map { $0[column].shown().count }.max() ?? 0 }
    // Names give way to numbers.
    let over = widths.reduce(0) { $0 + $1 + 2 } - 2 - (Terminal.columns ?? .max)
    let names = max(widths[0] - max(over, 0), min(widths[0], 18))
    return cells.enumerated().map { at, row in
      var line = PaintedLine()
      let name = row[0].shown()
      line.add((name.count > names ? String(name.prefix(names - 1)) + "…" : name).padded(to: names))
      for column in 1..<5 { line.add("  " + row[column].padded(to: widths[column])) }
      let outcome = at == 0 ? nil : shown[at - 1].outcome
      line.add("  \(row[5])", outcome == .better ? .good : outcome == .worse ? .bad : .quiet)
      return line
    }
  }

  private static func cells(_ one: ReportDifference.Measurement) -> [String] {
    func written(_ value: Double) -> String { one.isShare ? Written.points(value) : String(format: "%.4g", value) }
    let sign = one.difference > 0 ? "+" : ""
    return [
      one.name, written(one.first), written(one.second), sign + written(one.difference),
      one.interval.map { "\(written($0.low)) to \(written($0.high))" } ?? "",
      one.outcome == .unclear ? "" : one.outcome.rawValue,
    ]
  }
}
