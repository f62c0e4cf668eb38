import DitherBasics
import DitherGraph
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Regressions are audited by their errors, and right where these are within a tolerance.
@Suite("Audits of regressions")
struct RegressionAuditTests {
  private static let weights: [Float] = [0.8, -1.5, 0.25, 2]
  private static let bias: Float = 0.3

  /// w · x + b, of which what an attack can do is known; with a variance where it is one.
  private static func model(logVariance: [Float]? = nil, sigma: Float = 0) throws -> Model {
    let builder = GraphBuilder(name: "line"), x = builder.input("x", [4])
    let rows = weights + (logVariance ?? [])
    let w = Tensor([rows.count / 4, 4], rows), b = Tensor([rows.count / 4], logVariance == nil ? [bias] : [bias, -2])
    let y = try builder.dense(x, builder.parameter("w", w), builder.parameter("b", b), name: "fc")
    var graph = builder.finish(outputs: [("y", y)])
    graph.metadata["dither.task"] = logVariance == nil ? "regression" : "gaussian_regression"
    if sigma > 0 { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return try Model(graph)
  }

  /// Far enough from 0 and 1 for every attack of these tests.
  private static let inputs = Tensor.random([60, 4], seed: 9, from: 0.3, to: 0.7)
  /// What the model is off by.
  private static let errors = (0..<60).map { Float($0 % 2 == 0 ? 1 : -1) * Float($0) / 100 }

  private static func line(_ row: Int, of inputs: Tensor = inputs) -> Float {
    zip(inputs.row(row), weights).reduce(bias) { $0 + $1.0 * $1.1 }
  }

  private static func data(of inputs: Tensor = inputs, tolerance: Double? = 0.405) -> AuditData {
    let count = inputs.rowCount
    var data = AuditData(
      name: "line", inputs: inputs,
      values: Tensor([count, 1], (0..<count).map { line($0, of: inputs) + errors[$0 % 60] }))
    data.tolerance = tolerance
    return data
  }

  private static func runner(
    _ probes: [String], battery: String? = nil, _ model: Model, _ data: AuditData = data(), samples: Int = 0,
    gates: [String] = []
  ) throws -> AuditRunner {
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, battery: battery, seed: 3, samples: samples,
      exampleCount: data.labels.count, inputShape: [4], isRegression: data.values != nil,
      gates: gates.map { try Gate(parsing: $0) })
    return try AuditRunner(plan: plan, subject: AuditSubject(name: "line", digest: "", model: model), data: data)
  }

