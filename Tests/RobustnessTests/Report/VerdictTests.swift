import DitherBasics
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("A report's verdict and findings")
struct VerdictTests {
  private static func report(_ probes: [String], gates: [String] = []) throws -> Report {
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, seed: 4, exampleCount: 30, inputShape: [1, 4, 4],
      gates: gates.map { try Gate(parsing: $0) })
    let model = try Small.model()
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "small", digest: "sha256:00", model: model),
      data: Small.data(30, for: model))
    return try runner.report(runner.runAll(threads: 2))
  }

  @Test("it has nine rows at most, whatever was asked, and each says what the report says")
  func rows() throws {
    let balls = (1...8).map { "fgsm:epsilon=0.0\($0)" }
    let all = ["clean", "calibration", "temperature", "fog"] + balls + ["pgd:norm=l2,epsilon=0.5,steps=2"]
    let report = try Self.report(all, gates: ["clean>=0.99", "clean>=0.1"]), rows = Verdict(report).rows
    #expect(rows.count <= 9 && rows.first?.name == "clean" && rows.last?.name == "gates")
    #expect(rows.first?.value == String(format: "%.1f %%", report.probes[0].cleanAccuracy * 100))
    #expect(
      rows.last?.value == "1 of 2 kept" && rows.last?.mark == .bad && rows.last?.note.contains("clean>=0.99") == true)
    // Each norm has a row.
    #expect(rows.contains { $0.name.hasPrefix("L∞") } && rows.contains { $0.name == "L2, ε = 0.5" })
    let fog = report.probes.filter { $0.kind == .corruption }.map(\.robustAccuracy).reduce(0, +) / 5
    #expect(rows.first { $0.name == "corruptions" }?.value == String(format: "%.1f %%", fog * 100))
    let ece = try #require(report.probes.compactMap(\.calibration).first).ece15
    #expect(rows.first { $0.name == "calibration" }?.value == String(format: "ECE %.3f", ece))
  }

  @Test("findings are grouped, the gravest first, each with what to do")
  func findings() throws {
    var report = try Self.report(["clean"])
    func check(_ name: String, _ probe: String, _ message: String) -> Check {
      var check = report.checks[0]
      (check.check, check.probe, check.passed, check.message) = (name, probe, false, message)
      return check
    }
    report.findings = [
      check("ended_early", "a", "x"), check("still_rising", "a", "same"), check("black_box_wins", "b", "y"),
      check("still_rising", "b", "same"), check("never_heard_of", "c", "z"),
    ]
    let groups = report.findingGroups
    #expect(groups.map(\.kind.name) == ["black_box_wins", "still_rising", "never_heard_of", "ended_early"])
    #expect(groups.map(\.kind.severity) == [.high, .medium, .medium, .low])
    #expect(groups[1].sentences.count == 1 && groups[1].sentences.first?.probes == ["a", "b"])
    #expect(groups.allSatisfy { !$0.kind.advice.isEmpty })
    let row = try #require(Verdict(report).rows.first { $0.name == "findings" })
    #expect(row.value == "5" && row.note.hasPrefix("1 high, 3 medium, 1 low") && row.mark == .bad)
  }

  @Test("every check that an audit makes has its kind")
  func kinds() throws {
    let names = Set(CheckKind.all.map(\.name))
    #expect(names.count == CheckKind.all.count)
    for evidence in Evidence.allCases { #expect(names.contains(evidence.rawValue)) }
    let probes = [
      "clean", "pgd:epsilon=0.1,steps=12", "pgd:epsilon=0.2,steps=12", "square:queries=30", "conformal", "shift",
    ]
    for check in try Self.report(probes).checks { #expect(names.contains(check.check), "\(check.check)") }
  }
}
