import DitherBasics
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

/// What holds for every attack of the catalog.
@Suite("Attacks")
struct AttackTests {
  @Test("inside ball and budget, whatever the model answers", arguments: Catalog.attacks.names, Ball.samples)
  func staysInside(_ name: String, _ ball: Ball) throws {
    let examples = Examples.random(count: 8, seed: 1)
    func check(_ attack: some Attack) throws {
      for isRandom in [false, true] {
        var oracle = HostileOracle(seed: 2, isRandom: isRandom).limited(toQuestions: 100)
        let found = try attack.run(on: examples, in: ball, asking: &oracle)
        #expect(ball.contains(found, around: examples.inputs))
        #expect(oracle.questions <= 100)
      }
    }
    let type = try Catalog.attacks.entry(named: name)
    try check(type.init())
    func restarted<A: Attack>(_ attack: A) throws { try check(attack.restarted(3)) }
    try restarted(type.init())
  }

  @Test("a budget of nothing leaves the inputs as they are", arguments: Catalog.attacks.names)
  func noBudget(_ name: String) throws {
    let examples = Examples.random(count: 4, seed: 1)
    var oracle = HostileOracle(seed: 2, isRandom: false).limited(toQuestions: 3)
    let found = try Catalog.attacks.entry(named: name).init().run(
      on: examples, in: Ball(.linf, epsilon: 0.1), asking: &oracle)
    #expect(found == examples.inputs && oracle.questions == 0)
  }

  @Test("an example's result does not depend on its company", arguments: Catalog.attacks.names, Norm.allCases)
  func company(_ name: String, _ norm: Norm) throws {
    let model = try Small.model(), examples = Examples.random(count: 8, seed: 1)
    func found(_ examples: Examples) throws -> Tensor {
      var oracle = ModelOracle(model, seed: 6)
      return try Catalog.attacks.entry(named: name).init().run(
        on: examples, in: Ball(norm, epsilon: 0.3), asking: &oracle)
    }
    let all = try found(examples)
    let some = try found(examples.rows(at: [5, 2]))
    #expect(some.isClose(to: all.rows(at: [5, 2]), absolute: 1e-5))
    #expect(try found(examples) == all)
  }

  @Test("a cancelled attack stops")
  func cancelled() throws {
    var oracle = ModelOracle(try Small.model(), seed: 1) { true }
    #expect(throws: RobustnessError.self) {
      try PGD().run(on: .random(count: 2, seed: 1), in: Ball(.linf, epsilon: 0.1), asking: &oracle)
    }
    #expect(oracle.questions == 0)
  }

  @Test("targeted attacks go where they are sent")
  func targeted() throws {
    let model = try Small.model(), inputs = Tensor.random([12, 1, 4, 4], seed: 7, from: 0, to: 1)
    let clean = try model.outputs(inputs).labels()
    let examples = Examples(
      inputs, clean.map { .targeted(to: ($0 + 1) % 3) }, identities: (0..<12).map(UInt64.init))
    var oracle = ModelOracle(model, seed: 1)
    let found = try PGD().run(on: examples, in: Ball(.linf, epsilon: 1), asking: &oracle)
    let met = zip(try model.outputs(found).labels(), clean).count { $0 == ($1 + 1) % 3 }
    #expect(met >= 10)
  }

  @Test("what is broken costs no more questions")
  func earlyStopping() throws {
    let model = try Small.model(), inputs = Tensor.random([16, 1, 4, 4], seed: 7, from: 0, to: 1)
    let labels = try model.outputs(inputs).labels()
    let examples = Examples(
      inputs, labels.map { .untargeted(label: $0) }, identities: (0..<16).map(UInt64.init))
    var oracle = ModelOracle(model, seed: 1)
    let found = try PGD().restarted(5).run(on: examples, in: Ball(.linf, epsilon: 1), asking: &oracle)
    #expect(zip(try model.outputs(found).labels(), labels).allSatisfy { $0 != $1 })
    #expect(oracle.questions < 16 * 41)
  }

  @Test("a model's own normalization is part of what is attacked")
  func normalization() throws {
    let model = try Small.model(normalized: true), x = Tensor.random([2, 1, 4, 4], seed: 3, from: 0.2, to: 0.8)
    var oracle = ModelOracle(model, seed: 1)
    let examples = Examples(x, [.untargeted(label: 0), .untargeted(label: 1)], identities: [0, 1])
    let gradient = try oracle.lossGradient(at: x, of: examples)
    for index in [0, 5, 20] {
      var above = x, below = x
      above.elements[index] += 1e-2
      below.elements[index] -= 1e-2
      let row = index / 16
      let slope =
        (try oracle.answer(at: above, of: examples).losses[row] - oracle.answer(at: below, of: examples).losses[row])
        / 2e-2
      #expect(abs(slope - gradient.elements[index]) < 0.02 * max(1, abs(slope)))
    }
  }
}
