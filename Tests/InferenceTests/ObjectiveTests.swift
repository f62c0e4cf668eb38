import DitherBasics
import DitherInference
import DitherTensor
import Foundation
import Testing

/// What holds of every objective, and each against its formula.
@Suite("Every objective")
struct ObjectiveTests {
  static let objectives = Catalog<any Objective.Type>.objectives.entries

  /// An objective with its parameters away from their defaults, too.
  private static func variants(_ kind: any Objective.Type) throws -> [any Objective] {
    let catalog = Catalog<any Objective.Type>.objectives
    let numbers = try Parameters.settings(of: kind.init()).filter { $0.value.asNumber != nil }.keys.sorted()
    return try [kind.init()]
      + numbers.flatMap { key in
        try [0.1, 0.9].map { value in
          try catalog.value(.mapping(["kind": .text(kind.name), key: .number(value)]), at: "objective") { $0.init() }
        }
      }
  }

  /// Rows of outputs and targets that fit a task.
  private static func rows(_ task: ModelTask.Kind, seed: UInt64) -> (outputs: [[Float]], targets: Targets) {
    let width = task == .binary ? 1 : task == .gaussian ? 6 : 3
    let z = NoiseAddress(seed: seed).normals(8 * width)
    let outputs = (0..<8).map { row in (0..<width).map { 2 * z[row * width + $0] } }
    if task == .classification || task == .binary {
      let classes = task == .binary ? 2 : 3
      return (outputs, .classes((0..<8).map { $0 % classes }, count: classes))
    }
    return (outputs, .values(Tensor([8, 3], NoiseAddress(seed: seed, site: 1).normals(24))))
  }

  private static func value(_ objective: any Objective, _ z: [Float], _ target: Targets.Row) -> (Double, [Float]) {
    var gradient = [Float](repeating: .nan, count: z.count)
    let value = z.withUnsafeBufferPointer { z in
      gradient.withUnsafeMutableBufferPointer { objective.value(z, target, gradient: $0) }
    }
    return (Double(value), gradient)
  }

  @Test("its derivatives are its differences", arguments: objectives)
  func differences(_ kind: any Objective.Type) throws {
    for objective in try Self.variants(kind) {
      for task in kind.tasks {
        for seed in 0..<4 {
          let (outputs, given) = Self.rows(task, seed: UInt64(seed))
          // Every other time the classes are shares.
          let targets = seed % 2 == 0 ? given : given.mapped { $0.map { 0.7 * $0 + 0.3 / Float(given.width) } }
          for (row, z) in outputs.enumerated() {
            let (_, gradient) = Self.value(objective, z, targets[row])
            for i in z.indices {
              let step: Float = 1.0 / 256
              var up = z, down = z
              up[i] += step
              down[i] -= step
              let slope =
                (Self.value(objective, up, targets[row]).0 - Self.value(objective, down, targets[row]).0)
                / Double(up[i] - down[i])
              #expect(abs(Double(gradient[i]) - slope) < 2e-3 * max(1, abs(slope)), "\(objective) \(z) \(i)")
            }
          }
        }
      }
    }
  }

