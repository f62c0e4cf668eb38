import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

import DitherRobustness

@Suite("Probes of uncertainty")
struct UncertaintyProbeTests {
  private func report(_ probes: [String], count: Int, of model: Model? = nil, labels: [Int]? = nil) throws -> Report {
    let model = try model ?? Small.model()
    var data = try Small.data(count, for: model)
    if let labels { data.labels = labels }
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, seed: 4, exampleCount: count, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "small", digest: "", model: model), data: data)
    return try runner.report(runner.runAll())
  }

  @Test("too few examples for a threshold are a finding", arguments: ["conformal", "shift", "conformal:alpha=0.05"])
  func tooFew(_ probe: String) throws {
    let few = try report([probe], count: 10),
      finding = try #require(few.findings.first { $0.check == "conformal_examples" })
    #expect(finding.message.contains("5 examples") && finding.message.contains("No finite threshold"))
    #expect(few.probes[0].summary?["threshold_lac"] == nil)
    let enough = try report([probe], count: 40)
    #expect(enough.checks.contains { $0.check == "conformal_examples" && $0.passed })
    // Remarks are checks, and no part of the summary's JSON.
    #expect(try !String(decoding: few.json(), as: UTF8.self).contains("remarks"))
  }

  @Test("intervals do not depend on the order of examples that are tied")
  func ties() throws {
    var graph = try Small.model().graph
    graph.noise = nil
    let model = try Model(graph), kinds = try Small.data(6, for: model)
    let labels = (0..<60).map { (kinds.labels[$0 % 6] + ($0 % 4 == 0 ? 1 : 0)) % 3 }
    func intervals(_ order: [Int]) throws -> [Interval?] {
      let data = AuditData(
        name: "tied", inputs: kinds.inputs.rows(at: order.map { $0 % 6 }), labels: order.map { labels[$0] })
      let plan = try AuditPlan(
        probes: [ProbeSpec("calibration"), ProbeSpec("selective")], seed: 4, exampleCount: 60, inputShape: [1, 4, 4])
      let runner = try AuditRunner(
        plan: plan, subject: AuditSubject(name: "small", digest: "", model: model), data: data)
      let probes = try runner.report(runner.runAll()).probes, calibration = try #require(probes[0].calibration)
      return [calibration.ece15Interval, calibration.adaptiveEce15Interval]
        + probes.flatMap { $0.summary?.measures.map(\.interval) ?? [] }
    }
    let own = try intervals(Array(0..<60)), other = try intervals((0..<60).map { ($0 * 37 + 11) % 60 })
    #expect(own.count > 4 && own == other)
  }

  @Test("one set has a size, and no interval of it")
  func oneSet() throws {
    let summary = try #require(report(["conformal"], count: 1).probes[0].summary)
    #expect(summary.measures.first { $0.name == "set_size_lac" }.map { $0.interval == nil } == true)
  }

  @Test("class-conditional thresholds name the classes that have too few examples")
  func classConditional() throws {
    let labels = (0..<200).map { $0 < 4 ? 2 : $0 % 2 }
    let found = try report(["conformal:class_conditional=true"], count: 200, labels: labels)
    let finding = try #require(found.findings.first { $0.check == "conformal_examples" })
    #expect(finding.message.contains("1 of 3 classes have fewer (class 2)"))
    var graph = try Small.model().graph
    graph.metadata[Graph.labelsKey] = #"["cat","dog","cow"]"#
    let named = try report(
      ["conformal:class_conditional=true"], count: 200, of: Model(graph), labels: labels)
    #expect(named.findings.contains { $0.message.contains("1 of 3 classes have fewer ('cow')") })
    #expect(named.probes[0].summary?.measures.contains { $0.meaning.contains("lowest, '") } == true)
    let summary = try #require(found.probes[0].summary)
    #expect(summary["worst_class_coverage_lac"] != nil && summary["set_size_aps"].map { $0 >= 1 } == true)
    #expect(summary["threshold_lac"] == nil)
  }

  /// Logits of some hundreds, as an overfit model's on what it has not seen.
  @Test("NLL of a report is of the logits, and of a model that gives probabilities the cut is said")
  func uncut() throws {
    func model(_ scale: Float, softmax: Bool) throws -> Model {
      let builder = GraphBuilder(name: "sure"), x = try builder.flatten(builder.input("x", [1, 4, 4]))
      let weight = Tensor.random([3, 16], seed: 3, from: -scale, to: scale)
      let z = try builder.dense(x, builder.parameter("w", weight), nil, name: "fc")
      return try Model(builder.finish(outputs: [("y", softmax ? builder.softmax(z) : z)]))
    }
    let logits = try model(500, softmax: false), found = try report(["calibration"], count: 40, of: logits)
    let data = try Small.data(40, for: logits), z = try logits.outputs(data.inputs)
    let losses = data.labels.enumerated().map { row, label in
      Double(z.row(row).max() ?? 0) - Double(Array(z.row(row))[label])
    }
    let nll = try #require(found.probes[0].calibration).nll
    #expect(abs(nll - losses.reduce(0, +) / 40) < 0.01 * nll && nll > 36.05)
    #expect(!found.checks.contains { $0.check == "zero_probability" })
    let cut = try report(["calibration"], count: 40, of: model(500, softmax: true))
    #expect(cut.probes[0].calibration?.nll.isFinite == true)
    if cut.probes[0].calibration.map({ abs($0.nll - nll) > 0.01 * nll }) == true {
      #expect(cut.findings.contains { $0.check == "zero_probability" })
    }
  }

  @Test("class-wise calibration error comes with its interval, and gates know it")
  func classwise() throws {
    let found = try #require(report(["calibration"], count: 100).probes[0].summary?.measures.first)
    let interval = try #require(found.interval)
    #expect(found.name == "classwise_ece15" && interval.low < interval.high && found.value > 0)
    _ = try AuditPlan(
      probes: [ProbeSpec("calibration")], exampleCount: 10, inputShape: [1, 4, 4],
      gates: [Gate(parsing: "calibration.classwise_ece15<=0.1")])
  }
}
