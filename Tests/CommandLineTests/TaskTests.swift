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
    #expect(audit.status == 0 && audit.output.contains("RMSE"), "\(audit.errors)")
    let named = try Program.run(
      ["audit", state.file("out/line.onnx"), "--data", "yacht", "--probe", "clean"], environment: data)
    #expect(named.status == 0 && named.output.contains("of the true value"), "\(named.errors)")
    let probe = try Program.run(
      ["audit", state.file("out/line.onnx"), "--data", "yacht", "--probe", "calibration"], environment: data)
    #expect(probe.status != 0 && probe.errors.contains("tells classes apart"), "\(probe.errors)")
  }

  @Test("a regression is calibrated from files, and answers with intervals by each rule")
  func intervals() throws {
    let state = try Scratch(), server = try LiveServer(state: state), count = 240
    let (model, inputs, targets) = (state.file("line.onnx"), state.file("x.npy"), state.file("y.npy"))
    let builder = GraphBuilder(name: "line"), input = builder.input("x", [2])
    let y = try builder.dense(input, builder.parameter("w", Tensor([1, 2], [10, -10])), nil, name: "fc")
    var graph = builder.finish(outputs: [("y", y)])
    graph.metadata = ["dither.task": "regression", "dither.labels": #"["strength"]"#]
    graph.noise = NoiseModel([.init(.weights, sigma: 1)])
    try Data(graph.onnx()).write(to: URL(filePath: model))
    let x = NoiseAddress(seed: 1).normals(2 * count), noise = NoiseAddress(seed: 2).normals(count)
    // Whole numbers: by themselves they could be classes.
    let values = (0..<count).map { row -> Int64 in
      let line: Float = 10 * (x[2 * row] - x[2 * row + 1])
      return 100 + Int64((line + 3 * noise[row]).rounded())
    }
    try Data(Npy(Tensor([count, 2], x)).bytes).write(to: URL(filePath: inputs))
    try Data(Npy([count], .int64(values)).bytes).write(to: URL(filePath: targets))
    #expect(try server.dither("upload", model, "--name", "line").status == 0)
    let without = try server.dither("predict", "line", "--input", inputs, "--coverage", "0.9")
    #expect(without.status == 2 && without.errors.contains("dither calibrate line@1"), "\(without.errors)")

    let pair = try server.dither("calibrate", "line", "--data", "\(inputs),\(targets)", "--samples", "8", "--json")
    #expect(pair.status == 0, "\(pair.errors)")
    let told = try #require((pair.json()["values"] as? [[String: Any]])?.first)
    let first = try #require((told["intervals"] as? [[String: Any]])?.first)
    #expect(told["name"] as? String == "strength" && first["coverage"] as? Double == 0.5)
    #expect(first["normalized"] is Double && first["own_coverage"] is Double)
    // About 100 too little: the model has no bias.
    #expect(try abs(#require(told["rmse"] as? Double) - 100) < 10)
    let table = try server.dither("calibrate", "line", "--data", inputs, "--labels", targets, "--samples", "8")
    #expect(table.status == 0 && table.output.contains("strength: RMSE "), "\(table.output) \(table.errors)")
    #expect(table.output.contains("own coverage  absolute ±  normalized ×  quantiles ±"), "\(table.output)")

    let shown = try server.dither("predict", "line", "--input", inputs, "--coverage", "0.9")
    #expect(shown.status == 0 && shown.output.contains("90 % from") && shown.output.contains("90 % to"))
    #expect(shown.output.contains("  calibration 2") && !shown.output.contains("temperature"), "\(shown.output)")
    for rule in ["absolute", "normalized", "quantiles"] {
      let found = try server.dither(
        "predict", "line", "--input", inputs, "--coverage", "0.9", "--interval-rule", rule, "--json")
      #expect(found.status == 0, "\(found.errors)")
      let rows = try #require(found.json()["predictions"] as? [[String: Any]])
      let widths = try rows.map { row in
        try #require((row["conformal_upper"] as? [Double])?.first)
          - #require((row["conformal_lower"] as? [Double])?.first)
      }
      let isEven = (widths.max() ?? 0) - (widths.min() ?? 0) < 1e-6
      #expect(widths.count == count && isEven == (rule == "absolute"), "\(rule)")
    }
    let byClass = try server.dither(
      "calibrate", "line", "--data", "\(inputs),\(targets)", "--samples", "8", "--class-conditional")
    #expect(byClass.status == 2 && byClass.errors.contains("class_conditional"), "\(byClass.errors)")
    let alone = try server.dither("predict", "line", "--input", inputs, "--interval-rule", "absolute")
    #expect(alone.status != 0 && alone.errors.contains("--interval-rule: say --coverage too"), "\(alone.errors)")
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
