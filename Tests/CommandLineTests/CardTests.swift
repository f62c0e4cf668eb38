import DitherBasics
import DitherTestSupport
import Foundation
import Testing

/// Cards from files to the registry and back.
@Suite("Cards", .enabled(if: Program.isBuilt, "dither is not built"))
struct CardTests {
  private static let text = "---\nlicense: mit\ntags:\n- shoes\n---\n\n# net\n\nSmall.\n"

  @Test("a Markdown card beside the file goes with it, is shown, and comes back")
  func markdown() throws {
    let scratch = try Scratch(), server = try LiveServer(state: try Scratch()), model = scratch.file("net.onnx")
    try Data(TestNet.onnx()).write(to: URL(filePath: model))
    try Data(Self.text.utf8).write(to: URL(filePath: scratch.file("net.card.md")))
    #expect(try server.dither("upload", model).status == 0)
    let shown = try server.dither("models", "show", "net")
    #expect(shown.output.contains("mit") && shown.output.contains("shoes"), "\(shown.output)")
    let card = try server.dither("models", "card", "net")
    #expect(card.status == 0 && card.output == Self.text, "\(card.output) \(card.errors)")
    // The same file with the same card is the same version.
    #expect(try server.dither("upload", model, "--json").json()["existed"] as? Bool == true)
    try Data("---\nlicense: [[1]]\n---\n".utf8).write(to: URL(filePath: scratch.file("net.card.md")))
    let refused = try server.dither("upload", model)
    #expect(refused.status == 2 && refused.errors.contains("'license'"), "\(refused.errors)")
  }

  @Test("a card comes through a pipe as it was written")
  func piped() throws {
    let scratch = try Scratch(), server = try LiveServer(state: try Scratch()), model = scratch.file("net.onnx")
    try Data(TestNet.onnx()).write(to: URL(filePath: model))
    let text = "---\nlicense: mit\n---\n\n# net\n\n\u{1B}[2J and \u{202E}back\n"
    try Data(text.utf8).write(to: URL(filePath: scratch.file("net.card.md")))
    #expect(try server.dither("upload", model).status == 0)
    let card = try server.dither("models", "card", "net")
    #expect(card.status == 0 && Array(card.output.utf8) == Array(text.utf8), "\(card.output) \(card.errors)")
  }

  @Test("a card is made of the record, the signature and an audit")
  func made() throws {
    let scratch = try Scratch(), server = try LiveServer(state: try Scratch()), model = scratch.file("net.onnx")
    try Data(TestNet.onnx()).write(to: URL(filePath: model))
    try TestNet.writeExamples(8, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
    try Data(#"{"summary": "Small.", "data": "noise"}"#.utf8).write(to: URL(filePath: scratch.file("net.card.json")))
    #expect(try server.dither("upload", model).status == 0)
    let before = try server.dither("models", "card", "net", "--license", "apache-2.0")
    #expect(
      before.output.hasPrefix("---\nlicense: apache-2.0\n") && before.output.contains("Small."), "\(before.errors)")
    #expect(before.output.contains("not measured"))
    let audited = try server.dither(
      "audit", "net", "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe",
      "fgsm:epsilon=0.1", "--seed", "1")
    #expect(audited.status == 0, "\(audited.errors)")
    let out = scratch.file("README.md")
    #expect(try server.dither("models", "card", "net", "--out", out).status == 0)
    let card = try String(contentsOfFile: out, encoding: .utf8)
    let audits = try server.dither("audits", "list", "--json").json()["audits"] as? [[String: Any]]
    let id = try #require(audits?.first?["audit"] as? String)
    let report = try server.dither("audits", "report", id, "--json")
    #expect(report.status == 0, "\(report.errors)")
    // The report's own bytes, and the end of the line.
    let digest = Sha256.hash(Array(report.output.utf8.dropLast())).hex
    #expect(
      card.contains("report_digest: \"sha256:\(digest)\"") && card.contains("| fgsm (linf, epsilon 0.1) |"), "\(card)")
    #expect(try server.dither("models", "card", "net", "--audit", "none").status == 2)
    // It goes up as another version, and has everything that it was made of.
    #expect(try server.dither("upload", model, "--card", out).status == 0)
    #expect(try server.dither("models", "card", "net").output == card)
  }
}
