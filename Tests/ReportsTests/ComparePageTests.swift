import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("The page of two reports")
struct ComparePageTests {
  @Test("it draws each difference where its numbers say, the better to the right")
  func forest() throws {
    func report(_ seed: UInt64) throws -> Report {
      let plan = try AuditPlan(
        probes: ["clean", "calibration", "fgsm:epsilon=0.1", "selective"].map { try ProbeSpec(parsing: $0) },
        exampleCount: 60, inputShape: [1, 4, 4])
      let runner = try AuditRunner(
        plan: plan,
        subject: AuditSubject(name: "net<\(seed)>", digest: "sha256:0\(seed)", model: Small.model(seed: seed)),
        data: Small.data(60, for: Small.model()))
      return try runner.report(runner.runAll())
    }
    let found = ReportDifference(try report(9), try report(3)), html = found.html()
    #expect(html.contains("net&lt;3&gt; against net&lt;9&gt;") && !html.contains("<script"))
    #expect(html.contains("Both are about the very same examples"))
    let headlines = found.measurements.filter { $0.level == .headline }
    let tables = html.components(separatedBy: "<table class=\"forest").dropFirst().prefix(2)
    let squares = tables.flatMap { $0.components(separatedBy: "</table>")[0].matches(of: /<rect x="([^"]*)" y="7/) }
    try #require(squares.count == headlines.count && headlines.count == 5)
    // Shares first, then errors, of which less is better.
    for (one, square) in zip(headlines, squares) {
      let side = (Double(square.1) ?? 0) + 4 - 110
      let better = one.lowerIsBetter == true ? -one.difference : one.difference
      #expect(better == 0 ? abs(side) < 0.01 : (side > 0) == (better > 0), "\(one.name)")
    }
  }
}
