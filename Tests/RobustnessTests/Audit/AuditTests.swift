import DitherBasics
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Synchronization
import Testing

@Suite("Audits")
struct AuditTests {
  static let probes = [
    "clean", "calibration", "fgsm:epsilon=0.1", "pgd:epsilon=0.1,steps=5,restarts=2", "pgd:norm=l2,epsilon=0.5,steps=5",
    "gaussian_noise", "salt_and_pepper:severity=3",
  ]

  @Test("an interrupted audit gives the report of an undisturbed one, byte for byte", arguments: [Float(0), 0.3])
  func resumes(_ sigma: Float) throws {
    let runner = try Small.runner(Self.probes, sigma: sigma, samples: 4, baseline: true)
    let whole = try runner.report(runner.runAll(threads: 1))
    // The journal of a run that was stopped: some shards, in no order, through JSON.
    let journal = try runner.plan.shards.filter { $0.index % 3 == 1 }.reversed().map { shard in
      try JSONDecoder().decode(ShardResult.self, from: JSONEncoder().encode(runner.run(shard)))
    }
    let again = try Small.runner(Self.probes, sigma: sigma, samples: 4, baseline: true)
    let done = Mutex(0)
    let resumed = try again.report(
      again.runAll(known: journal, threads: 3, finished: { _ in done.withLock { $0 += 1 } }))
    #expect(done.withLock { $0 } == runner.plan.shards.count - journal.count)
    #expect(try resumed.json() == whole.json())
    #expect(resumed.html() == whole.html())
  }

  @Test("what is dear and nothing divides is begun first, and the rest stays in its order")
  func order() throws {
    let runner = try Small.runner(["clean", "temperature", "fgsm:epsilon=0.1", "sharpness:examples=100"], count: 200)
    let order = runner.order(hasBudget: false), names = order.map { runner.plan.probes[$0.probe].probe }
    #expect(Set(order.map(\.index)) == Set(runner.plan.shards.indices) && order.count == runner.plan.shards.count)
    // A temperature takes all examples too, and little time.
    #expect(names.first == "sharpness" && names.last == "fgsm" && names.dropFirst().first == "clean", "\(names)")
    #expect(order.dropFirst().map(\.index) == order.dropFirst().map(\.index).sorted())
  }

  @Test("a probe's result does not depend on what else is in the audit")
  func independent() throws {
    let together = try Small.runner(Self.probes, sigma: 0.2), alone = try Small.runner([Self.probes[3]], sigma: 0.2)
    let all = try together.report(together.runAll()), one = try alone.report(alone.runAll())
    #expect(all.probes[3].perExample == one.probes[0].perExample)
  }

  @Test("the report has what it promises")
  func json() throws {
    let runner = try Small.runner(Self.probes, baseline: true)
    let report = try runner.report(runner.runAll())
    let json = try #require(try JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
    for key in ["model", "digest", "data_digest", "seed", "samples", "findings", "comparisons", "command"] {
      #expect(json[key] != nil, "\(key)")
    }
    let probes = try #require(json["probes"] as? [[String: Any]])
    #expect(probes.count == 11)
    for probe in probes {
      let bits = try #require(probe["per_example"] as? [Bool]), interval = try #require(probe["interval"] as? [Double])
      let robust = try #require(probe["robust_accuracy"] as? Double)
      #expect(bits.count == 120 && probe["n"] as? Int == 120)
      #expect(abs(Double(bits.count { $0 }) / 120 - robust) < 1e-12)
      #expect(interval[0] <= robust && robust <= interval[1])
      #expect(probe["clean_accuracy"] is Double && probe["probe"] is String)
    }
    let pgd = try #require(probes[3]["parameters"] as? [String: Any])
    #expect(pgd["epsilon"] as? Double == 0.1 && pgd["steps"] as? Int == 5 && pgd["norm"] as? String == "linf")
    #expect(pgd["relative_step_size"] as? Double == 0.1 && pgd["random_start"] as? Bool == true)
    #expect((probes[5]["parameters"] as? [String: Any])?["severity"] as? Int == 1)
    let calibration = try #require(probes[1]["calibration"] as? [String: Any])
    #expect((calibration["bins"] as? [Any])?.count == 15 && calibration["ece15"] is Double)
    let reread = try Report(json: report.json())
    #expect(try reread.json() == report.json())
    let earlier = String(decoding: try report.json(), as: UTF8.self).replacing(
      "dither.report/2", with: "dither.report/1")
    #expect { _ = try Report(json: Data(earlier.utf8)) } throws: {
      ($0 as? RobustnessError)?.got == "'dither.report/1'"
    }
  }

  @Test("a comparison is paired and says what it means")
  func comparison() throws {
    let runner = try Small.runner(Self.probes, baseline: true)
    let report = try runner.report(runner.runAll())
    let pairs = try #require(report.comparisons.first?.probes)
    #expect(pairs.count == report.probes.count)
    for (pair, probe) in zip(pairs, report.probes) {
      let other = try #require(probe.others.first)
      #expect(pair.onlyModel == zip(probe.perExample, other.perExample).count { $0 && !$1 })
      #expect(abs(pair.difference - (probe.robustAccuracy - other.robustAccuracy)) < 1e-12)
      #expect(pair.interval.low <= pair.difference && pair.difference <= pair.interval.high)
      #expect(pair.sentence.contains("small") && pair.sentence.contains("other"))
    }
  }

  @Test("gradients that lead nowhere are found out")
  func maskedGradients() throws {
    let runner = try Small.runner(["fgsm:epsilon=0.1", "pgd:epsilon=0.1,steps=20"])
    let report = try runner.report(runner.runAll())
    #expect(report.findings.isEmpty)
    #expect(
      Set(report.checks.map(\.check)).isSuperset(
        of: ["random_point_wins", "vanished_gradient", "unbounded_survivor", "more_effort_helps"]))
    let noisy = try Small.runner(["pgd:epsilon=0.1,steps=20"], sigma: 0.1, samples: 8)
    let checks = try noisy.report(noisy.runAll()).checks.map(\.check)
    #expect(Set(checks).isSuperset(of: ["uncertain_loss", "mean_weights_win"]))
  }

  @Test("what cannot be audited is refused")
  func refused() throws {
    let model = try Small.model(), subject = AuditSubject(name: "m", digest: "", model: model)
    let good = try Small.data(10, for: model)
    func attempt(_ count: Int = 10, _ change: (inout AuditData) -> Void) throws {
      var data = good
      change(&data)
      _ = try AuditRunner(
        plan: AuditPlan(probes: [ProbeSpec("clean")], exampleCount: count, inputShape: [1, 4, 4]), subject: subject,
        data: data)
    }
    try attempt { $0.inputs = $0.inputs.reshaped([10, 16]) }
    #expect(throws: RobustnessError.self) { try attempt { $0.inputs = 255 * $0.inputs } }
    #expect(throws: RobustnessError.self) { try attempt { $0.inputs.elements[3] = .nan } }
    #expect(throws: RobustnessError.self) { try attempt { $0.labels.removeLast() } }
    #expect { try attempt { $0.labels[0] = 3 } } throws: { "\($0)".contains("labels, row 0 for 'm'") }
    #expect(throws: RobustnessError.self) { try attempt(11) { _ in } }
    #expect(throws: RobustnessError.self) { try attempt { $0.inputs = Tensor([10, 8], repeating: 0) } }
    let runner = try Small.runner(["clean"])
    #expect(throws: RobustnessError.self) { try runner.report([]) }
    #expect(throws: RobustnessError.self) { _ = try runner.runAll(isCancelled: { true }) }
  }
}
