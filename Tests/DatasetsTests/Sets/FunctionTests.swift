import DitherDatasets
import DitherTensor
import Foundation
import Testing

/// Functions as data sets: values by their formulas, noise of the strength that was asked for.
@Suite("Functions")
struct FunctionTests {
  struct Formula: Sendable {
    let name: String, half: Double
    let value: @Sendable ([Double]) -> Double
  }

  static let formulas = [
    Formula(name: "sphere", half: 5.12) { x in x.map { $0 * $0 }.reduce(0, +) },
    Formula(name: "rosenbrock", half: 2.048) { x in
      var sum = 0.0
      for i in 0..<x.count - 1 { sum += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2) }
      return sum
    },
    Formula(name: "rastrigin", half: 5.12) { x in
      var sum = 0.0
      for v in x { sum += v * v - 10 * cos(2 * .pi * v) + 10 }
      return sum
    },
  ]

  private static func values(_ set: Dataset) throws -> [Double] {
    guard case .values(let values) = set.targets else { return [] }
    return values.elements.map { Double($0) }
  }

  @Test("test targets are the function's, training targets have its noise", arguments: formulas.map(\.name), [2, 5])
  func targets(_ name: String, _ dimensions: Int) throws {
    let formula = try #require(Self.formulas.first { $0.name == name })
    func clean(_ set: Dataset) -> [Double] {
      (0..<set.count).map { row in formula.value(set.inputs.row(row).map { Double($0) * formula.half }) }
    }
    let test = try Dataset.load("\(name)?dimensions=\(dimensions)")
    #expect(test.inputs.shape == [2000, dimensions] && test.inputs.elements.allSatisfy { abs($0) <= 1 })
    let exact = clean(test), mean = exact.reduce(0, +) / 2000
    let deviation = (exact.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2000).squareRoot()
    for (a, b) in zip(exact, try Self.values(test)) { #expect(abs(a - b) <= 1e-4 * max(1, deviation)) }
    let train = try Dataset.load("\(name)?dimensions=\(dimensions)&examples=3000&noise=0.25", .train)
    let errors = zip(try Self.values(train), clean(train)).map { ($0 - $1) / deviation }
    let bias = errors.reduce(0, +) / 3000, square = errors.reduce(0) { $0 + $1 * $1 } / 3000
    // Five standard errors of a mean and of a variance of normals.
    #expect(abs(bias) < 5 * 0.25 / 3000.0.squareRoot() && abs(square / 0.0625 - 1) < 5 * (2.0 / 3000).squareRoot())
  }

  @Test("more examples begin with those of fewer, and another seed has others")
  func examples() throws {
    let few = try Dataset.load("sphere?examples=10", .train), more = try Dataset.load("sphere?examples=20", .train)
    #expect(more.first(10).inputs == few.inputs && more.first(10).targets == few.targets)
    #expect(try Dataset.load("sphere?examples=10&seed=1", .train).inputs != few.inputs)
    let bare = try Dataset.load("sphere?examples=10&noise=0", .train)
    #expect(bare.inputs == few.inputs && bare.targets != few.targets)
  }
}
