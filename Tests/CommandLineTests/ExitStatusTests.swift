import DitherTestSupport
import Foundation
import Testing

@Suite("Exit codes and help", .enabled(if: Program.isBuilt, "dither is not built"))
struct ExitStatusTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var status: Int32
    var says: String
    var testDescription: String { arguments.joined(separator: " ") }
  }

  @Test(arguments: [
    Row(arguments: ["--version"], status: 0, says: "0.2.0"),
    Row(arguments: ["frobnicate"], status: 2, says: "frobnicate"),
    Row(arguments: ["predict"], status: 2, says: "<model>"),
    Row(arguments: ["predict", "m", "--input", "x.npy", "--samples", "-1"], status: 2, says: "--samples"),
    Row(arguments: ["models", "list", "--address", "nowhere"], status: 2, says: "dither://host:port"),
    Row(arguments: ["models", "list", "--address", "dither+plain://127.0.0.1:1"], status: 5, says: "127.0.0.1"),
    Row(arguments: ["run", "no-such.onnx", "--check"], status: 3, says: "no-such.onnx"),
    Row(arguments: ["run", "README.md", "--check"], status: 2, says: "expected"),
    Row(arguments: ["upload", "no-such.onnx", "--address", "127.0.0.1:1"], status: 3, says: "no-such.onnx"),
    Row(arguments: ["train", "no-such.yml"], status: 3, says: "no-such.yml"),
  ])
  func statusAndWords(_ row: Row) throws {
    let result = try Program.run(row.arguments)
    let words = result.output + result.errors
    #expect(result.status == row.status, "\(words)")
    #expect(words.contains(row.says), "\(words)")
  }

  @Test("a file that is not what it must be is told in words, before anything is sent")
  func files() throws {
    let scratch = try Scratch()
    let model = scratch.file("net.onnx"), data = scratch.file("x.npy"), labels = scratch.file("y.npy")
    try Data(TestNet.onnx()).write(to: URL(filePath: model))
    try TestNet.writeExamples(4, inputs: data, labels: labels)
    let card = scratch.file("card.json"), features = scratch.file("features.json")
    try Data(#"{"text": "\#(String(repeating: "x", count: 300_000))"}"#.utf8).write(to: URL(filePath: card))
    try Data(#"{"fixed": [1]}"#.utf8).write(to: URL(filePath: features))
    for (arguments, words) in [
      (
        ["upload", model, "--card", card, "--address", "dither://127.0.0.1:1"],
        "a card of at most 262144 bytes, got 300012"
      ),
      (["audit", model, "--data", data, "--labels", labels, "--features", features], "got no 'low'"),
      (["predict", "m", "--input", "x.npy", "--max-samples", "4"], "--tolerance"),
      (["predict", "m", "--input", "x.npy", "--tolerance", "0"], "--tolerance: expected a number above 0"),
      (
        ["predict", "m", "--input", "x.npy", "--tolerance", "0.1", "--max-samples", "0"],
        "--max-samples: expected a number above 0"
      ),
      (["predict", "m", "--input", "x.npy", "--never-empty"], "--coverage"),
      (["predict", "m", "--input", "x.npy", "--set-rule", "lac"], "--coverage"),
    ] {
      let result = try Program.run(arguments), said = result.output + result.errors
      #expect(result.status != 0 && said.contains(words) && !said.contains("DecodingError"), "\(said)")
    }
  }

  @Test(
    "every command has help with an example",
    arguments: [
      "serve", "predict", "audit", "upload", "models", "models list", "models show", "models alias", "models card",
      "models remove", "models restore", "models describe", "models revisions", "models download", "models sign",
      "models rollout", "models rollouts",
      "trail",
      "trail list", "trail check",
      "run", "train", "data", "data list", "data get", "data verify", "tokens", "tokens create", "tokens list",
      "tokens revoke", "tokens rotate", "bench", "env", "login", "logout", "audits open",
    ])
  func help(_ command: String) throws {
    let result = try Program.run(command.split(separator: " ").map(String.init) + ["--help"])
    let words = result.output
    #expect(result.status == 0)
    #expect(words.contains("Example: dither \(command)") && words.contains("USAGE: dither \(command)"), "\(words)")
  }
}
