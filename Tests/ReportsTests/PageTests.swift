import DitherDatasets
import DitherGraph
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("The report's page")
struct PageTests {
  @Test("it needs nothing else, and text in it stays text")
  func page() throws {
    let model = try Small.model(sigma: 0.2)
    let plan = try AuditPlan(
      probes: [], battery: "smoke", samples: 4, exampleCount: 60, inputShape: [1, 4, 4])
    var data = try Small.data(60, for: model)
    data.name = "\"><script>alert(1)</script>"
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "<b>&'\u{0}", digest: "sha256:00", model: model),
      others: [AuditSubject(name: "</title><img src=x>", digest: "sha256:11", model: Small.model(seed: 9))], data: data)
    let html = try runner.report(runner.runAll(threads: 2)).html()
    // One script, ours, which stands behind all text.
    #expect(html.components(separatedBy: "<script").count == 2 && html.contains("</main><script>(function(){"))
    #expect(!html.contains("<img src=x") && !html.contains("<b>") && !html.contains("\0"))
    #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("url("))
    #expect(html.contains("data:image/png;base64,") && html.contains("prefers-color-scheme"))
    // Every chart has its table.
    for figure in html.components(separatedBy: "<figure").dropFirst() {
      #expect(figure.contains("<svg") && figure.contains("<table"))
    }
    for tag in ["svg", "g", "table", "tr", "section", "div", "details", "figure", "ul", "li", "dl", "text", "main"] {
      let opened = html.matches(of: try Regex("<\(tag)[ >]")).count
      #expect(opened == html.components(separatedBy: "</\(tag)>").count - 1, "\(tag)")
    }
  }

  @Test("a PAC-Bayes certificate has a section of its own, with what it is and is not of")
  func guarantees() throws {
    let model = try Small.model(sigma: 0.05)
    let plan = try AuditPlan(
      probes: ["pac_bayes:draws=3", "pac_bayes:prior=1,priors=4,draws=2"].map { try ProbeSpec(parsing: $0) },
      exampleCount: 200, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "own", digest: "sha256:00", model: model),
      others: [AuditSubject(name: "prior", digest: "sha256:11", model: Small.model(sigma: 0.06))],
      data: Small.data(200, for: model))
    let report = try runner.report(runner.runAll(threads: 2)), html = report.html()
    let section = try #require(html.components(separatedBy: "id=\"guarantees\"").last)
    #expect(section.contains("Bounds on the risk") && section.contains("KL, in nats") && section.contains("4 · 2√n"))
    let bound = try #require(report.probes.last?.summary?["certificate"])
    #expect(section.contains(String(format: "%.2f %%", 100 * bound)) && html.contains("of single draws are wrong"))
    #expect(!html.contains("id=\"measured-1\""))
    // The baseline's own bound stands beside the model's; with a prior there is none of it.
    let rows = section.components(separatedBy: "</table>")[0].components(separatedBy: "<th scope=\"row\">").dropFirst()
    #expect(rows.count { $0.contains(", baseline") } == 1)
    let plain = try AuditRunner(
      plan: AuditPlan(probes: [ProbeSpec(parsing: "clean")], exampleCount: 20, inputShape: [1, 4, 4]),
      subject: AuditSubject(name: "own", digest: "sha256:00", model: model), data: Small.data(20, for: model))
    #expect(try !plain.report(plain.runAll(threads: 2)).html().contains("Guarantees"))
  }

  @Test("large pictures are left out of every probe alike, and the page says how many")
  func allowance() throws {
    let model = try Self.wide(), inputs = Tensor.random([8, 3, 128, 128], seed: 5, from: 0, to: 1)
    let plan = try AuditPlan(
      probes: ["fgsm:epsilon=0.01", "pgd:epsilon=0.01,steps=2"].map { try ProbeSpec(parsing: $0) }, exampleCount: 8,
      inputShape: [3, 128, 128])
    let data = AuditData(name: "noise", inputs: inputs, labels: try model.outputs(inputs).labels())
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "wide", digest: "sha256:00", model: model), data: data)
    let html = try runner.report(runner.runAll(threads: 2)).html()
    let files = html.components(separatedBy: "base64,").dropFirst().map { $0.prefix { $0 != "\"" } }
    #expect(files.reduce(0) { $0 + $1.utf8.count } <= 800_000 && files.count % 3 == 0)
    let left = try #require(html.firstMatch(of: #/(\d+) more pictures are left out/#)?.1)
    #expect(files.count / 3 + (Int(left) ?? 0) == 8 && files.count / 3 >= 2)
    let gallery = try #require(html.components(separatedBy: "What it looks like").last)
    #expect(gallery.contains("<h3>fgsm") && gallery.contains("<h3>pgd"))
    // What is inside is the example.
    let file = try #require(files.first), bytes = [UInt8](try #require(Data(base64Encoded: String(file))))
    let picture = try Png(bytes, channels: 3, at: "the page")
    let first = try #require(html.firstMatch(of: #/alt="Example (\d+), before"/#)?.1)
    let row = Int(first) ?? 0
    let expected = inputs.row(row).map { UInt8(min(max(($0 * 255).rounded(), 0), 255)) }
    #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    #expect(picture.width == 128 && picture.height == 128 && picture.planes == expected)
  }

  @Test("a page stays below 2 MB, whatever was asked, and says what it has no room for")
  func size() throws {
    func subject(_ name: String, _ seed: UInt64) throws -> AuditSubject {
      AuditSubject(name: name, digest: "sha256:\(seed)", model: try Small.model(seed: seed))
    }
    // As many as a plan may have.
    let probes = ["clean"] + (1...999).map { "pgd:epsilon=\(Double($0) / 1000),steps=12" }
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, exampleCount: 4, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: subject("own", 3),
      others: [subject("first", 8), subject("second", 9), subject("third", 10)], data: Small.data(4, for: Small.model())
    )
    let report = try runner.report(runner.runAll(threads: 2)), html = report.html()
    #expect(html.utf8.count < 2_000_000)
    #expect(html.contains("The page would grow too large with: ") && html.contains("All numbers"))
    #expect(report.probes.count == 1000)
    // A check for each, not for each pair.
    #expect(report.checks.count < 8 * report.probes.count)
  }

  @Test("every further model has its curve, its column and its name")
  func others() throws {
    func subject(_ name: String, _ seed: UInt64) throws -> AuditSubject {
      AuditSubject(name: name, digest: "sha256:\(seed)", model: try Small.model(seed: seed))
    }
    let probes = ["clean", "calibration", "pgd:epsilon=0.1,steps=2", "pgd:epsilon=0.2,steps=2", "conformal"]
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, exampleCount: 60, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: subject("own", 3),
      others: [subject("first", 8), subject("second", 9), subject("third", 10)],
      data: Small.data(60, for: Small.model()))
    let html = try runner.report(runner.runAll(threads: 2)).html()
    for style in ["s-model", "s-o0", "s-o1", "s-o2"] {
      #expect(html.contains("<g class=\"\(style)\"><polyline"), "\(style) has no curve")
    }
    // The reliability of each, and a column in the tables of the overview and of measures.
    for name in ["Baseline", "Baseline 2", "Baseline 3"] { #expect(html.contains("<h3>\(name)</h3>")) }
    #expect(html.components(separatedBy: "<th scope=\"col\">baseline 3</th>").count > 3)
    #expect(html.contains("<dt>Baseline 2</dt><dd>second</dd>") && html.contains("<dt>Baseline 3</dt><dd>third</dd>"))
    #expect(!html.contains("noise off"))
  }

  /// Of large pictures: one layer.
  private static func wide() throws -> Model {
    let builder = GraphBuilder(name: "wide"), input = builder.input("x", [3, 128, 128])
    let weight = builder.parameter("w", .random([3, 3 * 128 * 128], seed: 2, from: -0.01, to: 0.01))
    let logits = try builder.dense(builder.flatten(input), weight, nil, name: "fc")
    return try Model(builder.finish(outputs: [("logits", logits)]))
  }
}
