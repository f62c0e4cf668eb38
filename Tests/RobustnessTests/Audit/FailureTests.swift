import DitherBasics
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Examples that fail")
struct FailureTests {
  /// Sixty examples, of which the 13th and the 14th are poison.
  private static func runner(
    _ probes: [String], battery: String? = nil, poison: [Int] = [13, 14], from start: Int = 0
  ) throws -> AuditRunner {
    let model = try Small.fragile(), data = try Small.data(60, for: model)
    var poisoned = data
    for row in poison {
      var pixels = Array(data.inputs.row(row))
      pixels[5] = 0
      poisoned.inputs.replaceRow(row, with: pixels[...])
    }
    poisoned.inputs = poisoned.inputs.rows(start..<60)
    poisoned.labels.removeFirst(start)
    poisoned.start = start
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, battery: battery, exampleCount: 60 - start,
      inputShape: [1, 4, 4])
    return try AuditRunner(
      plan: plan, subject: AuditSubject(name: "fragile", digest: "sha256:00", model: model), data: poisoned)
  }

  @Test("they are counted and listed, and the audit goes on")
  func listed() throws {
    let runner = try Self.runner([
      "clean", "calibration", "fgsm:epsilon=0.001", "selective", "conformal", "temperature",
    ])
    let results = try runner.runAll(threads: 2)
    let report = try runner.report(results)
    #expect(report.probes.map(\.probe) == ["clean", "calibration", "fgsm", "selective", "conformal"])
    // An answer that is no number is a wrong one; a probability that is none cannot be measured.
    #expect(report.probes.map(\.n) == [60, 58, 60, 58, 58])
    #expect(!report.probes[0].perExample[13] && !report.probes[2].perExample[14])
    let failures = try #require(report.failures)
    // Neighbors that fail alike are one.
    #expect(
      failures.map(\.probe) == ["clean", "calibration", "fgsm:epsilon=0.001", "selective", "conformal", "temperature"])
    #expect(failures.map(\.example) == [13, 13, 13, 13, 13, 0])
    #expect(failures.map(\.count) == [2, 2, 2, 2, 2, 60])
    #expect(failures.map(\.countedWrong) == [true, nil, true, nil, nil, nil])
    #expect(failures.allSatisfy { $0.message.contains("finite") })
    // Each reason once.
    let reasons = report.failuresByReason
    #expect(reasons.map(\.probes.count) == [2, 3, 1] && reasons.map(\.countedWrong) == [true, false, false])
    let html = report.html()
    #expect(html.contains("<h2>Left out</h2>") && html.contains("<h2>Without an answer</h2>"))
    #expect(html.contains("2 examples from 13 on: expected a finite answer to the example as it is"))
    // Through the journal, byte for byte.
    let journal = try results.map { try JSONDecoder().decode(ShardResult.self, from: JSONEncoder().encode($0)) }
    #expect(try runner.report(journal).json() == report.json())
    #expect(try Report(json: report.json()).json() == report.json())
  }

  @Test("a part's examples keep their numbers, and with them what is random about them")
  func part() throws {
    let probes = ["calibration", "gaussian_noise:severity=5", "fgsm:epsilon=0.3"]
    let whole = try Self.runner(probes), part = try Self.runner(probes, from: 4)
    let all = try whole.report(whole.runAll()), some = try part.report(part.runAll())
    func listed(_ report: Report) -> [String] {
      (report.failures ?? []).flatMap { failure in
        (failure.example..<failure.example + failure.count).filter { $0 >= 4 }.map {
          "\($0) \(failure.probe) \(failure.message)"
        }
      }
    }
    #expect(listed(some) == listed(all) && some.failures?.allSatisfy { $0.example >= 4 } == true)
    #expect(some.failures?.first { $0.probe == "calibration" }?.example == 13)
    for (one, other) in zip(all.probes.dropFirst(), some.probes.dropFirst()) {
      #expect(other.n == 56 && other.perExample == Array(one.perExample.dropFirst(4)))
    }
    #expect(Set(all.probes[1].perExample).count == 2)
  }

  @Test("the others' numbers are those of an audit without them")
  func others() throws {
    let with = try Self.runner(["calibration"]), whole = try Self.runner(["calibration"], poison: [])
    let some = try with.report(with.runAll()).probes[0], all = try whole.report(whole.runAll()).probes[0]
    #expect(some.perExample == all.perExample.enumerated().filter { ![13, 14].contains($0.offset) }.map(\.element))
  }

  @Test("an answer that is no number is a wrong one for attacks as for the judge")
  func noAnswer() throws {
    // A pixel at 0 makes NaN: every example is in reach of it, and no gradient leads there.
    let runner = try Small.runner(
      of: Small.fragile(), ["additive_noise:norm=linf,epsilon=1,repeats=40", "square:norm=linf,epsilon=1,queries=40"])
    let report = try runner.report(runner.runAll(threads: 2))
    #expect(report.probes.allSatisfy { $0.robustAccuracy == 0 })
    // What the attack did is listed as such: of the examples that are right as they are.
    let failures = try #require(report.failures)
    for probe in report.probes {
      let listed = failures.filter { $0.probe.hasPrefix(probe.probe) }
      #expect(listed.allSatisfy { $0.countedWrong == true && $0.message.contains("under the probe") })
      let rows = Set(listed.flatMap { $0.example..<$0.example + $0.count })
      #expect(!rows.isEmpty && rows.allSatisfy { probe.perExampleClean[$0] && !probe.perExample[$0] })
    }
    #expect(!report.findings.contains { $0.check == "random_point_wins" })
    let answer = Answer(losses: [0, 0], gradient: nil, scores: Tensor([2, 2], [.nan, 1, 0, .infinity]))
    #expect(answer.meets([.untargeted(label: 1), .targeted(to: 1)]) == [true, false])
    #expect(answer.margins([.untargeted(label: 1), .targeted(to: 1)]) == [.infinity, -.infinity])
  }

  @Test("of the models beside the audited one it is said which had no answer")
  func beside() throws {
    let fragile = try Small.fragile(), sound = try Small.model()
    var data = try Small.data(30, for: sound)
    var pixels = Array(data.inputs.row(20))
    pixels[5] = 0
    data.inputs.replaceRow(20, with: pixels[...])
    func subject(_ name: String, _ model: Model) -> AuditSubject {
      AuditSubject(name: name, digest: "sha256:00", model: model)
    }
    let plan = try AuditPlan(probes: [ProbeSpec("clean")], exampleCount: 30, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: subject("sound", sound),
      others: [subject("weak", fragile), subject("other", sound), subject("third", fragile)], data: data)
    let report = try runner.report(runner.runAll())
    #expect(report.failures?.count == 1 && report.failures?.first?.example == 20)
    #expect(report.failures?.first?.message.hasSuffix("from weak, third") ?? false)
  }

  @Test("no probe falls over an answer that is no number, and none of them counts one as right")
  func everyProbe() throws {
    let model = try Small.overflowing()
    let inputs = Tensor.random([60, 1, 4, 4], seed: 8, from: 0, to: 1)
    let order = (0..<60).sorted {
      (inputs.row($0).prefix(2).reduce(0, +), $0) < (inputs.row($1).prefix(2).reduce(0, +), $1)
    }
    let sorted = inputs.rows(at: order), answers = try model.outputs(sorted).labels()
    let broken = answers.indices.filter { answers[$0] == Label.none }
    #expect(broken.count > 10 && broken.allSatisfy { $0 > 8 })
    // Class 0 is the first: what takes NaN for the first maximum would call it right.
    let data = AuditData(name: "own", inputs: sorted, labels: answers.map { max($0, 0) })
    let names = try Catalog<ProbeKind>.probes.entries.filter { try $0.name != "ood" && $0.probe().takesClasses }
      .map(\.name)
    let quick = ["smoothing": ["n": "200", "n0": "20"]]
    let plan = try AuditPlan(
      probes: names.map { ProbeSpec($0, quick[$0] ?? [:]) }, seed: 2, exampleCount: 60, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "overflowing", digest: "sha256:00", model: model), data: data)
    let report = try runner.report(runner.runAll(threads: 2))
    let clean = try #require(report.probes.first)
    #expect(clean.perExample.indices.filter { !clean.perExample[$0] } == broken)
    for probe in report.probes where probe.n == 60 {
      #expect(broken.allSatisfy { !probe.perExampleClean[$0] }, "\(probe.probe)")
      if probe.kind == .attack { #expect(broken.allSatisfy { !probe.perExample[$0] }, "\(probe.probe)") }
    }
    // Every probe says so of every one of them.
    for probe in runner.plan.probes {
      let listed = Set(
        (report.failures ?? []).filter { $0.probe == probe.text }.flatMap { $0.example..<$0.example + $0.count })
      #expect(listed.isSuperset(of: broken), "\(probe.text)")
    }
    #expect(try Report(json: report.json()).json() == report.json())
    #expect(report.html().contains("Without an answer"))
  }

  @Test("to the probes of weights they are wrong, and the others' losses and gradients are what they are without them")
  func weights() throws {
    let probes = [
      "worst_weights:gammas=0.2", "bit_flips:flips=3", "quantised_weights", "sharpness:lanczos=4,vectors=1",
      "weight_noise:sigmas=0.1,draws=4", "landscape:directions=2,points=2,steps=3",
    ]
    let with = try Self.runner(probes), without = try Self.runner(probes, poison: [])
    let some = try with.report(with.runAll()), all = try without.report(without.runAll())
    #expect(some.failures?.map(\.example) == [Int](repeating: 13, count: probes.count))
    #expect(some.probes.allSatisfy { $0.n == 60 })
    for (probe, other) in zip(some.probes, all.probes) {
      let found = try #require(probe.summary), expected = try #require(other.summary)
      #expect(found.measures.map(\.name) == expected.measures.map(\.name) && !found.measures.isEmpty)
      for (one, other) in zip(found.measures, expected.measures) {
        let room = one.name.hasPrefix("accuracy") ? 0.1 : 0.3 * abs(other.value) + 0.05
        #expect(abs(one.value - other.value) <= room, "\(probe.probe) \(one.name) \(one.value) \(other.value)")
      }
    }
    let worst = try #require(some.probes[0].summary?.measures.first)
    #expect(worst.value < some.probes[0].cleanAccuracy - 0.05)
    #expect(some.probes[3].summary?.measures.first { $0.name == "sam_sharpness" }.map { $0.value > 0 } == true)
  }

  @Test("where nothing can be judged the audit fails, with the reason")
  func nothing() throws {
    let runner = try Self.runner(["temperature"])
    let results = try runner.runAll()
    #expect { _ = try runner.report(results) } throws: { "\($0)".contains("example 13: expected a finite answer") }
  }

  @Test("an example of a probe's other data is told as one")
  func foreign() throws {
    let model = try Small.fragile(), data = try Small.data(4, for: model)
    var other = data.inputs
    var pixels = Array(other.row(2))
    pixels[5] = 0
    other.replaceRow(2, with: pixels[...])
    let plan = try AuditPlan(
      probes: [ProbeSpec(parsing: "ood:data=mine")], exampleCount: 4, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "fragile", digest: "sha256:00", model: model), data: data,
      otherData: { _ in other })
    let failures = try runner.runAll().flatMap { $0.failures ?? [] }
    #expect(failures.contains { $0.message.contains("example 2 of the probe's other data: expected a finite") })
    #expect(!failures.contains { $0.message.contains("1099511627776") }, "\(failures)")
  }

  @Test("what of a battery does not apply is left out with the reason; asked for by name it is refused")
  func inapplicable() throws {
    let runner = try Self.runner([], battery: "full", poison: [])
    let shards = runner.plan.shards.filter { ["ood", "ibp"].contains(runner.plan.probes[$0.probe].probe) }
    #expect(shards.count >= 2)
    let found = try shards.map { try runner.run($0) }
    #expect(found.contains { $0.failures?.first?.message.contains("fashion-mnist") ?? false })
    #expect { _ = try Self.runner(["ood"]) } throws: { "\($0)".contains("fashion-mnist") }
  }
}
