import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Noise on the command line", .serialized, .enabled(if: Program.isBuilt, "dither is not built"))
struct TuneTests {
  /// The small net without its noise, its examples, and with them the scratch folder that they are in.
  private static func files(_ body: (Scratch, String) throws -> Void) throws {
    let scratch = try Scratch(), file = scratch.file("net.onnx")
    try Data(Graph(onnx: TestNet.onnx()).withoutNoise().onnx()).write(to: URL(filePath: file))
    try TestNet.writeExamples(48, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
    try body(scratch, file)
  }

  @Test("run draws the noise that is said: draws before rows, the same for the same seed, loss and gradient as means")
  func run() throws {
    try Self.files { scratch, file in
      func run(_ folder: String, _ more: String...) throws -> Program.Result {
        try Program.run(
          ["run", file, "--input", scratch.file("x.npy"), "--output-dir", scratch.file(folder)] + more)
      }
      func array(_ name: String) throws -> Tensor {
        try Npy([UInt8](Data(contentsOf: URL(filePath: scratch.file(name))))).tensor
      }
      let noise = "weights:gaussian,sigma=0.1"
      for folder in ["a", "b"] {
        let result = try run(
          folder, "--noise", noise, "--samples", "8", "--seed", "3", "--labels", scratch.file("y.npy"), "--gradient")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("gaussian on weights, σ = 0.1") && result.output.contains("8 draws"))
      }
      let drawn = try array("a/logits.npy"), again = try array("b/logits.npy")
      #expect(drawn.shape == [8, 48, 3] && drawn == again)
      #expect(try array("a/x.grad.npy").shape == [48, 20])
      #expect(try run("plain").status == 0)
      let plain = try array("plain/logits.npy"), size = plain.count
      #expect(plain.shape == [48, 3])
      let means = (0..<size).map { i in (0..<8).reduce(Float(0)) { $0 + drawn.elements[$1 * size + i] } / 8 }
      let apart = zip(means, plain.elements).reduce(Float(0)) { $0 + abs($1.0 - $1.1) } / Float(size)
      #expect(apart > 0 && apart < 0.5)
      // The model draws the same numbers.
      var graph = try Graph(onnx: [UInt8](Data(contentsOf: URL(filePath: file))))
      graph.noise = try NoiseModel(parsing: [noise], of: graph)
      let inputs = try array("x.npy")
      let model = try Model(graph).sampledOutputs(inputs, NoiseDraws(0..<8, seeds: Array(repeating: 3, count: 48)))
      #expect(zip(model.elements, drawn.elements).allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }

  @Test("what a command line says of noise and is none is refused, with the remedy")
  func refusals() throws {
    try Self.files { scratch, file in
      let examples = ["--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy")]
      let run = ["run", file, "--input", scratch.file("x.npy"), "--output-dir", scratch.file("out")]
      let rows: [([String], String)] = [
        (run + ["--samples", "4"], "dither tune"),
        (["audit", file, "--probe", "clean", "--samples", "4"] + examples, "dither tune"),
        (run + ["--noise", "weigths:gaussian,sigma=1"], "did you mean 'weights'?"),
        (run + ["--noise", "dropout"], "Dropout nodes"),
        (["run", file, "--check", "--noise", "weights:gaussian,sigma=x"], "a number"),
        (["upload", file, "--noise", "auto"], "--data"),
        (["upload", file, "--data", "mnist:100"], "--noise auto"),
        (["audit", file, "--noise", "dropout"] + examples, "Dropout nodes"),
        (["predict", "m", "--input", "x.npy", "--noise", "input:sigma=1", "--coverage", "0.9"], "--coverage"),
        (["tune", file], "--data"), (["tune", file, "--data", "mnist", "--output", file], "another file"),
        (
          ["tune", file, "--data", "\(scratch.file("x.npy")),\(scratch.file("y.npy"))", "--candidate", "sigm"],
          "'sigma'"
        ),
      ]
      for (arguments, says) in rows {
        let result = try Program.run(arguments)
        #expect(result.status == 2 && result.errors.contains(says), "\(arguments): \(result.status) \(result.errors)")
        #expect(result.output.isEmpty)
      }
    }
  }

  @Test("a file is tuned, keeps its answers, and says what its noise was chosen by; upload does the same and sends it")
  func tune() throws {
    try Self.files { scratch, file in
      // Every fifth of them is the test part: 48.
      try TestNet.writeExamples(240, inputs: scratch.file("many.npy"), labels: scratch.file("labels.npy"))
      let data = "\(scratch.file("many.npy")),\(scratch.file("labels.npy"))", tuned = scratch.file("tuned.onnx")
      try Data(#"{"name": "net", "summary": "small"}"#.utf8).write(to: URL(filePath: scratch.file("net.card.json")))
      let result = try Program.run(
        "tune", file, "--data", data, "--output", tuned, "--candidate", "sigma", "--candidate", "laplace:layers=last",
        "--folds", "2", "--samples", "4", "--json")
      #expect(result.status == 0, "\(result.errors)")
      let record = try #require(result.json()["record"] as? [String: Any])
      #expect(record["examples"] as? Int == 48 && record["samples"] as? Int == 4)
      let scores = try #require(record["scores"] as? [[String: Any]])
      #expect(scores.compactMap { $0["name"] as? String } == ["plain", "sigma", "laplace:layers=last"])
      for key in ["nll", "brier", "ece15", "nll_interval", "accuracy", "noise"] {
        #expect(scores.allSatisfy { $0[key] != nil }, "\(key)")
      }
      let written = try Graph(onnx: [UInt8](Data(contentsOf: URL(filePath: tuned))))
      let text = try #require(written.metadata[ModelSignature.tuningKey])
      #expect(text.contains(try #require(record["data_digest"] as? String)))
      #expect((written.noise != nil) == (record["chosen"] as? String != "plain"))
      let card = try #require(
        JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: scratch.file("tuned.card.json"))))
          as? [String: Any])
      #expect(card["summary"] as? String == "small" && card["tuning"] != nil)
      let again = try Program.run("run", tuned, "--check")
      #expect(again.status == 0 && !again.output.contains("refused"), "\(again.output)")