  private static func rms(_ values: [Double]) -> Double {
    (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
  }

  struct Row: Sendable {
    var probe: String
    var norm: String
    /// Of the weights, in the dual norm: a unit of epsilon raises the error by as much.
    var dual: Double
  }

  private static let ofWeights = (
    l1: 4.55, l2: Double(0.64 + 2.25 + 0.0625 + 4).squareRoot(), linf: 2.0
  )

  @Test(
    "an attack raises the error of a line by epsilon times the dual norm of its weights",
    arguments: ["fgsm", "pgd:steps=20", "apgd:steps=20", "mi_fgsm"].flatMap { name in
      [
        Row(probe: name, norm: "linf", dual: ofWeights.l1), Row(probe: name, norm: "l2", dual: ofWeights.l2),
        Row(probe: name, norm: "l1", dual: ofWeights.linf),
      ]
    })
  func line(_ row: Row) throws {
    let epsilon = 0.05, text = row.probe + (row.probe.contains(":") ? "," : ":") + "norm=\(row.norm),epsilon=\(epsilon)"
    guard (try? ProbeSpec(parsing: text).resolved()) != nil else { return }
    let runner = try Self.runner([text], Self.model()), report = try runner.report(runner.runAll())
    let probe = report.probes[0], summary = try #require(probe.summary)
    let expected = Self.errors.map { abs(Double($0)) + epsilon * row.dual }
    // Steps of l1 change one feature or few, and may end a little short of the ball's edge.
    let tolerance = row.norm == "linf" ? 2e-3 : 0.03
    let rmse = try #require(summary["rmse"])
    #expect(abs(rmse - Self.rms(expected)) < tolerance * Self.rms(expected), "\(summary)")
    let rmseClean = try #require(summary["rmse_clean"])
    #expect(abs(rmseClean - Self.rms(Self.errors.map(Double.init))) < 1e-4)
    let right = Double(expected.count { $0 <= 0.405 }) / 60
    #expect(abs(probe.robustAccuracy - right) <= 2.0 / 60 && probe.cleanAccuracy == 41.0 / 60)
    #expect(report.findings.filter { $0.check == "random_point_wins" }.isEmpty)
  }

  @Test(
    "a search by chance finds no more than there is, and something",
    arguments: ["square:queries=100", "additive_noise:repeats=50"])
  func blackBox(_ name: String) throws {
    let runner = try Self.runner([name + ",norm=linf,epsilon=0.05"], Self.model())
    let rmse = try #require(runner.report(runner.runAll()).probes[0].summary?["rmse"])
    #expect(rmse <= Self.rms(Self.errors.map { abs(Double($0)) + 0.05 * Self.ofWeights.l1 }) + 1e-4)
    #expect(rmse > 1.1 * Self.rms(Self.errors.map(Double.init)))
  }

  @Test("errors are those of a direct computation, of a model with a variance of its own")
  func measures() throws {
    let model = try Self.model(logVariance: [0, 0, 0, 0]), variance = exp(-2.0)
    let runner = try Self.runner(["errors"], model), report = try runner.report(runner.runAll())
    let summary = try #require(report.probes[0].summary), errors = Self.errors.map(Double.init)
    func mean(_ body: (Double) -> Double) -> Double { errors.reduce(0) { $0 + body($1) } / 60 }
    let deviation = variance.squareRoot()
    func close(_ name: String, _ value: Double) throws {
      let found = try #require(summary[name])
      #expect(abs(found - value) < 1e-5 * max(abs(value), 1), "\(name): \(found), not \(value)")
    }
    try close("rmse", Self.rms(errors))
    try close("mae", mean(abs))
    try close("nll", mean { (log(2 * .pi * variance) + $0 * $0 / variance) / 2 })
    try close("picp", mean { abs($0) <= 1.959963984540054 * deviation ? 1 : 0 })
    try close("interval_width", 2 * 1.959963984540054 * deviation)
    // Gneiting and Raftery 2007, (21).
    try close(
      "crps",
      mean { error in
        let z = error / deviation
        return deviation
          * (z * erf(z / 2.0.squareRoot()) + (2 / Double.pi).squareRoot() * exp(-z * z / 2) - 1 / Double.pi.squareRoot())
      })
    for measure in summary.measures where measure.name != "interval_width" {
      let interval = try #require(measure.interval, "\(measure.name) has its interval")
      #expect(interval.low <= measure.value && measure.value <= interval.high)
    }
    let curve = try #require(summary.series.first { $0.chart == "Coverage of its own intervals" })
    #expect(curve.points.map(\.y) == curve.points.map(\.y).sorted())
  }

  @Test("of a random model the mean answers, and it has intervals")
  func random() throws {
    let runner = try Self.runner(
      ["errors", "pgd:norm=linf,epsilon=0.05,steps=5,relative_step_size=0.5,draws=4,most_draws=16"],
      Self.model(sigma: 0.05), samples: 16)
    let report = try runner.report(runner.runAll())
    let clean = try #require(report.probes[0].summary), attacked = try #require(report.probes[1].summary)
    for name in ["rmse", "nll", "crps", "picp", "interval_width"] {
      #expect(clean[name] != nil && attacked[name] != nil, "\(name)")
    }
    let exact = Self.rms(Self.errors.map { abs(Double($0)) + 0.05 * Self.ofWeights.l1 })
    let worse = try #require(attacked["rmse"])
    #expect(abs(worse - exact) < 0.1 * exact)
    #expect(report.probes[1].noiseOff != nil && report.samples == 16)
  }

  @Test("a table is attacked within its bounds, in shares of its features' ranges")
  func table() throws {
    let scales: [Float] = [10, 1, 100, 1]
    let inputs = Tensor([60, 4], Self.inputs.elements.enumerated().map { $1 * scales[$0 % 4] })
    var data = Self.data(of: inputs)
    data.features = Features(low: [0, 0, 0, 0], high: [10, 1, 100, 1], fixed: [3])
    let runner = try Self.runner(["fgsm:norm=linf,epsilon=0.05"], Self.model(), data)
    let report = try runner.report(runner.runAll()), rmse = try #require(report.probes[0].summary?["rmse"])
    let reach = 0.05 * Double(0.8 * 10 + 1.5 + 0.25 * 100)
    #expect(abs(rmse - Self.rms(Self.errors.map { abs(Double($0)) + reach })) < 1e-2)
  }

  @Test("batteries ask what a regression can answer; gates bound its errors; pages show them")
  func battery() throws {
    let runner = try Self.runner(
      [], battery: "smoke", Self.model(), gates: ["errors.rmse<=1", "clean.mae<=0.001"])
    let report = try runner.report(runner.runAll()), names = report.probes.map(\.probe)
    #expect(Array(names.prefix(2)) == ["clean", "errors"] && names.contains("pgd") && !names.contains("calibration"))
    #expect(report.gates?.map(\.passed) == [true, false])
    #expect(report.tolerance == [0.405] && report.examples == nil && report.classes == nil)
    #expect(report.command.contains("--tolerance 0.405"))
    let html = report.html(), again = try Report(json: report.json())
    #expect(html.contains("Errors under every condition") && html.contains("within 0.405 of the true value"))
    #expect(
      again.tolerance == [0.405] && Verdict(report).rows.contains { $0.name == "errors" && $0.value.hasPrefix("RMSE") })
  }

