import DitherBasics
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Synchronization
import Testing

@Suite("Audits of models of several inputs")
struct SeveralInputsTests {
  /// k, a number from 0 to 5 that shifts x, and x [4]: three classes.
  private static func model() throws -> Model {
    let builder = GraphBuilder(name: "mixed")
    let k = builder.input("k", [], element: .int64), x = builder.input("x", [4])
    let gather = try Catalog<any OnnxOp.Type>.ops.entry(named: "Gather").init(
      OnnxNode(name: "shift", type: "Gather", opset: 17))
    let table = builder.parameter("table", .random([6, 4], seed: 1))
    let shift = try builder.apply(gather, [table, k], name: "shift")[0]
    let add = try Catalog<any OnnxOp.Type>.ops.entry(named: "Add").init(OnnxNode(name: "add", type: "Add", opset: 17))
    let hidden = try builder.apply(add, [x, shift], name: "add")[0]
    let weight = builder.parameter("w", .random([3, 4], seed: 2))
    return try Model(builder.finish(outputs: [("logits", try builder.dense(hidden, weight, nil, name: "fc"))]))
  }

  /// x before k, as an archive may have them.
  private static func data(_ model: Model) throws -> AuditData {
    let x = Tensor.random([40, 4], seed: 3, from: -3, to: 3)
    let k = Tensor([40, 1], (0..<40).map { Float($0 * 5 % 6) })
    var data = AuditData(
      name: "own", inputs: RowLayout.joining([x, k]), labels: try model.outputs(RowLayout.joining([k, x])).labels())
    data.layout = RowLayout([.init(name: "x", shape: [4]), .init(name: "k", shape: [1])])
    return data
  }

