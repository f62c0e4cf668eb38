import Foundation

/// A bowl with a regular pattern of hollows. Source: Rastrigin 1974; Mühlenbein, Schomisch, Born 1991.
enum Rastrigin: FunctionSet {
  static let name = "rastrigin"
  static let summary = "a bowl with hollows, 2 to 10 dimensions, noisy targets, a value each"
  static let halfWidth = 5.12
  static func value(_ x: [Double]) -> Double {
    x.reduce(10 * Double(x.count)) { $0 + $1 * $1 - 10 * cos(2 * .pi * $1) }
  }
}
