import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Testing

/// Samplers and perturbations beside what their papers say of them.
@Suite("Samplers and perturbations")
struct SamplerFormulaTests {
  private static let position = StepPosition(number: 3, progress: 0.5, seed: 7)

  /// Many chains at once, each at a Gaussian posterior of the precision `precision` and the mean 1.5.
  private func chains(_ optimizer: any Optimizer, rate: Double, precision: Double, examples: Int, steps: Int)
    -> [[Float]]
  {
    let count = 3000, scale = Float(precision / Double(examples))
    var values = [Float](repeating: 1.5, count: count), state = [Float](repeating: 0, count: count)
    var kept: [[Float]] = []
    for step in 1...steps {
      let gradient = values.map { scale * ($0 - 1.5) }
      values.withUnsafeMutableBufferPointer { values in
        gradient.withUnsafeBufferPointer { gradient in
          state.withUnsafeMutableBufferPointer { state in
            optimizer.update(
              ParameterView(
                name: "w", shape: [count], values: values, gradient: gradient,
                state: optimizer.stateCount > 0 ? [state] : [],
                address: NoiseAddress(seed: 5, site: UInt32(step)), examples: examples),
              rate: rate, step: step)
          }
        }
      }
      if step > steps / 2, step % 10 == 0 { kept.append(values) }
    }
    return kept
  }

