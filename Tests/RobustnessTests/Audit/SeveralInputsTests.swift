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
