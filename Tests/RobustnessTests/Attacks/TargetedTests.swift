import DitherBasics
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

/// Attacks that lead to a class.
@Suite("Targeted attacks")
struct TargetedTests {
  private static let able = Catalog.attacks.entries.filter { $0.canTarget }.map { $0.name }

  @Test("every attack that can leads most examples to the class that is wanted", arguments: able)
  func everyAttack(_ name: String) throws {
    let type = try Catalog.attacks.entry(named: name), norm = try #require(type.norms.first)
    let model = try Small.model(), inputs = Tensor.random([16, 1, 4, 4], seed: 7, from: 0, to: 1)
    let targets = try model.outputs(inputs).labels().map { ($0 + 1) % 3 }
    let examples = Examples(inputs, targets.map { .targeted(to: $0) }, identities: (0..<16).map(UInt64.init))
    var oracle = ModelOracle(model, seed: 1)
    let found = try type.init().run(
      on: examples, in: .unbounded(norm, dimensions: 16), asking: &oracle)
    let met = zip(try model.outputs(found).labels(), targets).count { $0 == $1 }
    // A single step, or random points, reach some; searches all but what lies behind another class.
    #expect(met >= (["fgsm", "r_fgsm", "mi_fgsm", "additive_noise"].contains(name) ? 3 : 11), "\(met) of 16")
  }

  @Test("APGD's targeted form leads no fewer to a class than APGD", arguments: ["linf", "l2", "l1"])
  func adaptive(_ norm: String) throws {
    let model = try Small.model(), inputs = Tensor.random([40, 1, 4, 4], seed: 5, from: 0, to: 1)
    let targets = try model.outputs(inputs).labels().map { ($0 + 2) % 3 }
    let radius: Double = ["linf": 0.15, "l2": 0.5, "l1": 1.5][norm] ?? 0
    func met(_ attack: String) throws -> Int {
      let found = try report("\(attack)norm=\(norm),epsilon=\(radius),steps=30,target=given", targets: targets)
      return found.perExample.count { !$0 }
    }
    let plain = try met("apgd:"), dlr = try met("apgd:loss=dlr,"), led = try met("apgd_t:")
    #expect(led >= plain && led >= dlr && (1..<40).contains(led), "\(led) for \(plain) and \(dlr)")
  }

  @Test("the least perturbation to a class is no shorter than that to any", arguments: ["fab", "deepfool", "cw"])
  func longer(_ name: String) throws {
    let type = try Catalog.attacks.entry(named: name), model = try Small.model()
    let inputs = Tensor.random([12, 1, 4, 4], seed: 7, from: 0, to: 1), labels = try model.outputs(inputs).labels()
    func lengths(_ criteria: [Criterion]) throws -> [Double] {
      var oracle = ModelOracle(model, seed: 1)
      let examples = Examples(inputs, criteria, identities: (0..<12).map(UInt64.init))
      return try type.init().nearest(to: examples, in: .l2, asking: &oracle).distances
    }
    let any = try lengths(labels.map { .untargeted(label: $0) })
    let each = try (1...2).map { step in try lengths(labels.map { .targeted(to: ($0 + step) % 3) }) }
    for row in 0..<12 {
      let nearest = min(each[0][row], each[1][row])
      // One of the two classes is the nearest.
      #expect(nearest >= 0.9 * any[row] && nearest <= 1.25 * any[row], "\(nearest) for \(any[row])")
    }
  }

  /// - Parameter labels: nil: the model's answers.
  private func report(_ probe: String, targets: [Int]? = nil, labels: [Int]? = nil) throws -> ProbeReport {
    let model = try Small.model(), inputs = Tensor.random([40, 1, 4, 4], seed: 5, from: 0, to: 1)
    let labels = try labels ?? model.outputs(inputs).labels()
    var data = AuditData(name: "small", inputs: inputs, labels: labels)
    data.targets = targets
    let plan = try AuditPlan(
      probes: [ProbeSpec(parsing: probe)], seed: 4, exampleCount: 40, inputShape: [1, 4, 4])
    let runner = try AuditRunner(plan: plan, subject: AuditSubject(name: "m", digest: "", model: model), data: data)
    return try #require(runner.report(runner.runAll()).probes.first)
  }

