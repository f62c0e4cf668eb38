import DitherRobustness
import DitherTensor
import Foundation
import Testing

@Suite("The report's page")
struct ReportTests {
  @Test("it needs nothing else, and text in it stays text")
  func page() throws {
    let model = try Small.model(sigma: 0.2)
    let plan = try AuditPlan(
      probes: [], battery: "smoke", samples: 4, exampleCount: 60, inputShape: [1, 4, 4])
    var data = try Small.data(60, for: model)
    data.name = "\"><script>alert(1)</script>"
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "<b>&'\u{0}", digest: "sha256:00", model: model),
      baseline: AuditSubject(name: "</title><img src=x>", digest: "sha256:11", model: Small.model(seed: 9)), data: data)
    let html = try runner.report(runner.runAll(threads: 2)).html()
    #expect(!html.contains("<script") && !html.contains("<img src=x") && !html.contains("<b>") && !html.contains("\0"))
    #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("url("))
    #expect(html.contains("data:image/png;base64,") && html.contains("prefers-color-scheme"))
    // Every chart has its table.
    #expect(html.components(separatedBy: "<svg").count - 1 == html.components(separatedBy: "<figure").count - 1)
    for tag in ["svg", "g", "table", "tr", "section", "div", "details", "figure", "ul", "li", "dl", "text", "main"] {
      let opened = html.matches(of: try Regex("<\(tag)[ >]")).count
      #expect(opened == html.components(separatedBy: "</\(tag)>").count - 1, "\(tag)")
    }
  }
}
