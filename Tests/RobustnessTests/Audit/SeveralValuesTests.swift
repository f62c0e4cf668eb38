import DitherBasics
import DitherGraph
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Synchronization
import Testing

/// A regression of several values: each has a unit of its own.
@Suite("Audits of several values")
struct SeveralValuesTests {
  private static let count = 40
  private static let weights: [Float] = [0.8, -1.5, 0.25, 2]
  private static let inputs = Tensor.random([count, 4], seed: 9, from: 0.3, to: 0.7)
  private static let names = ["length", "mass"]

  /// w · x, and the same in a unit that is a thousandth.
  private static func model(scale: Float = 1000) throws -> Model {
    let builder = GraphBuilder(name: "two"), x = builder.input("x", [4])
    let w = builder.parameter("w", Tensor([2, 4], weights + weights.map { scale * $0 }))
    var graph = builder.finish(outputs: [("y", try builder.dense(x, w, nil, name: "fc"))])
    graph.metadata = ["dither.task": "regression", "dither.labels": #"["length", "mass"]"#]
    return try Model(graph)
  }

  /// By how much the first value is off; the second is by 500 times as much.
  private static let errors = (0..<count).map { row -> Double in
    let size = Double(row % 5) / 8
    return row % 2 == 0 ? size : -size
  }

  private static func data() throws -> AuditData {
    let answers = try model().outputs(inputs)
    let values = (0..<count).flatMap { row -> [Float] in
      let own = Array(answers.row(row))
      return [own[0] + Float(errors[row]), own[1] + 500 * Float(errors[row])]
    }
    return AuditData(name: "two", inputs: inputs, values: Tensor([count, 2], values))
  }

  private static func runner(
    _ probes: [String], gates: [String] = [], others: [AuditSubject] = []
  ) throws -> AuditRunner {
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, seed: 3, exampleCount: count, inputShape: [4],
      isRegression: true, gates: gates.map { try Gate(parsing: $0) })
    return try AuditRunner(
      plan: plan, subject: AuditSubject(name: "two", digest: "", model: model()), others: others, data: data())
  }

  private static func rms(_ values: [Double]) -> Double {
    (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
  }

  @Test("each has its errors in its own unit, and the one over all of them says that it is pooled")
  func each() throws {
    let runner = try Self.runner(["clean", "errors", "fgsm:epsilon=0.01"], gates: ["errors.rmse_1<=1000"])
    let report = try runner.report(runner.runAll()), first = Self.rms(Self.errors)
    let mean: Double = Self.errors.map(abs).reduce(0, +) / Double(Self.count)
    #expect(report.isPooled && report.rmseTitle == "RMSE, pooled" && report.gates?.map(\.passed) == [true])
    let summary = try #require(report.probes[1].summary)
    let pooled = Self.rms([first, 500 * first])
    let all: [(String, Double)] = [
      ("rmse_0", first), ("rmse_1", 500 * first), ("mae_0", mean), ("mae_1", 500 * mean), ("crps_1", 500 * mean),
      ("rmse", pooled),
    ]
    for (name, expected) in all {
      let found = try #require(summary[name], "\(name)")
      #expect(abs(found - expected) < 1e-3 * expected, "\(name): \(found), not \(expected)")
    }
    #expect(summary.measures.first { $0.name == "rmse" }?.meaning.contains("pooled over 2 values") == true)
    #expect(report.byValue("rmse", in: summary).map(\.name) == Self.names)
    let attacked = report.byValue("rmse", in: report.probes[2].summary)
    #expect(attacked.count == 2 && attacked[0].measure.value > first && attacked[1].measure.value > 500 * first)
    let row = try #require(Verdict(report).rows.first { $0.name == "errors" })
    #expect(row.value.hasSuffix(" pooled") && row.note.hasPrefix("by value: length "), "\(row)")
    let html = report.html()
    for words in ["RMSE of each value, in its own unit", "<th scope=\"col\">mass</th>", "RMSE, pooled"] {
      #expect(html.contains(words), "\(words)")
    }
  }

  @Test(
    "a measure of a value that is none is refused as a gate", arguments: ["rmse_x", "rmse_01", "picp_0", "rmse_99"])
  func gates(_ measure: String) throws {
    #expect(throws: RobustnessError.self) { try Self.runner(["errors"], gates: ["errors.\(measure)<=1"]) }
  }

  @Test("reports are compared by the errors of each value, and not by the one over all of them")
  func compared() throws {
    let runner = try Self.runner(["errors"]), report = try runner.report(runner.runAll())
    let names = ReportDifference(report, report).measurements.filter { $0.level == .headline }.map(\.name)
    #expect(names.contains("RMSE of length") && names.contains("CRPS of mass") && !names.contains("RMSE"))
  }

  @Test("a baseline has its errors too")
  func baseline() throws {
    let other = AuditSubject(name: "other", digest: "1", model: try Self.model(scale: 900))
    let runner = try Self.runner(["clean"], others: [other]), report = try runner.report(runner.runAll())
    let own = try #require(report.probes[0].measure("rmse_1")?.value)
    let found = try #require(report.probes[0].others.first?.measure("rmse_1")?.value)
    #expect(own != found)
  }

  @Test("a loss of classes is refused with the one that a regression has")
  func losses() throws {
    _ = try Self.runner(["apgd:loss=ce,steps=2"])
    let error = #expect(throws: RobustnessError.self) { try Self.runner(["apgd:loss=dlr,steps=2"]) }
    #expect(error?.place == "probe apgd loss" && error?.expected.hasPrefix("ce, ") == true)
    #expect { try Self.runner(["apgd:loss=drl,steps=2"]) } throws: { "\($0)".contains("did you mean 'dlr'?") }
  }

  @Test("what attacks made has the right values beside the answers")
  func adversarials() throws {
    let runner = try Self.runner(["clean", "fgsm:epsilon=0.01"]), made = Mutex<[Adversarials]>([])
    _ = try runner.runAll(adversarials: { part in made.withLock { $0.append(part) } })
    let parts = made.withLock { $0 }.sorted { $0.indices[0] < $1.indices[0] }
    #expect(parts.flatMap(\.indices) == Array(0..<Self.count))
    #expect(parts.flatMap { $0.values?.elements ?? [] } == (try Self.data()).values?.elements)
    #expect(parts.allSatisfy { $0.values?.shape == $0.answerValues?.shape })
  }
}