      let table = try Program.run(
        "tune", file, "--data", data, "--candidate", "sigma", "--folds", "2", "--samples", "4")
      #expect(table.output.contains("AUROC of errors") && table.output.contains("plain"), "\(table.output)")

      let server = try LiveServer(state: scratch)
      let auto = try server.dither(
        "upload", file, "--name", "net", "--noise", "auto", "--data", data, "--candidate", "sigma", "--folds", "2")
      #expect(auto.status == 0, "\(auto.errors)")
      #expect(try server.dither("models", "show", "net", "--json").output.contains("data_digest"))
      let said = try server.dither("upload", file, "--name", "said", "--noise", "weights:gaussian,sigma=0.1")
      #expect(said.status == 0, "\(said.errors)")
      let sure = try server.dither("predict", "said", "--input", scratch.file("x.npy"), "--samples", "8", "--json")
      #expect(sure.status == 0 && sure.output.contains("mutual_information"), "\(sure.errors)")
      #expect(try server.dither("upload", file, "--name", "bare").status == 0)
      let bare = try server.dither("predict", "bare", "--input", scratch.file("x.npy"), "--samples", "8")
      #expect(bare.status == 2 && bare.errors.contains("dither tune"), "\(bare.errors)")
      let asked = try server.dither(
        "predict", "bare", "--input", scratch.file("x.npy"), "--samples", "8", "--seed", "3", "--noise",
        "weights:gaussian,sigma=0.1", "--json")
      let same = try server.dither(
        "predict", "said", "--input", scratch.file("x.npy"), "--samples", "8", "--seed", "3", "--json")
      #expect(asked.status == 0, "\(asked.errors)")
      func means(_ result: Program.Result) throws -> [[Double]?] {
        try #require(result.json()["predictions"] as? [[String: Any]]).map { $0["probabilities"] as? [Double] }
      }
      #expect(try means(asked) == means(same) && asked.json()["noise"] as? [String] == ["weights:gaussian,sigma=0.1"])
      let told = try server.dither(
        "predict", "bare", "--input", scratch.file("x.npy"), "--noise", "weights:gaussian,sigma=0.1")
      #expect(told.output.contains("noise   weights:gaussian,sigma=0.1"), "\(told.output) \(told.errors)")
      let refused = try server.dither("predict", "bare", "--input", scratch.file("x.npy"), "--noise", "dropout")
      #expect(refused.status == 2 && refused.errors.contains("Dropout nodes"), "\(refused.errors)")
      // An audit of the file and of the version are one, but for their names.
      let examples = ["--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe", "clean", "--json"]
      let noise = ["--noise", "weights:gaussian,sigma=0.1", "--samples", "4"]
      let local = try Program.run(["audit", file] + examples + noise)
      let served = try Program.run(["audit", "bare"] + examples + noise, environment: server.environment)
      #expect(local.status == 0 && served.status == 0, "\(local.errors) \(served.errors)")
      let (own, other) = (try local.json(), try served.json())
      for key in ["digest", "samples", "n"] { #expect("\(own[key] ?? 0)" == "\(other[key] ?? 1)") }
      for report in [own, other] {
        #expect((report["command"] as? String)?.contains("--noise weights:gaussian,sigma=0.1") == true)
      }
      let still = try server.dither("predict", "bare", "--input", scratch.file("x.npy"))
      #expect(still.status == 0 && still.output.contains("–"), "\(still.errors)")
    }
  }
}