  @Test("the tolerance is half the values' deviation where none is said")
  func tolerance() throws {
    let data = Self.data(tolerance: nil), values = try #require(data.values).elements.map(Double.init)
    let mean = values.reduce(0, +) / 60, half = Self.rms(values.map { $0 - mean }) / 2
    let runner = try Self.runner(["clean"], Self.model(), data), report = try runner.report(runner.runAll())
    let inForce = try #require(report.tolerance?.first)
    #expect(abs(inForce - half) < 1e-6 && !report.command.contains("--tolerance"))
    #expect(report.probes[0].cleanAccuracy == Double(Self.errors.count { abs(Double($0)) <= half }) / 60)
    let constant = AuditData(
      name: "one", inputs: Self.inputs, values: Tensor([60, 1], [Float](repeating: 2, count: 60)))
    expectRefusal("tolerance") { _ = try Self.runner(["clean"], Self.model(), constant) }
    expectRefusal("tolerance") { _ = try Self.runner(["clean"], Self.model(), Self.data(tolerance: -1)) }
  }

  @Test(
    "probes of classes are refused, as is a class to lead to",
    arguments: ["calibration", "conformal", "deepfool", "autoattack", "hopskipjump", "pgd:target=next", "smoothing"])
  func refused(_ probe: String) throws {
    expectRefusal("probe \(probe.prefix { $0 != ":" })") { _ = try Self.runner([probe], Self.model()) }
  }

  @Test("classes and values do not go together")
  func kinds() throws {
    let labeled = AuditData(name: "labels", inputs: Self.inputs, labels: [Int](repeating: 0, count: 60))
    expectRefusal("targets") { _ = try Self.runner(["clean"], Self.model(), labeled) }
    let wide = AuditData(name: "wide", inputs: Self.inputs, values: Tensor(zeros: [60, 2]))
    expectRefusal("targets") { _ = try Self.runner(["clean"], Self.model(), wide) }
    let classifier = try Small.model()
    let runner = { (data: AuditData) in
      try AuditRunner(
        plan: AuditPlan(
          probes: [ProbeSpec("errors")], exampleCount: 20, inputShape: [1, 4, 4], isRegression: data.values != nil),
        subject: AuditSubject(name: "c", digest: "", model: classifier), data: data)
    }
    expectRefusal("probe errors") { _ = try runner(Small.data(20, for: classifier)) }
    let inputs = Tensor.random([20, 1, 4, 4], seed: 2, from: 0, to: 1)
    expectRefusal("targets") {
      _ = try runner(AuditData(name: "v", inputs: inputs, values: Tensor.random([20, 1], seed: 3)))
    }
  }

