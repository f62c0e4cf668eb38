/// A narrow bent valley. Source: Rosenbrock 1960; De Jong 1975, function 2.
enum Rosenbrock: FunctionSet {
  static let name = "rosenbrock"
  static let summary = "a bent valley, 2 to 10 dimensions, noisy targets, a value each"
  static let halfWidth = 2.048
  static func value(_ x: [Double]) -> Double {
    zip(x, x.dropFirst()).reduce(0) { sum, pair in
      let (a, b) = (pair.1 - pair.0 * pair.0, 1 - pair.0)
      return sum + 100 * a * a + b * b
    }
  }
}
