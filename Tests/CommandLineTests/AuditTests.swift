import DitherBasics
import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("dither audit", .enabled(if: Program.isBuilt, "dither is not built"))
struct AuditTests {
  /// A net of its own, 20-3, that puts out logits, or probabilities by a matrix that no node tells of.
  private static func onnx(mixes: Bool) throws -> [UInt8] {
    let builder = GraphBuilder(name: "net"), x = builder.input("x", [20])
    let weights = NoiseAddress(seed: 1).normals(60).map { $0 / 2 }
    var y = try builder.dense(x, builder.parameter("w", Tensor([3, 20], weights)), nil, name: "fc")
    if mixes {
      let rows = builder.parameter("t", Tensor([3, 3], [0.9, 0.1, 0, 0.05, 0.8, 0.2, 0.05, 0.1, 0.8]))
      y = try builder.dense(builder.softmax(y), rows, nil, name: "mix")
    }
    return try builder.finish(outputs: [("y", y)]).onnx()
  }

  private func answers(_ model: [UInt8], _ inputs: Tensor) throws -> [Int] {
    let graph = try Graph(onnx: model)
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: inputs.rowCount))
    _ = plan.input().update(fromContentsOf: inputs.elements)
    plan.forward()
    let scores = Array(plan.output())
    return (0..<inputs.rowCount).map { row in (0..<3).max { scores[3 * row + $0] < scores[3 * row + $1] } ?? 0 }
  }

  @Test("saved adversarial inputs, evaluated by others, are what the report says of them")
  func adversarials() throws {
    let scratch = try Scratch(), model = try Self.onnx(mixes: false), folder = scratch.file("made")
    try Data(model).write(to: URL(filePath: scratch.file("net.onnx")))
    let inputs = Tensor([40, 20], NoiseAddress(seed: 3).uniforms(800)), labels = try answers(model, inputs)
    try Data(Npy(inputs).bytes).write(to: URL(filePath: scratch.file("x.npy")))
    try Data(Npy([40], .int64(labels.map(Int64.init))).bytes).write(to: URL(filePath: scratch.file("y.npy")))
    let targets = labels.map { Int64(($0 + 2) % 3) }
    try Data(Npy([40], .int64(targets)).bytes).write(to: URL(filePath: scratch.file("t.npy")))
    let run = try Program.run(
      "audit", scratch.file("net.onnx"), "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"),
      "--targets", scratch.file("t.npy"), "--probe", "clean", "--probe", "pgd:epsilon=0.05", "--probe",
      "apgd:epsilon=0.1,target=given", "--save-adversarials", folder, "--json")
    #expect(run.status == 0, "\(run.errors)")
    let probes = try #require(try run.json()["probes"] as? [[String: Any]])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["1-pgd", "2-apgd"])
    for (name, probe, epsilon) in [("1-pgd", probes[1], Float(0.05)), ("2-apgd", probes[2], 0.1)] {
      func file(_ part: String) throws -> Npy {
        try Npy([UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name)/\(part).npy"))))
      }
      let made = try file("inputs").tensor, found = try answers(model, made)
      #expect(
        made.shape == inputs.shape && zip(made.elements, inputs.elements).allSatisfy { abs($0 - $1) <= epsilon + 1e-6 })
      #expect(try file("answers").integers() == found && file("labels").integers() == labels)
      #expect(try file("indices").integers() == Array(0..<40))
      let robust = zip(found.indices, found).map { row, answer in
        name == "1-pgd" ? answer == labels[row] : answer != Int(targets[row])
      }
      #expect(probe["per_example"] as? [Bool] == robust && robust.contains(false))
    }
    let command = try #require(try run.json()["command"] as? String)
    #expect(command.contains("--targets"))
  }

  @Test("a served audit leaves the same adversarial inputs, at once and later")
  func servedAdversarials() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), file = scratch.file("net.onnx")
    let model = try Self.onnx(mixes: false), inputs = Tensor([40, 20], NoiseAddress(seed: 3).uniforms(800))
    try Data(model).write(to: URL(filePath: file))
    try Data(Npy(inputs).bytes).write(to: URL(filePath: scratch.file("x.npy")))
    let labels = try answers(model, inputs).map(Int64.init)
    try Data(Npy([40], .int64(labels)).bytes).write(to: URL(filePath: scratch.file("y.npy")))
    #expect(try server.dither("upload", file, "--name", "net").status == 0)
    let rest = [
      "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe", "clean", "--probe",
      "pgd:epsilon=0.05", "--save-adversarials",
    ]
    let served = try Program.run(["audit", "net"] + rest + [scratch.file("served")], environment: server.environment)
    #expect(served.status == 0, "\(served.errors)")
    #expect(try Program.run(["audit", file] + rest + [scratch.file("local")]).status == 0)
    let audits = try #require(try server.dither("audits", "list", "--json").json()["audits"] as? [[String: Any]])
    let id = try #require(audits.first?["audit"] as? String)
    #expect(try server.dither("audits", "report", id, "--adversarials", scratch.file("later")).status == 0)
    for name in ["inputs.npy", "indices.npy", "labels.npy", "answers.npy", "probe.txt"] {
      let there = ["local", "served", "later"].map {
        FileManager.default.contents(atPath: scratch.file("\($0)/1-pgd/\(name)"))
      }
      #expect(there[0] != nil && there.allSatisfy { $0 == there[0] }, "\(name)")
    }
  }

  @Test("what an output is can be said, and is in the command that gives the report again")
  func outputKind() throws {
    let scratch = try Scratch(), model = try Self.onnx(mixes: true)
    try Data(model).write(to: URL(filePath: scratch.file("net.onnx")))
    try TestNet.writeExamples(30, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
    func nll(_ arguments: [String]) throws -> (Double, String) {
      let run = try Program.run(
        [
          "audit", scratch.file("net.onnx"), "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"),
          "--probe",
          "calibration", "--json",
        ] + arguments)
      #expect(run.status == 0, "\(run.errors)")
      let json = try run.json(), probe = try #require((json["probes"] as? [[String: Any]])?.first)
      let calibration = try #require(probe["calibration"] as? [String: Any])
      return (try #require(calibration["nll"] as? Double), try #require(json["command"] as? String))
    }
    let tried = try nll([]), said = try nll(["--output-kind", "probabilities"])
    let other = try nll(["--output-kind", "logits"])
    #expect(tried.0 == said.0 && tried.0 != other.0)
    #expect(said.1.contains("--output-kind probabilities") && !tried.1.contains("--output-kind"))
    let denied = try Program.run(
      "audit", scratch.file("net.onnx"), "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"),
      "--output-kind", "log_probabilities")
    #expect(denied.status != 0 && denied.errors.contains("expected log_probabilities"), "\(denied.errors)")
    let wrong = try Program.run(
      "audit", scratch.file("net.onnx"), "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"),
      "--output-kind", "probability")
    #expect(wrong.status != 0 && wrong.errors.contains("log_probabilities"))
  }

  static var hasTables: Bool {
    Catalog.dataSets.entries.filter { ["iris", "wine"].contains($0.name) }.allSatisfy { $0.isPresent(in: .standard) }
  }

  @Test(
    "a model trained on a table is audited on it", .enabled(if: hasTables, "tables are absent"),
    arguments: ["iris", "wine"])
  func tables(_ name: String) throws {
    let scratch = try Scratch(), recipe = scratch.file("table.yml")
    try Data(
      """
      name: table
      data: \(name)
      model: {kind: mlp, hidden: [16]}
      epochs: 20
      batch: 16
      seed: 1
      """.utf8
    ).write(to: URL(filePath: recipe))
    let trained = try Program.run("train", recipe, "--out", scratch.file("out"))
    #expect(trained.status == 0, "\(trained.errors)")
    let audited = try Program.run(
      "audit", scratch.file("out/table.onnx"), "--data", name, "--probe", "clean", "--probe", "calibration", "--probe",
      "pgd:epsilon=0.2", "--json")
    #expect(audited.status == 0, "\(audited.errors)")
    let probes = try #require(try audited.json()["probes"] as? [[String: Any]])
    let accuracies = probes.compactMap { $0["robust_accuracy"] as? Double }
    #expect(accuracies.count == 3 && accuracies[2] < accuracies[0] && accuracies[0] > 0.7)
  }
}