  @Test("it is least where it says: the gradient of its mean vanishes there", arguments: objectives)
  func consistency(_ kind: any Objective.Type) throws {
    // Targets of a million-fold average: the grid 1…99 as values, classes as 3 : 1.
    if kind == CrossEntropy.self {
      let p: [Float] = [0.75, 0.25], z = p.map { log($0) }
      for score in [z, [z[1] - z[0]]] {
        let gradients = [0, 0, 0, 1].map { Self.value(CrossEntropy(), score, .label($0)).1 }
        for i in score.indices { #expect(abs(gradients.reduce(0) { $0 + $1[i] }) < 1e-6) }
      }
      return
    }
    let targets = (1...99).map { Float($0) }
    func sum(_ objective: any Objective, _ z: [Float]) -> [Float] {
      targets.reduce(into: [Float](repeating: 0, count: z.count)) { sum, y in
        for (i, g) in Self.value(objective, z, .values([y])).1.enumerated() { sum[i] += g }
      }
    }
    switch kind {
    case is Pinball.Type:
      for level in [0.1, 0.5, 0.9] {
        var objective = Pinball()
        objective.level = level
        let at = Float(100 * level)
        #expect(sum(objective, [at - 1])[0] < 0 && sum(objective, [at + 1])[0] > 0)
      }
    case is GaussianLikelihood.Type:
      let variance = targets.reduce(0) { $0 + ($1 - 50) * ($1 - 50) } / 99
      #expect(sum(GaussianLikelihood(), [50, log(variance)]).allSatisfy { abs($0) < 1e-3 })
    default: #expect(abs(sum(kind.init(), [50])[0]) < 1e-3)
    }
  }

  struct Row: Sendable {
    var objective: any Objective, output: [Float], target: Targets.Row, value: Double, gradient: [Double]
    init(_ objective: any Objective, _ z: [Float], _ target: Targets.Row, _ value: Double, _ gradient: [Double]) {
      (self.objective, output, self.target, self.value, self.gradient) = (objective, z, target, value, gradient)
    }
  }

  private static func pinball(_ level: Double) -> Pinball {
    var objective = Pinball()
    objective.level = level
    return objective
  }

  @Test(
    "values by hand",
    arguments: [
      Row(CrossEntropy(), [0, 0], .label(0), log(2), [-0.5, 0.5]),
      Row(CrossEntropy(), [0], .label(1), log(2), [-0.5]), Row(CrossEntropy(), [0], .label(0), log(2), [0.5]),
      Row(CrossEntropy(), [log(3)], .label(1), log(4.0 / 3), [-0.25]),
      Row(CrossEntropy(), [log(3)], .label(0), log(4), [0.75]),
      Row(CrossEntropy(), [0, log(3)], .label(0), log(4), [-0.75, 0.75]),
      // Far from the boundary nothing rounds to nothing or to infinity.
      Row(CrossEntropy(), [-100], .label(1), 100, [-1]), Row(CrossEntropy(), [100], .label(0), 100, [1]),
      Row(CrossEntropy(), [100, 0], .label(1), 100, [1, -1]),
      // The mean over shares of classes.
      Row(CrossEntropy(), [0, log(3)], .shares([0.9, 0.1]), 0.9 * log(4) + 0.1 * log(4.0 / 3), [-0.65, 0.65]),
      Row(CrossEntropy(), [log(3)], .shares([0.9, 0.1]), 0.9 * log(4) + 0.1 * log(4.0 / 3), [0.65]),
      Row(CrossEntropy(), [100, 0], .shares([0, 1]), 100, [1, -1]),
      Row(CrossEntropy(), [-100], .shares([0.5, 0.5]), 50, [-0.5]),
      Row(SquaredError(), [1, 4], .values([3, 3]), 2.5, [-2, 1]),
      Row(GaussianLikelihood(), [1, 0], .values([1]), log(2 * .pi) / 2, [0, 0.5]),
      Row(GaussianLikelihood(), [3, log(4)], .values([1]), (log(2 * .pi) + log(4) + 1) / 2, [0.5, 0]),
      Row(Pinball(), [3], .values([1]), 1, [0.5]), Row(Pinball(), [1], .values([3]), 1, [-0.5]),
      Row(pinball(0.9), [1, 3], .values([3, 1]), 1, [-0.45, 0.05]),
    ])
  func table(_ row: Row) {
    let (value, gradient) = Self.value(row.objective, row.output, row.target)
    #expect(abs(value - row.value) < 1e-5 * max(1, row.value))
    #expect(
      zip(gradient, row.gradient).allSatisfy { abs(Double($0) - $1) < 1e-5 } && gradient.count == row.gradient.count)
  }

  @Test("an attack's cross-entropy and a metric's are the objective's")
  func oneHome() {
    let z: [Float] = [0.3, -1, 2], outputs = Tensor([1, 3], z)
    for label in 0..<3 {
      let value = Self.value(CrossEntropy(), z, .label(label)).0
      let attack = Loss.crossEntropy.values(outputs, targets: [label], probabilities: false)[0]
      let total = z.reduce(0.0) { $0 + exp(Double($1)) }
      #expect(Double(attack) == value && abs(value - (log(total) - Double(z[label]))) < 1e-6)
    }
  }

  @Test("a batch's values are its rows', its derivatives weighted", arguments: objectives)
  func batches(_ kind: any Objective.Type) {
    let (outputs, targets) = Self.rows(kind.tasks[0], seed: 9), objective = kind.init()
    let flat = outputs.flatMap { $0 }
    var gradient = [Float](repeating: 0, count: flat.count)
    let values = flat.withUnsafeBufferPointer { flat in
      gradient.withUnsafeMutableBufferPointer { objective.values(flat, targets, weight: 0.5, gradient: $0) }
    }
    for (row, z) in outputs.enumerated() {
      let alone = Self.value(objective, z, targets[row])
      #expect(Double(values[row]) == alone.0)
      #expect(Array(gradient[row * z.count..<(row + 1) * z.count]) == alone.1.map { 0.5 * $0 })
    }
  }

  @Test("a target of another kind has no value, and parameters out of bounds are refused")
  func refused() {
    for kind in Self.objectives {
      let wrong: Targets.Row = kind.tasks[0] == .classification ? .values([1, 2, 3]) : .label(0)
      #expect(Self.value(kind.init(), [1, 2, 3, 4], wrong).0.isNaN)
    }
    for level in [0, 1, -1, Double.nan] {
      #expect(throws: CatalogError.self) { try Self.pinball(level).check() }
    }
  }
}
