import DitherBasics
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

/// Mistakes around a model are found and said.
@Suite("Sanity of a model")
struct SanityTests {
  private func checks(_ model: Model, _ data: AuditData) throws -> [String: Bool] {
    let plan = try AuditPlan(probes: [ProbeSpec("clean")], exampleCount: data.labels.count, inputShape: [1, 4, 4])
    let runner = try AuditRunner(plan: plan, subject: AuditSubject(name: "m", digest: "", model: model), data: data)
    let report = try runner.report(runner.runAll())
    return Dictionary(uniqueKeysWithValues: report.checks.map { ($0.check, $0.passed) })
  }

  /// The small model with so many softmaxes behind it.
  private func model(softmaxes: Int, scale: Float = 1) throws -> Model {
    let builder = GraphBuilder(name: "small"), input = builder.input("x", [1, 4, 4])
    var x = try builder.flatten(input)
    let first = Tensor.random([24, 16], seed: 3, from: -0.6 * scale, to: 0.6 * scale)
    x = try builder.relu(
      builder.dense(x, builder.parameter("w1", first), builder.parameter("b1", Tensor(zeros: [24])), name: "fc1"))
    let second = builder.parameter("w2", .random([3, 24], seed: 4, from: -0.6, to: 0.6))
    // A bias for the last class that only large inputs outweigh.
    let bias = Tensor([3], [0, 0, scale == 1 ? 0 : 1])
    x = try builder.dense(x, second, builder.parameter("b2", bias), name: "fc2")
    for _ in 0..<softmaxes { x = try builder.softmax(x) }
    return try Model(builder.finish(outputs: [("y", x)]))
  }

  @Test("a sound model passes", arguments: [0, 1])
  func sound(_ softmaxes: Int) throws {
    let model = try model(softmaxes: softmaxes), found = try checks(model, Small.data(60, for: model))
    for check in ["softmax_on_softmax", "pixel_range", "rows_apart"] { #expect(found[check] == true, "\(check)") }
  }

  @Test("a softmax upon a softmax")
  func softmaxTwice() throws {
    let model = try model(softmaxes: 2)
    #expect(try checks(model, Small.data(60, for: model))["softmax_on_softmax"] == false)
  }

  @Test("probabilities that are said to be logits, whole ones and rounded ones", arguments: [false, true])
  func saidToBeLogits(_ areRounded: Bool) throws {
    let builder = GraphBuilder(name: "said"), input = builder.input("x", [1, 4, 4])
    var x = try builder.replay(model(softmaxes: 1).graph, on: [input], prefix: "")[0]
    func apply(_ type: String, _ inputs: [Value]) throws -> Value {
      let node = OnnxNode(
        name: type, type: type, opset: 17, attributes: [:], presentInputs: inputs.map { _ in true })
      return try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), inputs)[0]
    }
    func number(_ number: Float) -> Value { builder.constant(.float(Tensor([1], [number]))) }
    if areRounded { x = try apply("Mul", [apply("Round", [apply("Mul", [x, number(15)])]), number(1 / 15)]) }
    var graph = builder.finish(outputs: [("y", x)])
    graph.metadata[ModelSignature.outputKindKey] = OutputKind.logits.rawValue
    let said = try Model(graph)
    #expect(try checks(said, Small.data(60, for: said))["softmax_on_softmax"] == false)
  }

  @Test("a model that was trained on bytes")
  func pixelRange() throws {
    // Its labels are what it says of bytes; on [0, 1] the bias decides.
    let model = try model(softmaxes: 0, scale: 0.02)
    let inputs = Tensor.random([60, 1, 4, 4], seed: 5, from: 0, to: 1)
    let labels = try model.outputs(inputs.map { $0 * 255 }).labels()
    try #require(Set(labels).count > 1)
    #expect(try checks(model, AuditData(name: "bytes", inputs: inputs, labels: labels))["pixel_range"] == false)
  }

  @Test("rows that depend on each other, by the op that lets them")
  func company() throws {
    let builder = GraphBuilder(name: "joined"), input = builder.input("x", [1, 4, 4])
    let w = builder.parameter("w", .random([3, 16], seed: 3, from: -1, to: 1))
    let z = try builder.dense(builder.flatten(input), w, nil, name: "fc")
    let node = OnnxNode(
      name: "shares", type: "Softmax", opset: 21, attributes: ["axis": .int(0)], presentInputs: [true])
    let softmax = try Catalog<any OnnxOp.Type>.ops.entry(named: "Softmax").init(node)
    let model = try Model(builder.finish(outputs: [("y", builder.apply(softmax, [z], name: "shares")[0])]))
    let plan = try AuditPlan(probes: [ProbeSpec("clean")], exampleCount: 20, inputShape: [1, 4, 4])
    let data = AuditData(
      name: "d", inputs: .random([20, 1, 4, 4], seed: 5, from: 0, to: 1), labels: Array(repeating: 0, count: 20))
    let runner = try AuditRunner(plan: plan, subject: AuditSubject(name: "m", digest: "", model: model), data: data)
    let check = try #require(runner.report(runner.runAll()).checks.first { $0.check == "rows_apart" })
    #expect(!check.passed && check.message.contains("node 'shares' (Softmax)"), "\(check.message)")
    #expect(!check.message.contains("training mode"))
  }

  @Test("a model that answers with NaN is refused before any work")
  func notANumber() throws {
    let builder = GraphBuilder(name: "nan"), input = builder.input("x", [1, 4, 4])
    let weights = Tensor([3, 16], [Float](repeating: 3e38, count: 48))
    let x = try builder.dense(
      builder.flatten(input), builder.parameter("w", weights), builder.parameter("b", Tensor(zeros: [3])), name: "fc")
    let model = try Model(builder.finish(outputs: [("y", x)]))
    let data = AuditData(
      name: "d", inputs: .random([10, 1, 4, 4], seed: 5, from: 0.5, to: 1), labels: Array(repeating: 0, count: 10))
    let error = #expect(throws: RobustnessError.self) { try checks(model, data) }
    #expect(error?.place == "model 'm'")
  }
}