  private static func runner(_ probes: [String], _ change: (inout AuditData) -> Void = { _ in }) throws -> AuditRunner {
    let model = try model()
    var data = try data(model)
    change(&data)
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, seed: 4, exampleCount: 40,
      inputShape: model.signature.inputShape)
    return try AuditRunner(plan: plan, subject: AuditSubject(name: "m", digest: "", model: model), data: data)
  }

  @Test(
    "attacks move the floats within their bounds and leave the integers",
    arguments: ["pgd:epsilon=0.3", "square:epsilon=0.3,queries=50"])
  func attacks(_ probe: String) throws {
    let runner = try Self.runner([probe, "clean"]), made = Mutex<[Adversarials]>([])
    let report = try runner.report(runner.runAll(adversarials: { part in made.withLock { $0.append(part) } }))
    #expect(report.failures == nil && report.probes.allSatisfy { $0.cleanAccuracy == 1 })
    #expect(report.probes[0].robustAccuracy < 1)
    let clean = runner.data.inputs, model = try Self.model()
    var changed = 0
    for part in made.withLock({ $0 }) {
      #expect(try model.outputs(part.inputs).labels() == part.answers)
      for (at, index) in part.indices.enumerated() {
        let row = Array(part.inputs.row(at)), before = Array(clean.row(index))
        #expect(row[0] == before[0] && (0..<6).contains(row[0]))
        #expect(row[1...].allSatisfy { (-3...3).contains($0) })
        if row != before { changed += 1 }
      }
    }
    #expect(changed > 0)
    #expect(report.checks.contains { $0.message.contains("4 of 5 features") && $0.message.contains("1 are integers") })
  }

  @Test("attacks on a model of words move embeddings within their table", arguments: ["pgd", "square:queries=30"])
  func words(_ probe: String) throws {
    let model = try Model(onnx: TextNet.onnx())
    var data = AuditData(name: "texts", inputs: TextNet.rows(30), labels: TextNet.labels(30))
    data.layout = model.signature.layout
    func run(_ probe: String) throws -> (Report, [Adversarials], AuditRunner) {
      let plan = try AuditPlan(
        probes: [ProbeSpec(parsing: probe), ProbeSpec("clean"), ProbeSpec("weight_noise")], seed: 4, exampleCount: 30,
        inputShape: model.signature.inputShape)
      let runner = try AuditRunner(plan: plan, subject: AuditSubject(name: "m", digest: "", model: model), data: data)
      let made = Mutex<[Adversarials]>([])
      let report = try runner.report(runner.runAll(adversarials: { part in made.withLock { $0.append(part) } }))
      return (report, made.withLock { $0 }, runner)
    }
    let joint = probe.contains(":") ? "," : ":"
    let (report, made, runner) = try run("\(probe)\(joint)epsilon=0.3")
    #expect(report.failures == nil && report.probes.allSatisfy { $0.cleanAccuracy == 1 && $0.n == 30 })
    #expect(report.probes[0].robustAccuracy < 1 && report.dataDigest == data.digest)
    #expect(report.checks.contains { $0.message.contains("their embeddings, 40 numbers") })
    let embedded = try #require(try EmbeddedModel(model)), clean = embedded.embedded(data.inputs)
    #expect(runner.attackedWidth == 45 && made.allSatisfy { $0.inputs.shape.row == [45] })
    for part in made {
      #expect(try embedded.model.outputs(part.inputs).labels() == part.answers)
      for (at, index) in part.indices.enumerated() {
        #expect(Array(part.inputs.row(at))[40...] == Array(clean.row(index))[40...])
      }
    }
    let (still, _, _) = try run("\(probe)\(joint)epsilon=0")
    #expect(still.probes[0].robustAccuracy == 1)
  }

  @Test("a model of numbers that no table has is measured, and no attack is made on it")
  func noTable() throws {
    let builder = GraphBuilder(name: "counts"), counts = builder.input("counts", [4], element: .int64)
    let cast = try Catalog<any OnnxOp.Type>.ops.entry(named: "Cast").init(
      OnnxNode(name: "cast", type: "Cast", opset: 17, attributes: ["to": .int(1)]))
    let floats = try builder.apply(cast, [counts], name: "cast")[0]
    let logits = try builder.dense(floats, builder.parameter("w", .random([3, 4], seed: 2)), nil, name: "fc")
    let model = try Model(builder.finish(outputs: [("logits", logits)]))
    let rows = Tensor([20, 4], (0..<80).map { Float($0 * 7 % 11) })
    let data = try AuditData(name: "counts", inputs: rows, labels: model.outputs(rows).labels())
    func run(_ probes: [ProbeSpec], _ battery: String? = nil) throws -> Report {
      let plan = try AuditPlan(
        probes: probes, battery: battery, exampleCount: 20, inputShape: model.signature.inputShape)
      let runner = try AuditRunner(plan: plan, subject: AuditSubject(name: "m", digest: "", model: model), data: data)
      return try runner.report(runner.runAll())
    }
    #expect(try run([ProbeSpec("clean"), ProbeSpec("calibration")]).failures == nil)
    #expect { try run([ProbeSpec("pgd")]) } throws: { "\($0)".contains("a model of integers alone") }
    // A battery says what it leaves out, and why.
    let report = try run([], "smoke")
    #expect(report.failures?.contains { $0.message.contains("integers alone") } == true && !report.probes.isEmpty)
  }

  @Test("the digest of the data does not depend on the order of the inputs")
  func digest() throws {
    let model = try Self.model(), data = try Self.data(model)
    #expect(try Self.runner(["clean"]).data.digest == data.digest)
    var other = AuditData(name: "own", inputs: data.inputs, labels: data.labels)
    #expect(other.digest != data.digest)
    other.layout = RowLayout([.init(name: "a", shape: [4]), .init(name: "k", shape: [1])])
    let changed = other
    #expect {
      try Self.runner(["clean"]) { $0 = changed }
    } throws: { "\($0)".contains("the inputs of 'm'") }
    // Without names the rows are as the model takes them.
    #expect(throws: RobustnessError.self) {
      try Self.runner(["clean"]) { ($0.inputs, $0.layout) = (Tensor(zeros: [40, 4]), nil) }
    }
  }
}
