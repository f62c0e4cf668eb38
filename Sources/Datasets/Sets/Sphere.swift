/// The sum of squares: one bowl. Source: De Jong 1975, function 1.
enum Sphere: FunctionSet {
  static let name = "sphere"
  static let summary = "Σ x², 2 to 10 dimensions, noisy targets, a value each"
  static let halfWidth = 5.12
  static func value(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 } }
}
