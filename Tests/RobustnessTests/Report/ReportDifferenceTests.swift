import DitherBasics
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Differences of two reports")
struct ReportDifferenceTests {
  private static let probes = [
    "clean", "calibration", "selective", "fgsm:epsilon=0.1", "pgd:epsilon=0.1,steps=3", "fog",
  ]

  private static func report(
    _ seed: UInt64, count: Int = 84, probes: [String] = probes, gates: [String] = [], against: UInt64? = nil
  ) throws -> Report {
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, seed: 4, exampleCount: count, inputShape: [1, 4, 4],
      gates: gates.map { try Gate(parsing: $0) })
    func subject(_ seed: UInt64) throws -> AuditSubject {
      AuditSubject(name: "net\(seed)", digest: "sha256:\(seed)", model: try Small.model(seed: seed))
    }
    let runner = try AuditRunner(
      plan: plan, subject: subject(seed), others: against.map { [try subject($0)] } ?? [],
      data: Small.data(count, for: Small.model()))
    return try runner.report(runner.runAll(threads: 2))
  }

  @Test("of a report and itself there is none")
  func same() throws {
    let report = try Self.report(3, gates: ["clean>=0.1"]), found = ReportDifference(report, report)
    #expect(found.isPaired && found.worse.isEmpty && found.onlyFirst.isEmpty && found.onlySecond.isEmpty)
    #expect(found.measurements.allSatisfy { $0.difference == 0 && $0.outcome == .same })
    #expect(found.measurements.contains { $0.level == .measure } && found.gates.map(\.first) == [true])
    #expect(
      found.measurements.filter { $0.level == .headline }.map(\.name) == [
        "clean accuracy", "L∞, ε = 0.1", "corruptions, mean of 5", "ECE", "NLL", "Brier score",
      ])
  }

  @Test("two models on the same examples differ by what an audit of both at once says")
  func paired() throws {
    let first = try Self.report(8), second = try Self.report(3), both = try Self.report(3, against: 8)
    let found = ReportDifference(first, second), pairs = try #require(both.comparisons.first).probes
    #expect(found.isPaired && found.first.model == "net8" && found.second.model == "net3")
    for (probe, pair) in zip(both.probes, pairs) where [.attack, .corruption].contains(probe.kind) {
      let one = try #require(found.measurements.first { $0.level == .probe && $0.name == probe.title })
      #expect(abs(one.difference - pair.difference) < 1e-12 && one.isPaired && one.mcnemarP == pair.mcnemarP)
      let interval = try #require(one.interval)
      #expect(abs(interval.low - pair.interval.low) < 1e-12 && abs(interval.high - pair.interval.high) < 1e-12)
    }
    let union = try #require(found.measurements.first { $0.name == "L∞, ε = 0.1" })
    #expect(
      union.first == both.threatModels[0].others[0].accuracy && union.second == both.threatModels[0].robustAccuracy)
    // A model that was never meant for the labels is worse, and it is said of the second report.
    let back = ReportDifference(second, first)
    #expect(back.worse.contains("clean accuracy") && !found.worse.contains("clean accuracy"))
    #expect(found.measurements.first?.outcome == .better && back.measurements.first?.outcome == .worse)
    #expect(zip(found.measurements, back.measurements).allSatisfy { abs($0.difference + $1.difference) < 1e-12 })
  }

  @Test("the mean over corruptions is that of each example's share, by Student's t")
  func corruptions() throws {
    let first = try Self.report(8), second = try Self.report(3), found = ReportDifference(first, second)
    let one = try #require(found.measurements.first { $0.name == "corruptions, mean of 5" })
    func shares(_ report: Report) -> [Double] {
      let lists = report.probes.filter { $0.kind == .corruption }.map(\.perExample)
      return (0..<84).map { row in Double(lists.count { $0[row] }) / 5 }
    }
    let differences = zip(shares(second), shares(first)).map { $0 - $1 }, mean = differences.reduce(0, +) / 84
    let deviation = (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 83).squareRoot()
    // The 97.5 % quantile of Student's t at 83 degrees of freedom (R: qt(0.975, 83)).
    let half = 1.988959780 * deviation / 84.0.squareRoot()
    #expect(abs(one.difference - mean) < 1e-12)
    #expect(
      abs((one.interval?.low ?? 0) - (mean - half)) < 1e-8 && abs((one.interval?.high ?? 0) - (mean + half)) < 1e-8)
  }

  @Test("on other examples the numbers are independent: 56 of 70 against 48 of 80 (Newcombe 1998)")
  func independent() throws {
    var first = try Self.report(3, count: 80, probes: ["clean"]),
      second = try Self.report(3, count: 70, probes: ["clean"])
    first.probes[0].perExampleClean = (0..<80).map { $0 < 48 }
    second.probes[0].perExampleClean = (0..<70).map { $0 < 56 }
    let found = ReportDifference(first, second), one = try #require(found.measurements.first)
    #expect(!found.isPaired && !one.isPaired && one.mcnemarP == nil && abs(one.difference - 0.2) < 1e-12)
    // Table II, example (a), method 10.
    #expect(abs((one.interval?.low ?? 0) - 0.0524) < 5e-5 && abs((one.interval?.high ?? 0) - 0.3339) < 5e-5)
    #expect(one.outcome == .better)
  }

  @Test("what only one has, and gates that changed, are said")
  func alone() throws {
    let gates = ["clean>=0.8", "fgsm:epsilon=0.1>=0"]
    let first = try Self.report(
      3, probes: ["clean", "fgsm:epsilon=0.1", "pgd:norm=l2,epsilon=0.5,steps=2"], gates: gates)
    let second = try Self.report(8, probes: ["clean", "fgsm:epsilon=0.1", "fog:severity=2"], gates: gates)
    let found = ReportDifference(first, second)
    #expect(found.onlyFirst == ["L2, ε = 0.5", "pgd, L2, ε = 0.5, 2 steps"] && found.onlySecond == ["fog, severity 2"])
    #expect(found.gates.map(\.gate) == gates)
    #expect(found.gates.map { [$0.first, $0.second] } == [[true, false], [true, true]])
    #expect(found.worse.last == "gate clean>=0.8")
  }

  @Test("adjusted for their number, probabilities are those of R's p.adjust(method = \"holm\")")
  func holm() {
    let found = Statistics.holm([0.01, 0.04, 0.03, 0.005])
    #expect(zip(found, [0.03, 0.06, 0.06, 0.02]).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(Statistics.holm([0.5, 0.9]) == [1, 1] && Statistics.holm([]).isEmpty)
  }
}