  private func moments(_ draws: [[Float]]) -> (mean: Double, variance: Double) {
    let all = draws.flatMap { $0.map(Double.init) }, mean = all.reduce(0, +) / Double(all.count)
    return (mean, all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count))
  }

  @Test("SGLD draws from a Gaussian posterior, with the variance that its step adds", arguments: [0.1, 0.4, 1.0])
  func langevin(_ epsilon: Double) {
    let precision = 2.0, examples = 100
    var sampler = SGLD()
    sampler.rate = epsilon * Double(examples) / 2
    let found = moments(
      chains(sampler, rate: sampler.rate, precision: precision, examples: examples, steps: 400))
    // The chain is linear: its variance is 1 / Λ / (1 − εΛ / 4).
    let wanted = 1 / precision / (1 - epsilon * precision / 4)
    #expect(abs(found.mean - 1.5) < 0.02 && abs(found.variance / wanted - 1) < 0.03, "\(found)")
  }

  @Test("a colder posterior is narrower by its temperature, and there is no noise above the threshold")
  func temperature() {
    var cold = SGLD()
    (cold.rate, cold.temperature) = (5, 0.25)
    let found = moments(chains(cold, rate: 5, precision: 2, examples: 100, steps: 400))
    #expect(abs(found.variance / (0.25 / 2 / (1 - 0.05)) - 1) < 0.03)
    var late = SGLD()
    (late.rate, late.noiseBelow) = (5, 0.5)
    #expect(moments(chains(late, rate: 5, precision: 2, examples: 100, steps: 40)).variance == 0)
    #expect(moments(chains(late, rate: 2.5, precision: 2, examples: 100, steps: 40)).variance > 0)
  }

  @Test("preconditioned SGLD finds the same posterior of equal directions")
  func preconditioned() throws {
    let sampler = try Parameters.overlay(
      settings: ["epsilon": .number(0.02), "alpha": .number(0.999)], on: PreconditionedSGLD(), of: "psgld")
    let found = moments(chains(sampler, rate: 0.05, precision: 2, examples: 100, steps: 3000))
    #expect(abs(found.mean - 1.5) < 0.05 && abs(found.variance / 0.5 - 1) < 0.15, "\(found)")
  }

  @Test("noise of Anti-PGD is anticorrelated, and adds up to one draw")
  func antiPGD() throws {
    var strategy = AntiPGD()
    strategy.sigma = 0.5
    var increments: [[Float]] = [], sums: [Float] = []
    for seed in 0..<300 as Range<UInt64> {
      var last = [Float](), sum = [Float]()
      for number in 0..<6 {
        let
          one = try QuietStep(
            QuietStep.batch(), at: StepPosition(number: number, progress: 0, seed: seed)), before = one.values
        strategy.after(one.step)
        let moved = zip(one.values, before).map { $0 - $1 }
        sum = sum.isEmpty ? moved : zip(sum, moved).map { $0 + $1 }
        if number == 4 { last = moved }
        if number == 5 { increments += zip(last, moved).map { [$0, $1] } }
      }
      sums += sum
    }
    func product(_ a: Int, _ b: Int) -> Double {
      increments.reduce(0) { $0 + Double($1[a]) * Double($1[b]) } / Double(increments.count)
    }
    #expect(abs(product(0, 1) / (product(0, 0) * product(1, 1)).squareRoot() + 0.5) < 0.05)
    #expect(abs(product(1, 1) / 0.5 - 1) < 0.1)
    #expect(abs(sums.reduce(0) { $0 + Double($1) * Double($1) } / Double(sums.count) / 0.25 - 1) < 0.1)
  }

  /// The gradient of the step's batch where the parameters have been moved by `move`.
  private func gradient(_ move: (Int, [Float], [Float]) -> [Float]) throws -> [Float] {
    let one = try QuietStep(QuietStep.batch(), at: Self.position)
    for (index, parameter) in one.step.parameters.enumerated() {
      let moved = move(index, Array(parameter.values), Array(parameter.gradient))
      _ = parameter.values.update(fromContentsOf: moved)
    }
    one.step.run()
    return one.gradient
  }

  private func found(_ strategy: any Strategy) throws -> [Float] {
    let one = try QuietStep(QuietStep.batch(), at: Self.position), values = one.values
    try strategy.gradients(&one.step)
    #expect(one.values == values, "bit for bit")
    return one.gradient
  }

  @Test("ASAM's gradient is that at w + ρ T² g / ‖T g‖")
  func adaptive() throws {
    let strategy = ASAM(), start = try QuietStep(QuietStep.batch(), at: Self.position)
    let norm = zip(start.values, start.gradient).reduce(0.0) { sum, pair in
      let scaled = Double((abs(pair.0) + 0.01) * pair.1)
      return sum + scaled * scaled
    }.squareRoot()
    let wanted = try gradient { _, values, gradient in
      zip(values, gradient).map { w, g in w + Float(0.5 / norm) * (abs(w) + 0.01) * (abs(w) + 0.01) * g }
    }
    #expect(zip(try found(strategy), wanted).allSatisfy { abs($0 - $1) < 1e-6 })
    var none = ASAM()
    none.rho = 0
    #expect(try found(none) == start.gradient)
  }

  @Test("adversarial weights move by a share of their norm, and vectors not at all")
  func adversarial() throws {
    var strategy = AdversarialWeights()
    strategy.gamma = 0.2
    func norm(_ numbers: [Float]) -> Double { numbers.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
    let wanted = try gradient { index, values, gradient in
      index > 0
        ? values : zip(values, gradient).map { $0 + Float(0.2 * norm(values) / norm(gradient)) * $1 }
    }
    #expect(zip(try found(strategy), wanted).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(try found(strategy) != QuietStep(QuietStep.batch(), at: Self.position).gradient)
  }

  private func labels(_ strategy: LabelNoise, steps: Int, count: Int = 400) throws -> [[Int]] {
    try (0..<steps).map { number in
      var batch = Batch(
        inputs: Tensor(zeros: [count, 1]), targets: .classes((0..<count).map { $0 % 4 }, count: 4),
        examples: Array((0..<count).map { $0 + 4 * number % 8 }))
      try strategy.check()
      strategy.prepare(&batch, at: StepPosition(number: number, progress: 0, seed: 5))
      return (0..<count).map { batch.targets[$0].label ?? -1 }
    }
  }

  @Test("the share of wrong labels is that of the convention", arguments: LabelNoise.Choice.allCases)
  func conventions(_ choice: LabelNoise.Choice) throws {
    var strategy = LabelNoise()
    (strategy.rate, strategy.to) = (0.4, choice)
    if choice == .given { strategy.classes = [0, 2, 1, 1] }
    var wrong = [0, 0, 0, 0], other: Set<Int> = []
    for step in try labels(strategy, steps: 50) {
      for (row, label) in step.enumerated() where label != row % 4 {
        wrong[row % 4] += 1
        if row % 4 == 3 { other.insert(label) }
      }
    }
    // Of 5000 of each class.
    for (label, count) in wrong.enumerated() {
      let share = choice == .any ? 0.3 : choice == .given && label == 0 ? 0 : 0.4
      #expect(abs(Double(count) / 5000 - share) < 0.035, "\(label)")
    }
    #expect(other == (choice == .given ? [1] : [0, 1, 2]))
  }

  @Test("fixed labels are the same at each step, whatever row an example has")
  func fixedLabels() throws {
    var strategy = LabelNoise()
    (strategy.rate, strategy.to, strategy.fixed) = (0.5, .other, true)
    let steps = try labels(strategy, steps: 3)
    #expect(steps[0] == steps[2] && steps[0] != (0..<400).map { $0 % 4 })
    // The second step has the examples from the fifth on.
    #expect(Array(steps[0].dropFirst(4)) == Array(steps[1].dropLast(4)))
    strategy.fixed = false
    #expect(try labels(strategy, steps: 3).map { $0 }.count == Set(labels(strategy, steps: 3)).count)
    for bad in [LabelNoise.Choice.any, .other] {
      strategy.to = bad
      strategy.classes = [0, 1, 2, 3]
      #expect(throws: CatalogError.self) { try strategy.check() }
    }
  }

  @Test("noise on targets has the deviation that it says, and inputs stay")
  func targets() throws {
    var strategy = TargetNoise()
    strategy.sigma = 0.3
    let clean = Tensor.random([500, 2], seed: 3)
    var sum = 0.0, squares = 0.0
    for number in 0..<20 {
      var batch = Batch(inputs: clean, targets: .values(clean))
      strategy.prepare(&batch, at: StepPosition(number: number, progress: 0, seed: 5))
      guard case .values(let noisy) = batch.targets else { continue }
      #expect(batch.inputs == clean)
      for (a, b) in zip(noisy.elements, clean.elements) {
        sum += Double(a - b)
        squares += Double(a - b) * Double(a - b)
      }
    }
    #expect(abs(sum / 20_000) < 0.01 && abs((squares / 20_000).squareRoot() - 0.3) < 0.006)
  }
}
