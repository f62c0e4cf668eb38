import Foundation

/// The mean and deviation that a column of numbers is standardized by.
package struct ColumnScale: Sendable {
  package let mean: Double
  package let deviation: Double

  /// A column of one number, as far as its digits go, keeps its unit.
  package init(_ numbers: [Double]) {
    let count = Double(max(numbers.count, 1)), mean = numbers.reduce(0, +) / count
    let deviation = (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    self.mean = mean
    self.deviation = deviation > 1e-12 * abs(mean) ? deviation : 1
  }

  /// How a column of this name becomes a number, in words.
  func words(for column: String) -> String {
    func text(_ number: Double) -> String { String(format: "%.6g", number) }
    return "\(column)\(mean < 0 ? ", plus \(text(-mean))" : ", less \(text(mean))"), over \(text(deviation))"
  }

  func standardized(_ number: Double) -> Float { Float((number - mean) / deviation) }
}
