import DitherBasics
import DitherInference
import DitherRobustness
import DitherTensor
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
    // Neighbours that fail alike are one.
    #expect(failures.map(\.probe) == ["calibration", "selective", "conformal", "temperature"])
    #expect(failures.map(\.example) == [13, 13, 13, 0])
    #expect(failures.map(\.count) == [2, 2, 2, 60])
    #expect(failures.allSatisfy { $0.message.contains("finite") })
    #expect(report.html().contains("Left out") && report.html().contains("2 examples from 13 on failed"))
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
    #expect(some.failures == all.failures && some.failures?.map(\.example) == [13])
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
    #expect(!report.findings.contains { $0.check == "random_point_wins" })
    let answer = Answer(losses: [0, 0], gradient: nil, scores: Tensor([2, 2], [.nan, 1, 0, .infinity]))
    #expect(answer.meets([.untargeted(label: 1), .targeted(to: 1)]) == [true, false])
    #expect(answer.margins([.untargeted(label: 1), .targeted(to: 1)]) == [.infinity, -.infinity])
  }

  @Test("where nothing can be judged the audit fails, with the reason")
  func nothing() throws {
    let runner = try Self.runner(["temperature"])
    let results = try runner.runAll()
    #expect { _ = try runner.report(results) } throws: { "\($0)".contains("example 13: expected a finite answer") }
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
