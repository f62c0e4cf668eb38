import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// What is told of a regression of two values, on the command line.
@Suite("Regressions on the command line", .serialized, .enabled(if: Program.isBuilt, "dither is absent"))
struct RegressionTests {
  private static let count = 120

  /// `net.onnx` and `other.onnx`, two values of four inputs, and `x.npy` and `y.npy`, their right values and some noise.
  private static func write(to scratch: Scratch) throws {
    let inputs = Tensor([count, 4], NoiseAddress(seed: 3).uniforms(4 * count))
    let weights = Tensor.random([2, 4], seed: 5)
    for (name, shift) in [("net", Float(0)), ("other", 0.1)] {
      let builder = GraphBuilder(name: name), x = builder.input("x", [4])
      let w = builder.parameter("w", weights.map { $0 + shift })
      var graph = builder.finish(outputs: [("y", try builder.dense(x, w, nil, name: "fc"))])
      graph.metadata = ["dither.task": "regression", "dither.labels": #"["length", "mass"]"#]
      try Data(graph.onnx()).write(to: URL(filePath: scratch.file("\(name).onnx")))
    }
    let noise = NoiseAddress(seed: 4).normals(2 * count)
    let values = (0..<count).flatMap { row in
      (0..<2).map { value -> Float in
        let right = zip(inputs.row(row), weights.row(value)).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        return right + 0.3 * noise[2 * row + value]
      }
    }
    try Data(Npy(inputs).bytes).write(to: URL(filePath: scratch.file("x.npy")))
    try Data(Npy(Tensor([count, 2], values)).bytes).write(to: URL(filePath: scratch.file("y.npy")))
  }

  private static func numbers(_ path: String) throws -> Tensor {
    try Npy([UInt8](Data(contentsOf: URL(filePath: path)))).tensor
  }

  @Test("an audit has the baseline's RMSE beside its own, each value's, and the right values of what attacks made")
  func audit() throws {
    let scratch = try Scratch()
    try Self.write(to: scratch)
    let shared = ["--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe", "clean"]
    let run = try Program.run(
      ["audit", scratch.file("net.onnx"), "--baseline", scratch.file("other.onnx")] + shared
        + ["--probe", "errors", "--probe", "fgsm:epsilon=0.02", "--save-adversarials", scratch.file("made")])
    #expect(run.status == 0, "\(run.errors)")
    let lines = run.output.split(separator: "\n").map(String.init)
    let head = try #require(lines.first { $0.hasPrefix("probe ") })
    #expect(head.contains("RMSE, pooled") && head.contains("its RMSE"), "\(head)")
    #expect(run.output.contains("by value: length ") && run.output.contains(", mass "), "\(run.output)")
    #expect(run.output.contains("of the baseline rmse "), "\(run.output)")
    let json = try Program.run(
      ["audit", scratch.file("net.onnx"), "--baseline", scratch.file("other.onnx")] + shared + ["--json"]
    ).json()
    let probe = try #require((json["probes"] as? [[String: Any]])?.first)
    let summary = try #require((probe["others"] as? [[String: Any]])?.first?["summary"] as? [String: Any])
    let names = try #require(summary["measures"] as? [[String: Any]]).compactMap { $0["name"] as? String }
    #expect(names == ["rmse", "mae", "rmse_0", "rmse_1", "mae_0", "mae_1"])
    let made = scratch.file("made/2-fgsm")
    let values = try Self.numbers("\(made)/values.npy"), answers = try Self.numbers("\(made)/answers.npy")
    #expect(try values == Self.numbers(scratch.file("y.npy")) && answers.shape == values.shape)
  }

  @Test("too few of one's own rows say of how many they are, all calibrate with --labels, and models show tells it")
  func calibrates() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch)
    try Self.write(to: scratch)
    #expect(try server.dither("upload", scratch.file("net.onnx"), "--name", "net").status == 0)
    #expect(try server.dither("models", "show", "net", "--json").json()["calibration"] == nil)
    let (x, y) = (scratch.file("x.npy"), scratch.file("y.npy"))
    let few = try server.dither("calibrate", "net", "--data", "\(x),\(y)")
    #expect(few.status != 0 && few.errors.contains("24, the test part: every fifth of 120 rows"), "\(few.errors)")
    #expect(few.errors.contains("--labels"), "\(few.errors)")
    let all = try server.dither("calibrate", "net", "--data", x, "--labels", y)
    #expect(all.status == 0, "\(all.errors)")
    let shown = try server.dither("models", "show", "net")
    for words in ["120 examples", "coverage up to 0.992", "length: absolute ± ", "mass: absolute ± "] {
      #expect(shown.output.contains(words), "\(words): \(shown.output)")
    }
    let told = try #require(server.dither("models", "show", "net", "--json").json()["calibration"] as? [String: Any])
    #expect(told["conformal_examples"] as? Int == 120 && (told["values"] as? [Any])?.count == 2)
  }

  @Test("a served audit of one's own data has the right values too, and a temperature is refused")
  func served() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch)
    try Self.write(to: scratch)
    #expect(try server.dither("upload", scratch.file("net.onnx"), "--name", "net").status == 0)
    let rest = [
      "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe", "clean", "--probe",
      "fgsm:epsilon=0.02",
    ]
    let run = try Program.run(
      ["audit", "net"] + rest + ["--save-adversarials", scratch.file("made")], environment: server.environment)
    #expect(run.status == 0, "\(run.errors)")
    #expect(try Self.numbers(scratch.file("made/1-fgsm/values.npy")) == Self.numbers(scratch.file("y.npy")))
    for model in ["net", scratch.file("net.onnx")] {
      let hot = try Program.run(["audit", model, "--temperature", "2"] + rest, environment: server.environment)
      #expect(hot.status == 2 && hot.errors.contains("the logits of classes"), "\(hot.errors)")
    }
  }

  @Test("words' numbers as bytes are numbers, and fractions are refused with what is expected")
  func words() throws {
    let scratch = try Scratch()
    try NamedInputsTests.write(to: scratch)
    let (ids, mask) = TextNet.texts(48), labels = TextNet.labels(48).map(Int64.init)
    func archive(_ name: String, _ array: ([UInt8]) -> Npy) throws -> String {
      func bytes(_ rows: [[Int]]) -> [UInt8] { array(rows.joined().map { UInt8($0) }).bytes }
      let arrays = [
        ("ids_test.npy", bytes(ids)), ("mask_test.npy", bytes(mask)),
        ("y_test.npy", Npy([48], .int64(labels)).bytes),
      ]
      try Data(StoredZip.archive(arrays)).write(to: URL(filePath: scratch.file(name)))
      return scratch.file(name)
    }
    let model = scratch.file("texts.onnx")
    let whole = try archive("bytes.npz") { Npy([48, TextNet.length], .uint8($0)) }
    let run = try Program.run("audit", model, "--data", whole, "--probe", "clean", "--json")
    #expect(run.status == 0, "\(run.errors)")
    let probe = try #require((run.json()["probes"] as? [[String: Any]])?.first)
    #expect(probe["clean_accuracy"] as? Double == 1)
    let pixels = try archive("pixels.npz") { Npy(Tensor([48, TextNet.length], $0.map { Float($0) / 255 })) }
    let refused = try Program.run("audit", model, "--data", pixels, "--probe", "clean")
    #expect(refused.status != 0 && refused.errors.contains("whole numbers for input "), "\(refused.errors)")
  }
}
