import DitherTestSupport
import Foundation
import Testing

@Suite("dither verify", .enabled(if: Program.isBuilt, "dither is not built"))
struct VerifyTests {
  /// A signed audit of a small net, in its three forms.
  private struct Signed {
    let scratch: Scratch
    var model: String { scratch.file("net.onnx") }
    var key: String { scratch.file("key.pub.pem") }
    var data: [String] { ["--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy")] }
    var forms: [String] { ["r.html", "r.json", "r.pb"].map(scratch.file) }

    init() throws {
      scratch = try Scratch()
      try Data(try TestNet.onnx()).write(to: URL(filePath: model))
      try TestNet.writeExamples(30, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
      let result = try Program.run(
        ["audit", model] + data + [
          "--battery", "smoke", "--samples", "4", "--sign-key", scratch.file("key.pem"), "--report", forms[0],
          "--protobuf", forms[2], "--json",
        ])
      #expect(result.status == 0, "\(result.errors)")
      try Data(result.output.utf8).write(to: URL(filePath: forms[1]))
    }

    func verify(_ form: String, _ arguments: [String]) throws -> Program.Result {
      try Program.run(["verify", form] + arguments)
    }
  }

  @Test("every form of a signed report holds, for its model, data and key alone")
  func forms() throws {
    let signed = try Signed(), other = signed.scratch.file("other.onnx"), otherKey = signed.scratch.file("other.pem")
    try Data([1, 2, 3]).write(to: URL(filePath: other))
    _ = try Program.run(
      ["audit", signed.model] + signed.data + ["--probe", "clean", "--samples", "2", "--sign-key", otherKey])
    try TestNet.writeExamples(29, inputs: signed.scratch.file("x29.npy"), labels: signed.scratch.file("y29.npy"))
    for form in signed.forms {
      let good = try signed.verify(form, ["--key", signed.key, "--model", signed.model, "--json"] + signed.data)
      #expect(good.status == 0, "\(form): \(good.errors)")
      let facts = try good.json()
      #expect(facts["is_signer_trusted"] as? Bool == true && facts["is_model_checked"] as? Bool == true)
      #expect(facts["is_data_checked"] as? Bool == true && facts["is_same_code"] as? Bool == true)
      let refusals: [([String], String)] = [
        (["--model", other], "the report is about sha256:"),
        (["--key", otherKey.replacing(".pem", with: ".pub.pem")], "not by ed25519:"),
        (
          ["--data", signed.scratch.file("x29.npy"), "--labels", signed.scratch.file("y29.npy")],
          "the report is about sha256:"
        ),
      ]
      for (arguments, words) in refusals {
        let bad = try signed.verify(form, arguments)
        #expect(bad.status == 1 && bad.errors.contains(words), "\(form) \(arguments): \(bad.status) \(bad.errors)")
      }
      #expect(try signed.verify(form, ["--key", signed.model]).status == 2)
      // One digit of one figure.
      var bytes = [UInt8](try Data(contentsOf: URL(filePath: form)))
      let digit = try #require(bytes.indices.dropFirst(bytes.count / 3).first { (0x31...0x38).contains(bytes[$0]) })
      bytes[digit] += 1
      try Data(bytes).write(to: URL(filePath: form))
      let forged = try signed.verify(form, [])
      #expect(forged.status == 1 && forged.errors.contains("changed after it was signed"), "\(form): \(forged.errors)")
    }
  }

  @Test("an unsigned report, and what is none, are told apart")
  func unsigned() throws {
    let scratch = try Scratch(), page = scratch.file("r.html")
    try Data("<!doctype html><title>x</title>".utf8).write(to: URL(filePath: page))
    let result = try Program.run("verify", page)
    #expect(result.status == 1 && result.errors.contains("no signature"))
    #expect(try Program.run("verify", scratch.file("absent")).status == 3)
    try Data([0x0F, 0xFF]).write(to: URL(filePath: page))
    #expect(try Program.run("verify", page).status == 2)
  }
}