  /// An error whose place holds these words.
  private func expectRefusal(_ place: String, _ body: () throws -> Void, line: Int = #line) {
    #expect { try body() } throws: { error in
      (error as? any AnyFault).map { $0.place.contains(place) } ?? false
    }
  }

  @Test("what has no answer is wrong, and in no error")
  func unanswered() throws {
    let builder = GraphBuilder(name: "fragile"), x = builder.input("x", [4])
    let one = try builder.divide(x, x), zero = try builder.subtract(one, one)
    let w = builder.parameter("w", Tensor([1, 4], Self.weights)), b = builder.parameter("b", Tensor([1], [Self.bias]))
    var graph = builder.finish(outputs: [("y", try builder.dense(builder.add(x, zero), w, b, name: "fc"))])
    graph.metadata["dither.task"] = "regression"
    var inputs = Self.inputs
    inputs.replaceRow(20, with: [0, 0.5, 0.5, 0.5])
    let runner = try Self.runner(["clean", "errors"], Model(graph), Self.data(of: inputs))
    let report = try runner.report(runner.runAll()), summary = try #require(report.probes[1].summary)
    #expect(summary["unanswered"] == 1 && summary.measures.first { $0.name == "rmse" }?.n == 59)
    #expect(!report.probes[0].perExample[20] && report.failures?.contains { $0.countedWrong == true } == true)
  }

  @Test("an attack that finds an input without an answer has won, and the errors go on without it")
  func overflows() throws {
    let builder = GraphBuilder(name: "overflowing"), x = builder.input("x", [4])
    // NaN where the first two features sum up to more than 1.2: a hidden unit of infinity times 0.
    let first = builder.parameter("w0", Tensor([2, 4], [2.8e38, 2.8e38, 0, 0] + [0.4, 0.4, 1, 1]))
    let second = builder.parameter("w1", Tensor([1, 2], [0, 1]))
    let hidden = try builder.relu(
      builder.dense(x, first, builder.parameter("b0", Tensor(zeros: [2])), name: "fc0"))
    var graph = builder.finish(
      outputs: [("y", try builder.dense(hidden, second, builder.parameter("b1", Tensor(zeros: [1])), name: "fc1"))])
    graph.metadata["dither.task"] = "regression"
    let model = try Model(graph), inputs = Tensor.random([40, 4], seed: 12, from: 0.1, to: 0.55)
    var data = AuditData(
      name: "own", inputs: inputs, values: try model.outputs(inputs).map { $0.isFinite ? $0 + 0.01 : 1 })
    data.tolerance = 1
    for probe in ["fgsm", "pgd", "apgd", "square:queries=60", "additive_noise"] {
      let text = probe + (probe.contains(":") ? "," : ":") + "norm=linf,epsilon=0.3"
      let runner = try Self.runner([text], model, data)
      let report = try runner.report(runner.runAll()), found = try #require(report.probes.first)
      let wrong = found.perExample.count { !$0 }, unanswered = found.summary?["unanswered"] ?? 0
      #expect(Double(wrong) == unanswered && wrong > 0, "\(probe): \(wrong) wrong, \(unanswered) without an answer")
      #expect(found.summary?["rmse"]?.isFinite == true)
    }
  }

  @Test("each of several values is led to both sides, where together they lead nowhere", arguments: ["fgsm", "pgd"])
  func twins(_ name: String) throws {
    let builder = GraphBuilder(name: "twins"), x = builder.input("x", [4])
    let w = Tensor([2, 4], Self.weights + Self.weights), b = Tensor([2], [Self.bias, Self.bias])
    let y = try builder.dense(x, builder.parameter("w", w), builder.parameter("b", b), name: "fc")
    var graph = builder.finish(outputs: [("y", y)])
    graph.metadata["dither.task"] = "regression"
    // The one answer is too low by as much as the other is too high.
    var data = AuditData(
      name: "twins", inputs: Self.inputs,
      values: Tensor([60, 2], (0..<60).flatMap { [Self.line($0) + 0.2, Self.line($0) - 0.2] }))
    data.tolerance = 0.3
    let runner = try Self.runner(["\(name):norm=linf,epsilon=0.05"], Model(graph), data)
    let report = try runner.report(runner.runAll())
    #expect(report.probes[0].cleanAccuracy == 1 && report.probes[0].robustAccuracy == 0)
    #expect(report.findings.isEmpty, "\(report.findings)")
  }

  @Test("a tolerance is part of what an audit is, and reports of two tolerances compare errors alone")
  func tolerances() throws {
    func runner(_ tolerance: Double) throws -> AuditRunner {
      try Self.runner(["clean", "errors", "fgsm:epsilon=0.05"], Self.model(), Self.data(tolerance: tolerance))
    }
    let strict = try runner(0.2), loose = try runner(0.5)
    let names = { (runner: AuditRunner) in runner.identity.first { $0.name == "tolerance" }?.value }
    #expect(names(strict) == "0.2" && names(loose) == "0.5")
    let reports = try [strict, loose].map { try $0.report($0.runAll()) }
    let found = ReportDifference(reports[0], reports[1])
    #expect(!found.measurements.contains { $0.isShare && $0.level != .measure })
    #expect(found.measurements.contains { $0.name == "RMSE" && $0.outcome == .same && $0.level == .headline })
    #expect(found.onlySecond.contains { $0.contains("within 0.5") })
    for wrong in [1e-9, 1e9, .infinity] { expectRefusal("tolerance") { _ = try runner(wrong) } }
  }

  @Test("a variance of 0 has no likelihood, which is said")
  func zeroVariance() throws {
    let builder = GraphBuilder(name: "sure"), x = builder.input("x", [4])
    let w = Tensor([2, 4], Self.weights + [0, 0, 0, 0]), b = Tensor([2], [Self.bias, -900])
    let y = try builder.dense(x, builder.parameter("w", w), builder.parameter("b", b), name: "fc")
    var graph = builder.finish(outputs: [("y", y)])
    graph.metadata["dither.task"] = "gaussian_regression"
    let runner = try Self.runner(["errors"], Model(graph)), report = try runner.report(runner.runAll())
    #expect(report.probes[0].summary?["nll"] == nil && report.findings.contains { $0.check == "zero_variance" })
  }
}
