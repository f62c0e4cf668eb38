import DitherBasics
import DitherGraph
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Measurements")
struct MeasurementTests {
  private func summary(
    _ probe: String, count: Int = 60, sigma: Float = 0, others: [String: Tensor] = [:]
  ) throws -> Summary {
    let model = try Small.model(sigma: sigma)
    let plan = try AuditPlan(
      probes: [ProbeSpec(parsing: probe)], seed: 4, samples: sigma > 0 ? 16 : 0, exampleCount: count,
      inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "small", digest: "sha256:00", model: model),
      data: Small.data(count, for: model),
      otherData: { try others[$0] ?? AuditRunner.noOtherData($0) })
    let report = try runner.report(runner.runAll())
    // What is written is what is read.
    #expect(try Report(json: report.json()).json() == report.json())
    return try #require(report.probes[0].summary)
  }

  private func curve(_ summary: Summary, _ chart: String, _ name: String? = nil) throws -> [Summary.Point] {
    try #require(summary.series.first { $0.chart == chart && (name == nil || $0.name == name) }).points
  }

  @Test("weights: what disturbs them more harms more")
  func weights() throws {
    let noise = try summary("weight_noise:sigmas=0.1;0.5;3")
    let losses = try curve(noise, "Loss under weight noise, L(σ)").map(\.y)
    #expect(losses.count == 4 && losses == losses.sorted() && losses[3] > losses[0] + 0.1)
    let worst = try summary("worst_weights:gammas=0.01;0.1;0.5")
    let accuracies = try curve(worst, "Accuracy under the worst weights").map(\.y)
    #expect(accuracies.count == 4 && accuracies[3] < accuracies[0] - 0.2)
    // At the same radius the worst direction is worse than a random one.
    let climbed = try curve(worst, "Loss under the worst weights")[2].y
    #expect(climbed > losses[1] + 0.01)
    let bits = try summary("quantised_weights:bits=16;2")
    #expect(try abs(#require(bits["accuracy_16_bits"]) - accuracies[0]) < 0.02)
    let flips = try curve(summary("bit_flips:flips=6"), "Accuracy against flipped bits").map(\.y)
    #expect(flips.count == 7 && flips[6] < flips[0] - 0.1)
  }

  /// Against the Hessian in full, from products with the unit vectors.
  @Test("sharpness: eigenvalue and trace")
  func sharpness() throws {
    let model = try Small.model(), data = try Small.data(20, for: model)
    let curvature = try Curvature(model.graph, inputs: data.inputs, labels: data.labels), n = curvature.count
    var trace = 0.0
    for i in 0..<n {
      var unit = [Float](repeating: 0, count: n)
      unit[i] = 1
      trace += Double(try curvature.hessianProduct(unit)[i])
    }
    var vector = [Float](repeating: 1 / Float(n).squareRoot(), count: n), largest = 0.0
    for _ in 0..<60 {
      let next = try curvature.hessianProduct(vector)
      largest = Vectors.length(next)
      vector = Vectors.scaled(next, 1 / largest)
    }
    let found = try summary("sharpness:lanczos=40,vectors=24", count: 20)
    #expect(try abs(#require(found["lambda_max"]) - largest) < 0.05 * largest)
    let estimate = try #require(found.measures.first { $0.name == "trace" })
    let half = try #require(estimate.interval).high - estimate.value
    #expect(abs(estimate.value - trace) < 2.5 * half + 0.02 * trace)
    #expect(try #require(found["sam_sharpness"]) > 0)
    // Along its direction the loss is that parabola, and along others it rises less.
    let lines = try summary("landscape:steps=60,span=0.02,points=2", count: 20)
    let rise = try #require(lines["hessian_rise"]), loss = try #require(lines["loss"])
    #expect(try abs(#require(lines["curvature"]) - largest) < 0.05 * largest)
    let weights = curvature.parameters.filter { $0.shape.rank > 1 }.flatMap { curvature.start[$0.range] }
    let distance = 0.02 * Vectors.length(weights)
    #expect(abs(2 * rise / (distance * distance) - largest) < 0.1 * largest)
    #expect(try rise > #require(lines["random_rise"]))
    let along = try ["mean of 4 random directions", "the largest curvature"].map {
      try curve(lines, "Loss along straight lines from the weights", $0)
    }
    #expect(along.allSatisfy { $0.map(\.x) == [-0.02, -0.01, 0, 0.01, 0.02] && $0[2].y == loss })
    // A block's eigenvalues lie within the whole's (Cauchy).
    for layer in 1...2 {
      #expect(
        try #require(found["lambda_max_layer_\(layer)"]) <= largest * 1.01 && found["trace_layer_\(layer)"] != nil)
    }
  }

  /// The eigenvalues of the second difference are 2 − 2 cos(k π / (n + 1)).
  @Test("Lanczos: a matrix whose eigenvalues are known")
  func lanczos() {
    let n = 30
    let nodes = Lanczos.eigen([Double](repeating: 2, count: n), [Double](repeating: -1, count: n - 1))
    let wanted = (1...n).map { 2 - 2 * cos(Double($0) * .pi / Double(n + 1)) }
    for (found, right) in zip(nodes.map(\.value).sorted(), wanted) { #expect(abs(found - right) < 1e-10) }
    #expect(abs(nodes.reduce(0) { $0 + $1.weight } - 1) < 1e-12)
    let moment = nodes.reduce(0) { $0 + $1.weight * $1.value }
    #expect(abs(moment - 2) < 1e-10)
  }

  @Test("a rescaled net is as flat as it was, in units of its weights")
  func scaleInvariance() throws {
    func found(_ factor: Float) throws -> Summary {
      let model = try Small.model()
      var graph = model.graph
      // A ReLU passes a positive factor on: the function stays.
      for (id, literal) in graph.literals {
        guard case .float(let tensor) = literal else { continue }
        let name = graph.valueNames[id.index]
        if name == "w1" || name == "b1" { graph.literals[id] = .float(factor * tensor) }
        if name == "w2" { graph.literals[id] = .float((1 / factor) * tensor) }
      }
      let plan = try AuditPlan(
        probes: [ProbeSpec(parsing: "sharpness:lanczos=40,vectors=2")], seed: 4, exampleCount: 20,
        inputShape: [1, 4, 4])
      let data = try Small.data(20, for: model)
      let runner = try AuditRunner(
        plan: plan, subject: AuditSubject(name: "s", digest: "", model: Model(graph)), data: data)
      return try #require(runner.report(runner.runAll()).probes[0].summary)
    }
    let plain = try found(1), scaled = try found(8)
    let before = try #require(plain["lambda_max"]), after = try #require(scaled["lambda_max"])
    #expect(after > 2 * before || after < before / 2)
    let own = try #require(plain["relative_lambda_max"])
    #expect(try abs(#require(scaled["relative_lambda_max"]) - own) < 0.1 * own)
  }

  @Test("uncertainty: errors, foreign inputs, prediction sets, draws")
  func uncertainty() throws {
    let selective = try summary("selective", count: 120, sigma: 0.5)
    #expect(try #require(selective["error_auroc_msp"]) > 0.5)
    let risk = try curve(selective, "Risk against coverage", "msp")
    #expect(risk.last?.x == 1 && risk[risk.count / 2].y <= (risk.last?.y ?? 0))
    let white = Tensor([80, 1, 4, 4], repeating: 1),
      ood = try summary(
        "ood:data=white", count: 80, sigma: 0.5, others: ["white": white])
    let auroc = try #require(ood["auroc_mutual_information"])
    #expect((0...1).contains(auroc) && ood["fpr95_msp"] != nil && ood["aupr_msp"] != nil)
    let conformal = try summary("conformal:alpha=0.2", count: 400)
    for kind in ["lac", "aps"] {
      let coverage = try #require(conformal.measures.first { $0.name == "coverage_\(kind)" })
      #expect(try #require(coverage.interval).high >= 0.8, "\(kind)")
    }
    let draws = try summary("samples:most=64", sigma: 0.5)
    let errors = try curve(draws, "Monte-Carlo error against the number of draws").map(\.y)
    // From two draws on: one says nothing of its error.
    #expect(errors.count == 6 && errors[5] < errors[0] / 3)
    let information = try curve(draws, "Uncertainty against the number of draws", "mutual information").map(\.y)
    #expect(information.count == 6 && information[5] > information[0])
    let shift = try summary("shift", count: 100)
    let accuracy = try curve(shift, "Accuracy").map(\.y)
    #expect(accuracy.count == 6 && accuracy[5] < accuracy[0])
  }

  /// By hand: the surest first are right, right, wrong, right.
  @Test("risk and coverage")
  func riskCoverage() {
    let curve = RiskCoverage([true, true, true, false], uncertainty: [0.1, 0.3, 0.2, 0.25])
    #expect(abs(curve.area - (0 + 0 + 1.0 / 3 + 0.25) / 4) < 1e-12)
    #expect(abs(curve.excess - (1.0 / 3 + 0.25 - 0.25) / 4) < 1e-12)
    #expect(curve.coverage(atRisk: 0.25) == 1 && curve.coverage(atRisk: 0.2) == 0.5)
  }

  @Test("gates are kept or not, and read as they are written")
  func gates() throws {
    let model = try Small.model()
    func report(_ gates: [String]) throws -> Report {
      let plan = try AuditPlan(
        probes: [ProbeSpec("clean"), ProbeSpec("calibration"), ProbeSpec(parsing: "pgd:epsilon=0.5,steps=5")], seed: 4,
        exampleCount: 40, inputShape: [1, 4, 4], gates: gates.map { try Gate(parsing: $0) })
      let runner = try AuditRunner(
        plan: plan, subject: AuditSubject(name: "small", digest: "", model: model), data: Small.data(40, for: model))
      return try runner.report(runner.runAll())
    }
    let found = try report([
      "clean>=0.5", "pgd:epsilon=0.5>=0.99", "calibration.ece15<=1", "calibration.adaptive_ece15<=0.9",
      "calibration.adaptive_ece15<=0",
    ])
    #expect(found.gates?.map(\.passed) == [true, false, true, true, false])
    let calibration = try #require(found.probes[1].calibration)
    #expect(found.gates?[3].values == [calibration.adaptiveEce15])
    #expect(found.command.contains("--gate 'clean>=0.5'"))
    #expect(throws: RobustnessError.self) { try report(["fgsm>=0.5"]) }
    for text in ["clean", "clean>=", "clean>=x", ">=0.5=", "pgd:epsilon>=1"] {
      #expect(throws: RobustnessError.self, "\(text)") { try report([text]) }
    }
    for text in ["pgd:epsilon=8/255>=0.4", "calibration.ece15<=0.05"] { #expect(try Gate(parsing: text).text == text) }
  }

  @Test("a gate that no probe of its kind could answer is refused before any work, and so are too many")
  func gatesThatCannotBe() throws {
    let probes = try ["clean", "calibration", "pgd", "deepfool:norm=l2", "gaussian_noise:severity=1", "selective"].map {
      try ProbeSpec(parsing: $0)
    }
    func plan(_ gates: [String]) throws {
      _ = try AuditPlan(
        probes: probes, exampleCount: 1, inputShape: [1, 4, 4], gates: gates.map { try Gate(parsing: $0) })
    }
    func refuses(_ gates: [String], _ words: String) {
      #expect {
        try plan(gates)
      } throws: { ($0 as? RobustnessError).map { "\($0)".contains(words) } ?? false }
    }
    refuses(["clean.foo>=0.1"], "accuracy, clean_accuracy")
    refuses(["clean.ece15<=0.1"], "accuracy, clean_accuracy")
    refuses(["calibration.ece<=0.1"], "did you mean 'ece15'?")
    refuses(["pgd.median_distance>=0.1"], "clean_accuracy")
    refuses(["gaussian_noise.nll<=1"], "clean_accuracy")
    // What a summary will hold is not known before it is made.
    try plan([
      "clean.clean_accuracy>=0.1", "deepfool.median_distance>=0.1", "selective.aurc_msp<=0.5", "selective.other<=0.5",
      "calibration.nll<=1", "calibration.brier<=1",
    ])
    refuses([String(repeating: " ", count: 200) + "clean>=0.5"], "200 characters")
    try plan([String](repeating: "clean>=0.5", count: 200))
    refuses([String](repeating: "clean>=0.5", count: 201), "at most 200")
  }

  @Test("shares stay shares, and what has no interval has none")
  func intervals() throws {
    let noise = try summary("weight_noise:sigmas=0.02;0.3", count: 60)
    let accuracy = try curve(noise, "Accuracy under weight noise")
    // Noise-free answers are labels but for every seventh.
    #expect(accuracy[0].interval == Proportion(52, of: 60).interval)
    for point in accuracy { #expect(try #require(point.interval).high <= 1 && point.y <= 1) }
    #expect(try curve(noise, "Loss under weight noise, L(σ)").allSatisfy { $0.interval != nil })
    let draws = try summary("samples:most=4", sigma: 0.2)
    for point in try curve(draws, "Accuracy against the number of draws") {
      #expect(point.interval == Proportion(Int((point.y * 60).rounded()), of: 60).interval)
    }
    for series in draws.series { for point in series.points { #expect(try #require(point.interval).low >= 0) } }
    for (text, got) in [("2.5", "2.5"), ("8;4.25", "4.25"), ("1", "1"), ("17", "17")] {
      #expect {
        _ = try ProbeSpec("quantised_weights", ["bits": text]).resolved()
      } throws: { "\($0)".contains("bits") && "\($0)".contains(got) }
    }
  }

  @Test("what ranks examples comes with its interval; one answer disagrees with nobody")
  func rankings() throws {
    let white = Tensor([80, 1, 4, 4], repeating: 1)
    for sigma in [0, 0.5] as [Float] {
      let selective = try summary("selective", count: 120, sigma: sigma)
      let ood = try summary("ood:data=white", count: 80, sigma: sigma, others: ["white": white])
      let ranked = ["aurc", "error_auroc"].map { (selective, $0) } + ["auroc", "aupr", "fpr95"].map { (ood, $0) }
      for (found, name) in ranked {
        let measure = try #require(found.measures.first { $0.name == "\(name)_msp" }),
          interval = try #require(measure.interval)
        #expect(interval.low <= measure.value && measure.value <= interval.high, "\(measure)")
        #expect(0 <= interval.low && interval.high <= 1)
        for absent in ["mutual_information", "variation_ratio"] {
          #expect((found["\(name)_\(absent)"] != nil) == (sigma > 0), "\(name)_\(absent)")
        }
      }
      let shift = try summary("shift", count: 50, sigma: sigma)
      #expect(shift.series.contains { $0.name == "mutual_information" } == (sigma > 0))
    }
  }

  @Test("a temperature without a wrong answer is a failure with its reason, and no number")
  func degenerateTemperature() throws {
    let model = try Small.model(), inputs = Tensor.random([50, 1, 4, 4], seed: 5, from: 0, to: 1)
    let plan = try AuditPlan(
      probes: [ProbeSpec("clean"), ProbeSpec("temperature")], exampleCount: 50, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "small", digest: "", model: model),
      data: AuditData(name: "own", inputs: inputs, labels: model.outputs(inputs).labels()))
    let report = try runner.report(runner.runAll())
    #expect(report.probes.map(\.probe) == ["clean"])
    let failure = try #require(report.failures?.first)
    #expect(
      failure.probe == "temperature" && failure.count == 50 && failure.message.contains("25, each answered right"))
  }

  @Test("calibration comes with intervals: the bootstrap's, and Wilson's in each bin")
  func calibrationIntervals() throws {
    func found(_ count: Int) throws -> Calibration {
      let runner = try Small.runner(["calibration"], count: count)
      let report = try runner.report(runner.runAll())
      #expect(try Report(json: report.json()).json() == runner.report(runner.runAll()).json())
      let json = try #require(JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
      let probe = try #require((json["probes"] as? [[String: Any]])?.first?["calibration"] as? [String: Any])
      for name in ["nll", "brier", "ece15", "adaptive_ece15"] {
        #expect((probe["\(name)_interval"] as? [Double])?.count == 2 && probe[name] is Double, "\(name)")
      }
      return try #require(report.probes[0].calibration)
    }
    let few = try found(50), many = try found(450)
    for calibration in [few, many] {
      for (value, interval) in [
        (calibration.nll, calibration.nllInterval), (calibration.brier, calibration.brierInterval),
      ] { #expect(interval.low < value && value < interval.high) }
      #expect(calibration.adaptiveEce15Interval.low < calibration.adaptiveEce15Interval.high)
      for bin in calibration.bins {
        #expect((bin.interval == nil) == (bin.count == 0))
        guard let interval = bin.interval, let accuracy = bin.accuracy else { continue }
        #expect(interval == Proportion(Int((accuracy * Double(bin.count)).rounded()), of: bin.count).interval)
      }
    }
    // Nine times the examples: a third of the width, more or less.
    let shrink = { (a: Interval, b: Interval) in (b.high - b.low) / (a.high - a.low) }
    #expect((0.2...0.5).contains(shrink(few.nllInterval, many.nllInterval)))
  }

  @Test("a budget gives what was found by then, and says so", arguments: [0, 0.1] as [Float])
  func budget(sigma: Float) throws {
    // The attacks and the certificate would take minutes each; at this radius nothing is found, and noise alone breaks some.
    let runner = try Small.runner(
      [
        "square:queries=10000000,epsilon=0.001", "smoothing:n=100000000", "clean",
        "deepfool:steps=100000,restarts=10000,epsilon=0.001",
      ], count: 100, sigma: sigma, samples: sigma > 0 ? 8 : 0, baseline: true)
    // The first of every probe, each with some time, as runAll gives it to them.
    let results = runner.order(hasBudget: true).filter { $0.first == 0 }.compactMap {
      try? runner.run($0, within: TimeLeft(seconds: 0.5))
    }
    let report = try runner.report(results, isPartial: true), incomplete = try #require(report.incomplete)
    #expect(incomplete.endedEarly.map { $0.prefix(6) } == ["square", "deepfo"])
    #expect(incomplete.missingProbes.map { $0.prefix(9) } == ["smoothing"] && incomplete.shardsDone == results.count)
    #expect(report.probes.map(\.n) == [50, 50, 50])
    for attack in [report.probes[0], report.probes[2]] {
      #expect(attack.robustAccuracy <= attack.cleanAccuracy)
      #expect(report.findings.contains { $0.check == "ended_early" && $0.probe.hasPrefix(attack.probe) })
    }
    #expect(report.findings.allSatisfy { $0.check != "unbounded_survivor" })
    #expect(
      report.comparisons.first?.probes.map { $0.sentence.contains("no difference can be said") } == [true, false, true])
    #expect(try Report(json: report.json()).incomplete == incomplete)
    #expect(report.html().contains("ended by the time, leaves at most"))
  }

  @Test("an attack that is ended keeps what it has broken")
  func brokenInTime() throws {
    // At this radius the first steps break everything; what follows would take minutes.
    let runner = try Small.runner(["autoattack:epsilon=0.9,queries=10000000"], count: 10, sigma: 0.3, samples: 4)
    let report = try runner.report(runner.runAll(budget: 2), isPartial: true)
    #expect(report.probes[0].robustAccuracy < 0.5 && report.probes[0].n == 10)
  }

  @Test("a budget of nothing is refused")
  func nothingInTime() throws {
    let runner = try Small.runner(["clean"])
    let nothing = try runner.runAll(budget: 1e-9)
    #expect(nothing.isEmpty)
    #expect { _ = try runner.report(nothing, isPartial: true) } throws: { "\($0)".contains("budget") }
    #expect(throws: RobustnessError.self) { try runner.report(nothing) }
    let whole = try Small.runner(["clean"])
    #expect(try whole.report(whole.runAll(budget: 1000), isPartial: true).incomplete == nil)
  }

  @Test("what it would take is at least what it takes")
  func cost() throws {
    let runner = try Small.runner([
      "clean", "pgd:steps=5", "square:queries=20", "fgsm", "deepfool:steps=5", "fab:steps=4",
      "hopskipjump:steps=3,votes=10,starts=5",
    ])
    let cost = try runner.cost(), report = try runner.report(runner.runAll())
    for (item, probe) in zip(cost.items, report.probes) {
      #expect(item.questions >= probe.questions && item.seconds > 0, "\(item.probe.text)")
    }
  }

  @Test("further models are compared on the same examples")
  func others() throws {
    let model = try Small.model(), data = try Small.data(60, for: model)
    let plan = try AuditPlan(
      probes: [ProbeSpec("clean"), ProbeSpec(parsing: "pgd:epsilon=0.2,steps=5")], exampleCount: 60,
      inputShape: [1, 4, 4])
    func subject(_ name: String, _ seed: UInt64) throws -> AuditSubject {
      AuditSubject(name: name, digest: "", model: try Small.model(seed: seed))
    }
    let runner = try AuditRunner(
      plan: plan, subject: subject("a", 3), others: [subject("b", 8), subject("c", 9), subject("a again", 3)],
      data: data)
    let report = try runner.report(runner.runAll())
    #expect(report.comparisons.map(\.baseline) == ["b", "c", "a again"])
    #expect(report.comparisons[2].probes.allSatisfy { $0.onlyModel == 0 && $0.onlyBaseline == 0 })
    // What is made for one model is tried on the other.
    let probe = report.probes[1], others = probe.others
    #expect(others.count == 3)
    for other in others {
      #expect(other.transferToModel?.perExample.count == 60 && other.transferFromModel?.perExample.count == 60)
      #expect(try #require(other.transferFromModel).accuracy >= other.robustAccuracy)
    }
    #expect(others[2].transferFromModel?.perExample == probe.perExample)
    #expect(others[2].transferToModel?.perExample == probe.perExample)
    #expect(
      others[0].transferFromModel != others[1].transferFromModel && report.probes[0].others[0].transferToModel == nil)
    #expect(report.html().contains("This model, on those of"))
  }
}
