import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// Each strategy against its paper's formula.
@Suite("Strategies")
struct StrategyTests {
  private static let position = StepPosition(number: 0, progress: 0, seed: 9)

  // MARK: on gradients

  @Test("SAM's gradient of a quadratic is that of the point at rho up the slope", arguments: [0, 0.05, 0.5, 3])
  func sam(_ rho: Double) throws {
    let x = Tensor.random([8, 3], seed: 1), y = Tensor.random([8, 1], seed: 2), start: [Float] = [0.5, -1, 0.25, 0.1]
    let builder = GraphBuilder(), input = builder.input("input", [3])
    let weight = builder.parameter("w", Tensor([1, 3], Array(start[..<3])))
    let bias = builder.parameter("b", Tensor([1], [start[3]]))
    let graph = builder.finish(outputs: [("values", try builder.dense(input, weight, bias))])
    let one = try QuietStep(Batch(inputs: x, targets: .values(y)), at: Self.position, of: graph, SquaredError())
    // The gradient of the mean of (w · x + b − y)².
    func slope(_ w: [Double]) -> [Double] {
      (0..<8).reduce(into: [0, 0, 0, 0]) { sum, row in
        let inputs = x.row(row).map { Double($0) } + [1]
        let error = zip(inputs, w).reduce(0) { $0 + $1.0 * $1.1 } - Double(y.elements[row])
        for i in sum.indices { sum[i] += 2 * error * inputs[i] / 8 }
      }
    }
    let at = start.map { Double($0) }, plain = slope(at), norm = plain.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(one.step.gradientNorm - norm) < 1e-5)
    let expected = slope(zip(at, plain).map { $0 + rho / norm * $1 })
    var strategy = SAM()
    strategy.rho = rho
    strategy.gradients(&one.step)
    #expect(zip(one.gradient, expected).allSatisfy { abs(Double($0) - $1) < 2e-5 })
    #expect(one.values == start)
  }

  @Test("SAM's second pass leaves running statistics those of the weights themselves")
  func samStatistics() throws {
    let images = Tensor.random([16, 1, 8, 8], seed: 3, from: 0)
    let data = Dataset(
      name: "images", inputs: images, labels: (0..<16).map { $0 % 2 }, classNames: ["a", "b"])
    func statistics(_ strategies: String) throws -> (running: [String: Tensor], weights: [String: Tensor]) {
      let recipe = try Recipe(
        yaml: """
          name: test
          data: images
          model: {kind: resnet, channels: [4], blocks: 1}
          epochs: 1
          batch: 16
          strategies: \(strategies)
          """)
      let trainer = try Trainer(recipe, data: data, threads: 1)
      try trainer.run()
      let graph = try trainer.snapshot()
      var running: [String: Tensor] = [:], weights: [String: Tensor] = [:]
      for (id, literal) in graph.literals {
        guard case .float(let tensor) = literal else { continue }
        let name = graph.valueNames[id.index]
        if name.contains("mean") || name.contains("variance") { running[name] = tensor } else { weights[name] = tensor }
      }
      return (running, weights)
    }
    let plain = try statistics("[]"), sharp = try statistics("[{kind: sam, rho: 2}]")
    #expect(!plain.running.isEmpty && plain.running == sharp.running && plain.weights != sharp.weights)
  }

  @Test("clipping keeps the direction and cuts the norm", arguments: [0.01, 0.2, 1e3])
  func clipping(_ norm: Double) throws {
    let one = try QuietStep(QuietStep.batch(), at: Self.position), before = one.gradient, long = one.step.gradientNorm
    var strategy = GradientClipping()
    strategy.norm = norm
    strategy.gradients(&one.step)
    guard long > norm else {
      #expect(one.gradient == before)
      return
    }
    #expect(abs(one.step.gradientNorm / norm - 1) < 1e-5)
    #expect(zip(one.gradient, before).allSatisfy { abs(Double($0) - Double($1) * norm / long) < 1e-6 * norm + 1e-8 })
  }

  @Test("gradient noise has its sigma and schedule; two of them are independent")
  func gradientNoise() throws {
    var strategy = NoisyGradients()
    strategy.sigma = 0.3
    try strategy.start(on: QuietStep.graph(), .classification(classes: 2))
    func noise(_ number: Int, _ strength: Double, _ seeds: [UInt64]) throws -> [Double] {
      let at = StepPosition(number: number, progress: 0, seed: 3)
      let one = try QuietStep(QuietStep.batch(), at: at), before = one.gradient
      for seed in seeds {
        one.step.position = StepPosition(number: number, progress: 0, seed: seed, strength: strength)
        strategy.gradients(&one.step)
      }
      return zip(one.gradient, before).map { Double($0) - Double($1) }
    }
    func deviation(_ strength: Double, _ seeds: [UInt64]) throws -> Double {
      let draws = try (0..<500).flatMap { try noise($0, strength, seeds) }
      return (draws.reduce(0) { $0 + $1 * $1 } / Double(draws.count)).squareRoot()
    }
    // 4000 draws: a standard error of 1.1 %.
    #expect(abs(try deviation(1, [3]) / 0.3 - 1) < 0.05)
    #expect(abs(try deviation(0.5, [3]) / 0.15 - 1) < 0.05)
    #expect(abs(try deviation(1, [3, 4]) / (0.3 * 2.0.squareRoot()) - 1) < 0.05)
    #expect(try noise(1, 1, [3]) == noise(1, 1, [3]) && noise(1, 1, [3]) != noise(2, 1, [3]))
  }

  @Test("noise on what SAM finds is not lost, wherever it is listed")
  func order() throws {
    let both = "{kind: gradient_noise, sigma: 0.2}"
    let after = try EveryStrategyTests.bytes("[sam, \(both)]"), before = try EveryStrategyTests.bytes("[\(both), sam]")
    #expect(try after == before && after != EveryStrategyTests.bytes("[sam]"))
    // A recipe's terms of noise on gradients are such a strategy.
    let term = "noise: [{site: gradients, sigma: 0.2}]"
    #expect(try EveryStrategyTests.bytes("[sam]", term) != EveryStrategyTests.bytes("[sam]"))
    #expect(try EveryStrategyTests.bytes("[]", term) == EveryStrategyTests.bytes("[\(both)]"))
  }

  // MARK: on batches

  private static func rows(_ targets: Targets) -> Tensor {
    var found = Tensor(zeros: [0])
    _ = targets.mapped {
      found = $0
      return $0
    }
    return found
  }

  @Test("label smoothing takes its share from the class for all", arguments: [0.1, 0.5])
  func smoothing(_ share: Double) {
    var strategy = LabelSmoothing()
    strategy.share = share
    var batch = Batch(inputs: Tensor(zeros: [3, 1]), targets: .classes([0, 2, 1], count: 4))
    strategy.prepare(&batch, at: Self.position)
    let found = Self.rows(batch.targets)
    for (row, label) in [0, 2, 1].enumerated() {
      for (c, p) in found.row(row).enumerated() {
        #expect(abs(Double(p) - (c == label ? 1 - share + share / 4 : share / 4)) < 1e-6)
      }
      #expect(batch.targets[row].label == label)
    }
  }

  @Test("a label is drawn anew with the rate, from all classes alike")
  func labelNoise() {
    var strategy = LabelNoise()
    strategy.rate = 0.3
    var changed = 0, to = [0, 0, 0]
    for number in 0..<100 {
      var batch = Batch(inputs: Tensor(zeros: [64, 1]), targets: .classes(Array(repeating: 1, count: 64), count: 3))
      strategy.prepare(&batch, at: StepPosition(number: number, progress: 0, seed: 5))
      for row in 0..<64 {
        let label = batch.targets[row].label ?? -1
        if label != 1 { changed += 1 }
        to[label] += 1
      }
    }
    // 6400 labels, of which 0.3 · 2 / 3 go elsewhere: a standard error of 32.
    #expect(abs(changed - 1280) < 130 && abs(to[0] - 640) < 100 && abs(to[2] - 640) < 100)
  }

  @Test(
    "mixup's share has the moments of Beta(alpha, alpha), and is one for inputs and targets",
    arguments: [0.05, 0.4, 1, 6])
  func mixup(_ alpha: Double) {
    var strategy = Mixup()
    strategy.alpha = alpha
    var shares: [Double] = [], swapped = 0
    for number in 0..<4000 {
      var batch = Batch(inputs: Tensor([2, 2], [1, 0, 0, 1]), targets: .classes([0, 1], count: 2))
      strategy.prepare(&batch, at: StepPosition(number: number, progress: 0, seed: 2))
      #expect(batch.inputs == Self.rows(batch.targets))
      // Both rows stay at [1, 0], [0, 1] where each meets itself.
      #expect(abs(batch.inputs.elements[0] - batch.inputs.elements[3]) < 1e-6)
      #expect(abs(batch.inputs.elements[0] + batch.inputs.elements[1] - 1) < 1e-6)
      if batch.inputs.elements != [1, 0, 0, 1] { swapped += 1 }
      shares.append(Double(batch.inputs.elements[0]))
    }
    // Half of the orders exchange the rows; the others' share is 1. E(1 − λ) = 1 / 2, E(1 − λ)² = (α + 1) / (4 α + 2).
    let mean = shares.reduce(0) { $0 + 1 - $1 } / 4000, square = shares.reduce(0) { $0 + (1 - $1) * (1 - $1) } / 4000
    #expect(abs(mean - 0.25) < 0.03 && abs(square - (alpha + 1) / (4 * alpha + 2) / 2) < 0.03)
    // Of a small alpha some shares round to 1.
    #expect(swapped > 1300 && swapped < 2200)
  }

  @Test("mixup's loss is the mixture of the losses, and values are mixed as inputs are")
  func mixtures() throws {
    var batch = Batch(inputs: Tensor.random([16, 3], seed: 8), targets: .values(Tensor.random([16, 2], seed: 9)))
    let before = batch
    Mixup().prepare(&batch, at: StepPosition(number: 5, progress: 0, seed: 1))
    let was = Self.rows(before.targets), found = Self.rows(batch.targets)
    func means(_ rows: Tensor) -> [Double] {
      (0..<rows.rowLength).map { c in (0..<16).reduce(0) { $0 + Double(rows.elements[$1 * rows.rowLength + c]) } / 16 }
    }
    #expect(zip(means(was), means(found)).allSatisfy { abs($0 - $1) < 1e-6 } && was != found)
    #expect(zip(means(before.inputs), means(batch.inputs)).allSatisfy { abs($0 - $1) < 1e-6 })
    let z: [Float] = [0.4, -1, 2]
    func loss(_ target: Targets.Row) -> Double {
      var gradient = [Float](repeating: 0, count: 3)
      return Double(
        z.withUnsafeBufferPointer { z in
          gradient.withUnsafeMutableBufferPointer { CrossEntropy().value(z, target, gradient: $0) }
        })
    }
    #expect(abs(loss(.shares([0.3, 0, 0.7])) - 0.3 * loss(.label(0)) - 0.7 * loss(.label(2))) < 1e-6)
  }

  // MARK: in recipes

  @Test(
    "what does not fit is refused by its place",
    arguments: [
      ("sam", "a list of names"), ("[{rho: 1}]", "'kind'"), ("[{kind: sam, rho: -1}]", "'rho': expected 0 or more"),
      ("[mixup, {kind: mixup, alpha: 0}]", "'alpha': expected above 0"),
      ("[{kind: label_noise, rate: 2}]", "expected 0 to 1"),
      ("[{kind: label_smoothing, share: 1}]", "below 1"), ("[{kind: gradient_clipping, norm: 0}]", "above 0"),
      ("[{kind: gradient_noise, sigma: -1}]", "a sigma from 0"),
      ("[{kind: gradient_noise, distribution: gausian}]", "'gaussian'"),
      ("[{kind: gradient_noise, scale: relativ}]", "'relative'"),
      ("[{kind: gradient_noise, distribution: dropout}]", "dropout has its own strength"),
      ("[{kind: sam, schedule: anealed}]", "'annealed'"), ("[label_smoothing]\nlabel_smoothing: 0.1", "here or in"),
    ])
  func refused(_ strategies: String, _ words: String) {
    let error = #expect(throws: (any Error).self) { try EveryStrategyTests.recipe(strategies) }
    #expect("\(String(describing: error))".contains(words), "\(String(describing: error))")
  }

  @Test("a pattern that fits no parameter is refused before the first step")
  func patterns() throws {
    let recipe = try EveryStrategyTests.recipe("[{kind: gradient_noise, layers: \"conv*\"}]")
    #expect { try Trainer(recipe, data: GoalTests.sides(), threads: 1) } throws: { "\($0)".contains("conv*") }
  }
}