  @Test("words and numbers for the class", arguments: ["next", "least_likely", "2", "given"])
  func words(_ word: String) throws {
    let targets = word == "given" ? (0..<40).map { $0 % 3 } : nil
    let away = try report("pgd:epsilon=0.2"), towards = try report("pgd:epsilon=0.2,target=\(word)", targets: targets)
    // An example that can be led to a class can be led away from its own.
    #expect(towards.robustAccuracy > away.robustAccuracy && towards.robustAccuracy < 1)
    #expect(towards.parameters["target"]?.description == word)
  }

  @Test("an attack that is led to a class is not held against one that may reach any")
  func goals() throws {
    let model = try Small.model(), inputs = Tensor.random([40, 1, 4, 4], seed: 5, from: 0, to: 1)
    let data = AuditData(name: "small", inputs: inputs, labels: try model.outputs(inputs).labels())
    func found(_ probes: [String]) throws -> [Check] {
      let plan = try AuditPlan(
        probes: probes.map { try ProbeSpec(parsing: $0) }, seed: 4, exampleCount: 40, inputShape: [1, 4, 4])
      let runner = try AuditRunner(plan: plan, subject: AuditSubject(name: "m", digest: "", model: model), data: data)
      return try runner.report(runner.runAll()).checks
    }
    let comparisons = ["more_effort_helps", "larger_epsilon_helps", "black_box_wins"]
    let mixed = try found(["fgsm:epsilon=0.2", "pgd:epsilon=0.2,steps=5,target=1", "pgd:epsilon=0.1,steps=5"])
    #expect(!mixed.contains { comparisons.contains($0.check) && $0.probe.contains("target") })
    let alike = try found(["fgsm:epsilon=0.2,target=1", "pgd:epsilon=0.2,steps=5,target=1"])
    #expect(alike.contains { $0.check == "more_effort_helps" && $0.probe.contains("target") })
  }

  @Test("right means that the wanted class was not reached: also of examples that are wrong by themselves")
  func wrongByThemselves() throws {
    let answers = try Small.model().outputs(.random([40, 1, 4, 4], seed: 5, from: 0, to: 1)).labels()
    // All are wrong; every other one is where it is to be led, the others are to be led to the third class.
    let labels = answers.map { ($0 + 1) % 3 }
    let targets = answers.enumerated().map { row, answer in row % 2 == 0 ? answer : (answer + 2) % 3 }
    let still = try report("pgd:epsilon=0,target=given", targets: targets, labels: labels)
    #expect(still.cleanAccuracy == 0 && still.perExample == (0..<40).map { $0 % 2 == 1 })
    let far = try report("pgd:epsilon=1,target=given", targets: targets, labels: labels)
    #expect(far.robustAccuracy < 0.25 && far.questions > 0)
    let least = try report("fab:norm=l2,target=given", targets: targets, labels: labels)
    #expect(zip(try #require(least.distances), still.perExample).allSatisfy { $0 == 0 || $1 })
    // An example of the wanted class is as right as it is.
    #expect(try report("pgd:epsilon=1,target=given", targets: labels, labels: labels).robustAccuracy == 0)
  }

  @Test("an example of the wanted class is not attacked")
  func thereAlready() throws {
    let labels = try Small.model().outputs(.random([40, 1, 4, 4], seed: 5, from: 0, to: 1)).labels()
    let found = try report("pgd:epsilon=1,target=given", targets: labels)
    #expect(found.robustAccuracy == 1 && found.questions == 0)
  }

  @Test("what cannot be is refused before any work")
  func refused() {
    for (probe, part) in [
      ("pgd:target=7", "0 to 2"), ("pgd:target=given", "--targets"), ("hopskipjump:target=next", "untargeted"),
      ("pgd:target=leastlikely", "least_likely"),
    ] {
      let error = #expect(throws: (any Error).self) { try report(probe) }
      #expect("\(error.map { "\($0)" } ?? "")".contains(part), "\(probe)")
    }
  }
}
