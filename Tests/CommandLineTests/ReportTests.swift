import DitherBasics
import DitherDatasets
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Reports on the command line", .enabled(if: Program.isBuilt, "dither is not built"))
struct ReportTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    try Data(TestNet.onnx()).write(to: URL(filePath: scratch.file("net.onnx")))
    try TestNet.writeExamples(40, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
  }

  private func audit(_ more: [String], environment: [String: String] = [:]) throws -> Program.Result {
    try Program.run(
      [
        "audit", scratch.file("net.onnx"), "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"),
        "--probe",
        "clean", "--probe", "calibration", "--probe", "selective", "--probe", "fgsm:epsilon=0.1", "--probe",
        "pgd:epsilon=0.1,steps=3", "--probe", "pgd:norm=l2,epsilon=0.5,steps=3",
      ] + more, environment: environment)
  }

  @Test("an audit's verdict has ten lines at most, and it and the table fit the terminal", arguments: [60, 80, 132])
  func verdict(_ columns: Int) throws {
    let found = try audit(["--gate", "union:norm=linf>=0"], environment: ["COLUMNS": "\(columns)"])
    #expect(found.status == 0, "\(found.errors)")
    let parts = found.output.components(separatedBy: "\n\n")
    try #require(parts.count == 2)
    let lines = parts[0].split(separator: "\n"), table = parts[1].split(separator: "\n")
    #expect((5...10).contains(lines.count) && lines.allSatisfy { $0.count <= columns }, "\(parts[0])")
    for name in ["clean ", "L∞, ε = 0.1", "L2, ε = 0.5", "calibration ", "findings ", "gates "] {
      #expect(lines.contains { $0.hasPrefix(name) }, "\(name)")
    }
    // The probes' lines, before what is said below them.
    #expect(table.prefix(7).allSatisfy { $0.count <= columns }, "\(parts[1])")
    #expect(table.contains { $0.hasPrefix("calibration") && $0.contains("ECE ") && $0.contains("NLL ") })
    #expect(table.contains { $0.hasPrefix("selective") && $0.contains("aurc") })
    #expect(table.contains { $0.hasPrefix("gate kept: union:norm=linf>=0") })
    // No color where nobody looks.
    #expect(!found.output.contains("\u{1B}"))
  }

  @Test("gates are written for continuous integration, and a job's summary goes on where it was")
  func files() throws {
    let (junit, sarif, summary) = (scratch.file("gates.xml"), scratch.file("gates.sarif"), scratch.file("summary.md"))
    try Data("before\n".utf8).write(to: URL(filePath: summary))
    let found = try audit(
      ["--gate", "clean>=0", "--gate", "clean>=1.1", "--junit", junit, "--sarif", sarif, "--json"],
      environment: ["GITHUB_STEP_SUMMARY": summary])
    #expect(found.status == 1 && found.errors.contains("1 of 2 gates are not kept"), "\(found.errors)")
    func text(_ path: String) throws -> String { try String(contentsOf: URL(filePath: path), encoding: .utf8) }
    #expect(try text(junit).contains("tests=\"2\" failures=\"1\""))
    #expect(try JSONSerialization.jsonObject(with: Data(text(sarif).utf8)) is [String: Any])
    #expect(try text(summary).hasPrefix("before\n## dither audit: "))
    let nowhere = try audit(["--junit", scratch.file("no/such/folder.xml")])
    #expect(nowhere.status != 0 && nowhere.errors.contains("a file in a folder that can be written"))
  }

  @Test("two reports are compared in any form, and what is worse ends with 1")
  func compare() throws {
    let page = scratch.file("a.html"), json = scratch.file("b.json"), other = scratch.file("c.html")
    let answers = try #require((try audit(["--json"]).json()["examples"] as? [String: Any])?["answers"] as? [Int])
    // Labels that the model is right about, and others, which make other data.
    try write(answers, to: scratch.file("y.npy"))
    let first = try audit(["--report", page, "--json"])
    try Data(first.output.utf8).write(to: URL(filePath: json))
    try write(answers.map { ($0 + 1) % TestNet.classes }, to: scratch.file("y.npy"))
    let wrong = try Program.run(
      "audit", scratch.file("net.onnx"), "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe",
      "clean", "--gate", "clean>=0", "--report", other)
    #expect(first.status == 0 && wrong.status == 0, "\(first.errors)\(wrong.errors)")
    let same = try Program.run("compare", page, json, "--fail-on-worse", "--json")
    #expect(same.status == 0, "\(same.errors)")
    let found = try same.json()
    #expect(found["is_paired"] as? Bool == true && (found["worse"] as? [String])?.isEmpty == true)
    let measurements = try #require(found["measurements"] as? [[String: Any]])
    #expect(measurements.count > 10 && measurements.allSatisfy { $0["difference"] as? Double == 0 })
    let out = scratch.file("difference.html")
    let worse = try Program.run("compare", page, other, "--fail-on-worse", "--out", out)
    #expect(worse.status == 1 && worse.errors.contains("worse: clean accuracy"), "\(worse.errors)")
    #expect(worse.output.contains("different examples") && worse.output.contains("in A alone: L∞, ε = 0.1"))
    #expect(try String(contentsOf: URL(filePath: out), encoding: .utf8).contains("Worse: clean accuracy."))
    #expect(try Program.run("compare", page, other).status == 0)
    let none = try Program.run("compare", page, scratch.file("net.onnx"))
    #expect(none.status == 2 && none.errors.contains("expected a report as JSON or HTML"), "\(none.errors)")
  }

  private func write(_ labels: [Int], to path: String) throws {
    try Data(Npy([labels.count], .int64(labels.map(Int64.init))).bytes).write(to: URL(filePath: path))
  }

  @Test("a folder in the place of a report is refused before the audit")
  func folder() throws {
    for option in ["--report", "--protobuf"] {
      let told = try audit([option, scratch.path])
      #expect(told.status == 3 && told.errors.contains("got a folder; name a file in it"), "\(told.errors)")
      let nowhere = try audit([option, scratch.file("none/r.html")])
      #expect(nowhere.status == 3 && nowhere.errors.contains("got no such folder"), "\(nowhere.errors)")
    }
  }

  @Test("date and machine are in a report that is asked for them, and in no other")
  func stamp() throws {
    let page = scratch.file("r.html"), plain = try audit(["--json"]), again = try audit(["--json"])
    #expect(plain.output == again.output && !plain.output.contains("\"stamp\""))
    let stamped = try audit(["--auditor", "A. Uditor", "--report", page, "--json"])
    let stamp = try #require(try stamped.json()["stamp"] as? [String: Any])
    #expect(stamp["auditor"] as? String == "A. Uditor" && (stamp["date"] as? String)?.hasSuffix("Z") == true)
    #expect(try String(contentsOf: URL(filePath: page), encoding: .utf8).contains(" by A. Uditor."))
  }

  @Test("Ctrl-C ends the watching of a served audit, says that it goes on, and how to find it")
  func interrupted() throws {
    let server = try LiveServer(state: scratch), errors = URL(filePath: scratch.file("errors"))
    #expect(try server.dither("upload", scratch.file("net.onnx"), "--name", "net").status == 0)
    let watching = try Program.start(
      [
        "audit", "net", "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe",
        "pgd:epsilon=0.1,steps=2000,restarts=200",
      ], output: URL(filePath: scratch.file("output")), errors: errors, environment: server.environment)
    func said() throws -> String { String(decoding: try Data(contentsOf: errors), as: UTF8.self) }
    for _ in 0..<1200 where try !said().contains("audit ") && watching.isRunning { usleep(50_000) }
    // On a line of its own, which stays.
    let id = try #require(try said().firstMatch(of: /(?m)^audit (\S+)$/)?.1)
    watching.signal(SIGINT)
    #expect(watching.end() == 130)
    #expect(try said().contains("the audit goes on: `dither audits watch \(id)` follows it"))
    let cancelled = try server.dither("audits", "cancel", String(id))
    #expect(cancelled.status == 0 && cancelled.output.contains("cancelled"), "\(cancelled.output)\(cancelled.errors)")
  }
}
