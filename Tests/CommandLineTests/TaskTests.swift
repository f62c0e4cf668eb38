import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// A regression and a binary model from recipe to answer, and what is said of a model of one number.
@Suite("Tasks on the command line", .serialized, .enabled(if: Program.isBuilt, "dither is absent"))
struct TaskTests {
  /// A small table where a known set lies: y = 20 + 3 a − 2 b + c and a little noise.
  private static func writeTable(in root: Scratch) throws {
    let folder = URL(filePath: root.file("uci-regression/yacht"))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let x = NoiseAddress(seed: 1).normals(200 * 6), noise = NoiseAddress(seed: 2).normals(200)
    let lines = (0..<200).map { row in
      let own = x[row * 6..<(row + 1) * 6].map { Double($0) }
      return (own + [20 + 3 * own[0] - 2 * own[1] + own[2] + 0.5 * Double(noise[row])]).map { "\($0)" }
        .joined(separator: " ")
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: folder.appending(path: "data.txt"))
  }

  @Test("a regression is trained from a recipe and answers with mean, variances and interval")
  func regression() throws {
    let state = try Scratch(), data = ["DITHER_DATA": state.path]
    try Self.writeTable(in: state)
    let recipe = state.file("line.yml")
    try Data(
      """
      name: line
      data: yacht
      model: {kind: mlp, hidden: [16]}
      objective: gaussian_likelihood
      optimizer: {kind: adam, rate: 0.01}
      noise: [{site: weights, sigma: 0.03}]
      epochs: 40
      batch: 32
      """.utf8
    ).write(to: URL(filePath: recipe))
    let trained = try Program.run(
      ["train", recipe, "--out", state.file("out"), "--threads", "1", "--json"], environment: data)
    #expect(trained.status == 0, "\(trained.errors)")
    let card = try #require(trained.json()["card"] as? [String: Any]),
      test = try #require(card["test"] as? [String: Any])
    #expect(try #require(test["root_mean_squared_error"] as? Double) < 2 && test["accuracy"] == nil)

    let server = try LiveServer(state: state)
    let upload = try server.dither("upload", state.file("out/line.onnx"), "--name", "line")
    #expect(upload.status == 0 && !upload.output.contains("taken for"), "\(upload.errors)")
    try Data(Npy(Tensor([2, 6], [0, 0, 0, 0, 0, 0, 1, -1, 0.5, 0, 0, 0])).bytes).write(
      to: URL(filePath: state.file("x.npy")))
    let predicted = try server.dither("predict", "line", "--input", state.file("x.npy"), "--samples", "64", "--json")
    #expect(predicted.status == 0, "\(predicted.errors)")
    let rows = try #require(predicted.json()["predictions"] as? [[String: Any]])
    for (row, wanted) in zip(rows, [20, 25.5]) {
      func number(_ key: String) throws -> Double { try #require((row[key] as? [Double])?.first, "\(key)") }
      let mean = try number("values"), lower = try number("interval_lower"), upper = try number("interval_upper")
      #expect(abs(mean - wanted) < 3 && lower < mean && mean < upper && row["label"] == nil)
      #expect(try number("std") > 0 && number("aleatoric_variance") > 0)
      #expect(try abs(number("epistemic_variance") - pow(number("std"), 2)) < 1e-9)
      #expect(row["predictive_entropy"] == nil && row["standard_error"] != nil)
    }
    let table = try server.dither("predict", "line", "--input", state.file("x.npy"), "--samples", "16")
    #expect(table.output.contains("aleatoric variance") && !table.output.contains("entropy"), "\(table.output)")

    try Data(Npy([2], .int64([0, 1])).bytes).write(to: URL(filePath: state.file("y.npy")))
    let audit = try Program.run(
      "audit", state.file("out/line.onnx"), "--data", state.file("x.npy"), "--labels", state.file("y.npy"), "--probe",
      "clean")
    #expect(audit.status != 0 && audit.errors.contains("classes"), "\(audit.errors)")
    let named = try Program.run(
      ["audit", state.file("out/line.onnx"), "--data", "yacht", "--probe", "clean"], environment: data)
    #expect(named.status != 0 && named.errors.contains("a set with classes"), "\(named.errors)")
  }

  @Test("a single number is a value until the uploader says that it is a class's score")
  func said() throws {
    let state = try Scratch(), server = try LiveServer(state: state), file = state.file("score.onnx")
    let builder = GraphBuilder(name: "score"), x = builder.input("x", [2])
    let z = try builder.dense(x, builder.parameter("w", Tensor([1, 2], [1, -1])), nil, name: "fc")
    try Data(builder.finish(outputs: [("z", z)]).onnx()).write(to: URL(filePath: file))
    try Data(Npy(Tensor([1, 2], [2, 0])).bytes).write(to: URL(filePath: state.file("x.npy")))
    func answer(_ arguments: String...) throws -> [String: Any] {
      let upload = try Program.run(["upload", file, "--name", "score"] + arguments, environment: server.environment)
      #expect(upload.status == 0, "\(upload.errors)")
      let result = try server.dither("predict", "score", "--input", state.file("x.npy"), "--json")
      #expect(result.status == 0, "\(result.errors)")
      return try #require((result.json()["predictions"] as? [[String: Any]])?.first)
    }
    #expect(try answer()["values"] as? [Double] == [2])
    let shown = try server.dither("models", "show", "score")
    #expect(
      shown.output.contains("regression: taken for a value") && shown.output.contains("--task"), "\(shown.output)")
    let binary = try answer("--task", "binary"), p = 1 / (1 + exp(-2.0))
    let found = try #require(binary["probabilities"] as? [Double])
    #expect(found.count == 2 && abs(found[1] - p) < 1e-6 && binary["label"] as? Int == 1)
    let wrong = try server.dither("upload", file, "--name", "score", "--task", "binry")
    #expect(wrong.status == 2 && wrong.errors.contains("'binary'"), "\(wrong.errors)")
  }
}
