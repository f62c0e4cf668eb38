import DitherBasics
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Ensembles and temperatures")
struct EnsembleTests {
  private static func members(_ count: Int) throws -> [AuditSubject] {
    try (0..<count).map { at in
      AuditSubject(
        name: "m\(at)", version: at + 1, digest: "sha256:0\(at)",
        model: try Small.model(seed: UInt64(20 + at), normalized: at % 2 == 1))
    }
  }

  private static func softmax(_ z: ArraySlice<Float>, _ temperature: Double = 1) -> [Double] {
    let e = z.map { exp(Double($0) / temperature) }, sum = e.reduce(0, +)
    return e.map { $0 / sum }
  }

  @Test("the graph of an ensemble answers with the mean of its members' probabilities, and so does its predictor")
  func means() throws {
    let members = try Self.members(4), ensemble = try AuditSubject(ensemble: members)
    let x = Tensor.random([9, 1, 4, 4], seed: 1, from: 0, to: 1), identities = (0..<9).map(UInt64.init)
    let logits = try ensemble.model.outputs(x)
    let predictor = DeployedPredictor(ensemble.model, samples: 8, members: members.map(\.model), seed: 1)
    let answers = try predictor.probabilities(x, identities: identities)
    let draws = try predictor.draws(x, identities: identities)
    #expect(!predictor.isRandom && draws.allSatisfy { $0.samples == 4 })
    for row in 0..<9 {
      let each = try members.map { member in
        let z = try member.model.outputs(member.model.signature.normalized(x.rows(row..<row + 1)))
        return Self.softmax(z.elements[...])
      }
      let mean = (0..<3).map { c in each.reduce(0) { $0 + $1[c] } / 4 }, merged = Self.softmax(logits.row(row))
      for c in 0..<3 {
        #expect(abs(merged[c] - mean[c]) < 1e-5 && abs(answers[row][c] - mean[c]) < 1e-5)
        #expect(abs(draws[row].mean[c] - mean[c]) < 1e-5)
      }
    }
    // Members disagree, and the uncertainty says so.
    #expect(draws.contains { MutualInformation.value($0).map { $0 > 1e-3 } ?? false })
  }

  @Test("its gradients are those of finite differences, through every member's normalization")
  func gradients() throws {
    let ensemble = try AuditSubject(ensemble: Self.members(3)).model, label = [2]
    let x = Tensor.random([1, 1, 4, 4], seed: 4, from: 0.2, to: 0.8)
    let found = try ensemble.lossGradient(x, loss: .crossEntropy, targets: label)
    func loss(_ place: Int, _ step: Float) throws -> Double {
      var moved = Array(x.elements)
      moved[place] += step
      let p = Self.softmax(try ensemble.outputs(Tensor(x.shape, moved)).elements[...])
      return -log(p[2])
    }
    for place in [0, 5, 11] {
      let numerical = try (loss(place, 1e-2) - loss(place, -1e-2)) / 2e-2
      #expect(abs(numerical - Double(found.gradient.elements[place])) < 2e-2 * (1 + abs(numerical)))
    }
  }

  @Test("an ensemble is audited beside a single model; the report names its members and how to get it again")
  func audited() throws {
    let members = try Self.members(4), model = try Small.model()
    let plan = try AuditPlan(
      probes: ["clean", "calibration", "pgd:epsilon=0.1,steps=5", "selective"].map { try ProbeSpec(parsing: $0) },
      exampleCount: 40, inputShape: [1, 4, 4])
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(ensemble: members, temperature: 1.5),
      others: [AuditSubject(name: "small", version: 1, digest: "sha256:aa", model: model, temperature: 0.5)],
      data: Small.data(40, for: model))
    let report = try runner.report(runner.runAll())
    #expect(report.model == "m0+m1+m2+m3" && report.version == nil && report.samples == 0)
    #expect(report.members?.map(\.digest) == members.map(\.digest) && report.members?.map(\.version) == [1, 2, 3, 4])
    #expect(report.temperature == 1.5 && report.comparisons.first?.baselineTemperature == 0.5)
    #expect(report.command.contains("dither audit m0@1+m1@2+m2@3+m3@4 "))
    #expect(
      report.command.contains("--baseline small@1 ") && report.command.contains("--temperature 1.5 --temperature 0.5"))
    #expect(report.html().contains("the mean of 4 models, at temperature 1.500"))
    #expect(try Report(json: report.json()).json() == report.json())
  }

  @Test("a temperature is that of the calibration that is measured")
  func temperature() throws {
    let model = try Small.model(), data = try Small.data(80, for: model)
    func nll(_ temperature: Double) throws -> Double? {
      let plan = try AuditPlan(probes: [ProbeSpec("calibration")], exampleCount: 80, inputShape: [1, 4, 4])
      let runner = try AuditRunner(
        plan: plan, subject: AuditSubject(name: "m", digest: "sha256:0", model: model, temperature: temperature),
        data: data)
      let report = try runner.report(runner.runAll())
      #expect(report.temperature == (temperature == 1 ? nil : temperature))
      return report.probes[0].calibration?.nll
    }
    for temperature in [1, 0.3, 4] {
      let outputs = try model.outputs(data.inputs)
      let expected = (0..<80).map { -log(Self.softmax(outputs.row($0), temperature)[data.labels[$0]]) }
      #expect(abs(try #require(try nll(temperature)) - expected.reduce(0, +) / 80) < 1e-5)
    }
  }

  @Test("what is no ensemble is refused")
  func refusals() throws {
    let members = try Self.members(2), noisy = try Small.model(sigma: 0.1)
    func refuses(_ subjects: [AuditSubject], _ words: String) {
      #expect { _ = try AuditSubject(ensemble: subjects) } throws: { "\($0)".contains(words) }
    }
    refuses([members[0]], "2 to 16")
    refuses([AuditSubject](repeating: members[0], count: 17), "2 to 16")
    refuses(members + [AuditSubject(name: "n", digest: "sha256:0", model: noisy)], "without noise")
    refuses([members[0], try AuditSubject(ensemble: members)], "an ensemble")
  }
}
