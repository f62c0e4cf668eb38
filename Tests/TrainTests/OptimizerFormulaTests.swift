import DitherBasics
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// Each optimizer against its formula, written out in double precision. A new one gets its line in `references`.
@Suite("Formulas of optimizers")
struct OptimizerFormulaTests {
  /// One number with what is remembered of it, moved by a gradient.
  struct Reference {
    var x: Double
    var first = 0.0, second = 0.0, step = 0
    let move: @Sendable (inout Reference, Double) -> Void
    init(_ x: Double, _ move: @escaping @Sendable (inout Reference, Double) -> Void) { (self.x, self.move) = (x, move) }
    /// The draw that it stands at while the gradient is taken, of N(0, 1).
    var draw = 0.0
    mutating func step(_ gradient: Double) {
      step += 1
      move(&self, gradient)
    }
  }

  private static let rate = 0.05

  /// Of moments with bias correction: Kingma and Ba 2014, algorithm 1; decay by itself, Loshchilov and Hutter 2017,
  /// algorithm 2.
  private static func adam(decay: Double, decoupled: Bool) -> @Sendable (inout Reference, Double) -> Void {
    { state, given in
      let g = decoupled ? given : given + decay * state.x
      if decoupled { state.x -= rate * decay * state.x }
      state.first = 0.9 * state.first + 0.1 * g
      state.second = 0.999 * state.second + 0.001 * g * g
      let mean = state.first / (1 - pow(0.9, Double(state.step))),
        square = state.second / (1 - pow(0.999, Double(state.step)))
      state.x -= rate * mean / (square.squareRoot() + 1e-8)
    }
  }

  /// Shen et al. 2024, algorithm 1, of one example.
  private static func ivon(decay: Double, hessian: Double, beta2: Double) -> @Sendable (inout Reference, Double) -> Void
  {
    { state, g in
      let h = state.step == 1 ? hessian : state.second, away = state.draw / (h + decay).squareRoot()
      let found = away * g * (h + decay)
      state.first = 0.9 * state.first + 0.1 * g
      state.second =
        beta2 * h + (1 - beta2) * found + 0.5 * (1 - beta2) * (1 - beta2) * (h - found) * (h - found) / (h + decay)
      let mean = state.first / (1 - pow(0.9, Double(state.step)))
      state.x -= rate * (hessian + decay) * (mean + decay * state.x) / (state.second + decay)
    }
  }

  /// With parameters, as in recipes.
  private static let references:
    [(name: String, parameters: [String: String], move: @Sendable (inout Reference, Double) -> Void)] =
      [
        ("sgd", ["momentum": "0"], { state, g in state.x -= rate * g }),
        (
          "sgd", ["decay": "0.1"],
          { state, given in
            let g = given + 0.1 * state.x
            state.first = state.step == 1 ? g : 0.9 * state.first + g
            state.x -= rate * state.first
          }
        ),
        (
          "sgd", ["nesterov": "true", "momentum": "0.8"],
          { state, g in
            state.first = state.step == 1 ? g : 0.8 * state.first + g
            state.x -= rate * (g + 0.8 * state.first)
          }
        ),
        ("adam", [:], adam(decay: 0, decoupled: false)), ("adam", ["decay": "0.1"], adam(decay: 0.1, decoupled: false)),
        ("adamw", ["decay": "0"], adam(decay: 0, decoupled: true)), ("adamw", [:], adam(decay: 0.01, decoupled: true)),
        ("adamw", ["decay": "0.1"], adam(decay: 0.1, decoupled: true)),
        // Samplers by their steps; their noise has tests of its own.
        ("sgld", ["temperature": "0", "decay": "0.1"], { state, g in state.x -= rate * (g + 0.1 * state.x) }),
        (
          "psgld", ["temperature": "0", "alpha": "0.9"],
          { state, g in
            state.second = 0.9 * state.second + 0.1 * g * g
            state.x -= rate * g / (1e-5 + state.second.squareRoot())
          }
        ),
        ("ivon", [:], ivon(decay: 1e-4, hessian: 1, beta2: 0.99999)),
        (
          "ivon", ["decay": "0.1", "hessian": "0.5", "beta2": "0.9"], ivon(decay: 0.1, hessian: 0.5, beta2: 0.9)
        ),
      ]

