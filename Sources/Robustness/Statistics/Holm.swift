extension Statistics {
  /// Probabilities of several tests, such that to call those below 5 % different errs in any of them in at most 5 % of
  /// all cases. Holm 1979, Scandinavian Journal of Statistics 6.
  /// - Returns: in the order of `p`, each at least what it was and at most 1.
  package static func holm(_ p: [Double]) -> [Double] {
    var adjusted = p, largest = 0.0
    for (rank, at) in p.indices.sorted(by: { (p[$0], $0) < (p[$1], $1) }).enumerated() {
      largest = max(largest, min(Double(p.count - rank) * p[at], 1))
      adjusted[at] = largest
    }
    return adjusted
  }
}
