import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Gates for continuous integration")
struct GateFilesTests {
  private static func report(_ gates: [String], name: String = "own") throws -> Report {
    let model = try Small.model()
    let plan = try AuditPlan(
      probes: [ProbeSpec("clean"), ProbeSpec(parsing: "fgsm:epsilon=0.1")], exampleCount: 30, inputShape: [1, 4, 4],
      gates: gates.map { try Gate(parsing: $0) })
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: name, digest: "sha256:00", model: model), data: Small.data(30, for: model)
    )
    return try runner.report(runner.runAll())
  }

  @Test("JUnit has a case for each gate and a failure for each that is not kept, and text stays text")
  func junit() throws {
    let text = try Self.report(["clean>=0.1", "clean>=0.999", "fgsm:epsilon=0.1>=0.999"], name: "a<\"&'>").junit()
    #expect(text.hasPrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "))
    #expect(text.contains("tests=\"3\" failures=\"2\" errors=\"0\""))
    let cases = text.matches(of: /<testcase classname="([^"]*)" name="([^"]*)" time="0">(.*?)<\/testcase>/)
    #expect(cases.map { String($0.2) } == ["clean&gt;=0.1", "clean&gt;=0.999", "fgsm:epsilon=0.1&gt;=0.999"])
    #expect(cases.map { $0.3.hasPrefix("<failure type=\"gate\" message=\"") } == [false, true, true])
    #expect(cases.allSatisfy { $0.1 == "a&lt;&quot;&amp;&#39;&gt;" })
    #expect(try Self.report([]).junit().contains("tests=\"0\" failures=\"0\""))
  }

  @Test("SARIF has a result for each gate and finding, by rules that it declares")
  func sarif() throws {
    var report = try Self.report(["clean>=0.1", "clean>=0.999"])
    report.findings = report.checks.prefix(1).map {
      var check = $0
      (check.check, check.passed) = ("still_rising", false)
      return check
    }
    let json = try #require(try JSONSerialization.jsonObject(with: report.sarif()) as? [String: Any])
    #expect(json["version"] as? String == "2.1.0" && (json["$schema"] as? String)?.contains("sarif-2.1.0") == true)
    let run = try #require((json["runs"] as? [[String: Any]])?.first)
    let driver = try #require((run["tool"] as? [String: Any])?["driver"] as? [String: Any])
    let rules = try #require(driver["rules"] as? [[String: Any]]).compactMap { $0["id"] as? String }
    let results = try #require(run["results"] as? [[String: Any]])
    #expect(rules == ["gate", "still_rising"])
    #expect(results.map { $0["ruleId"] as? String } == ["gate", "gate", "still_rising"])
    #expect(results.map { $0["kind"] as? String } == ["pass", "fail", "fail"])
    // A level of its own belongs to what fails (3.27.10).
    #expect(results.map { $0["level"] as? String } == ["none", "error", "warning"])
    for result in results {
      let place = (result["locations"] as? [[String: Any]])?.first?["physicalLocation"] as? [String: Any]
      #expect((place?["artifactLocation"] as? [String: Any])?["uri"] as? String == "own")
      #expect(((result["message"] as? [String: Any])?["text"] as? String)?.isEmpty == false)
    }
  }

  @Test("a job's summary is a table in which nothing of a model's name is markup")
  func markdown() throws {
    let text = try Self.report(["clean>=0.999"], name: "a|<img src=x>\n# [x](y) `z`").markdown()
    let head = try #require(text.split(separator: "\n").first)
    #expect(head == "## dither audit: a\\|&lt;img src=x&gt; \\# \\[x\\](y) \\`z\\`")
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(rows.allSatisfy { $0.hasSuffix("|") } && rows.contains { $0.contains("✗ 0 of 1 kept") })
    #expect(rows.filter { $0.hasPrefix("| ✗ |") }.count == 1)
  }
}