  private static func made(_ name: String, _ parameters: [String: String]) throws -> any Optimizer {
    func overlaid<O: Optimizer>(_ optimizer: O) throws -> any Optimizer {
      try Parameters.overlay(parameters, on: optimizer, of: name)
    }
    return try overlaid(try Catalog.optimizers.entry(named: name).init())
  }

  /// The values after each step of gradients that these are.
  private static func run(_ optimizer: any Optimizer, _ start: [Float], _ gradients: [[Float]]) -> [[Float]] {
    let count = start.count, shape = Shape([count])
    var values = start, flat = [Float](repeating: 0, count: max(optimizer.stateCount, 1) * count), found: [[Float]] = []
    for (step, gradient) in gradients.enumerated() {
      values.withUnsafeMutableBufferPointer { values in
        gradient.withUnsafeBufferPointer { gradient in
          flat.withUnsafeMutableBufferPointer { flat in
            let state = (0..<optimizer.stateCount).map {
              UnsafeMutableBufferPointer(rebasing: flat[$0 * count..<($0 + 1) * count])
            }
            let view = ParameterView(
              name: "w", shape: shape, values: values, gradient: gradient, state: state,
              address: NoiseAddress(seed: 1, sample: UInt32(step)))
            optimizer.prepare(view, step: step + 1)
            optimizer.update(view, rate: rate, step: step + 1)
          }
        }
      }
      found.append(values)
    }
    return found
  }

  private static func gradients(_ count: Int, steps: Int) -> [[Float]] {
    (0..<steps).map { step in NoiseAddress(seed: 9, sample: UInt32(step)).normals(count).map { $0 + 0.3 } }
  }

  @Test("every optimizer has its formula here")
  func all() {
    #expect(Set(Self.references.map(\.name)) == Set(Catalog.optimizers.names))
  }

  @Test("thirty steps are the formula's", arguments: references.indices)
  func formula(_ at: Int) throws {
    let (name, parameters, move) = Self.references[at], start = NoiseAddress(seed: 2).normals(11)
    let gradients = Self.gradients(11, steps: 30), found = Self.run(try Self.made(name, parameters), start, gradients)
    for i in start.indices {
      var reference = Reference(Double(start[i]), move)
      for step in gradients.indices {
        reference.draw = Double(NoiseAddress(seed: 1, sample: UInt32(step)).normal(i))
        reference.step(Double(gradients[step][i]))
        #expect(abs(Double(found[step][i]) - reference.x) < 2e-5, "\(name) \(parameters) step \(step + 1)")
      }
    }
  }

  @Test("a number moves by its own gradient, wherever it stands", arguments: references.indices)
  func alone(_ at: Int) throws {
    let (name, parameters, _) = Self.references[at], optimizer = try Self.made(name, parameters)
    // Whose draws belong to places.
    guard !type(of: optimizer).hasPosterior else { return }
    let start = NoiseAddress(seed: 3).normals(37), gradients = Self.gradients(37, steps: 6)
    let whole = Self.run(optimizer, start, gradients), order = Array((0..<37).reversed())
    let turned = Self.run(optimizer, order.map { start[$0] }, gradients.map { gradient in order.map { gradient[$0] } })
    for (a, b) in zip(whole, turned) {
      for i in 0..<37 { #expect(abs(a[i] - b[order[i]]) <= 1e-6 * max(1, abs(a[i]))) }
    }
  }

  @Test("Adam's first step is the rate long, whatever the gradient's size", arguments: ["adam", "adamw"])
  func firstStep(_ name: String) throws {
    for size: Float in [1e-3, 1, 1e3] {
      let found = Self.run(try Self.made(name, ["decay": "0"]), [1, 1], [[size, -size]])[0]
      #expect(abs(found[0] - (1 - 0.05)) < 1e-4 && abs(found[1] - (1 + 0.05)) < 1e-4, "\(size)")
    }
  }

  @Test(
    "a parameter out of its bounds is refused by its name", arguments: Catalog.optimizers.names,
    [("rate", "-1"), ("rate", "nan"), ("decay", "-0.1"), ("decay", "1e9")])
  func bounds(_ name: String, _ parameter: (key: String, value: String)) throws {
    #expect {
      _ = try Self.made(name, [parameter.key: parameter.value])
    } throws: { "\($0)".contains(parameter.key) }
  }
}
