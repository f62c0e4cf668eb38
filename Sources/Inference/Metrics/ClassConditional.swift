extension Conformal {
  /// A threshold for each class, from that class's examples alone: sets then hold the true class as often as asked in
  /// every class, not only on average. Mondrian conformal prediction: Vovk et al. 2005; Vovk 2012, arXiv 1209.2673;
  /// Ding et al. 2023, arXiv 2306.09335.
  /// - Parameters:
  ///   - scores: of the examples' true classes.
  ///   - labels: of the same examples.
  /// - Returns: by class; infinite where the class has too few examples, so that it is in every set.
  public static func thresholds(_ scores: [Double], _ labels: [Int], classes: Int, alpha: Double) -> [Double] {
    var byClass = [[Double]](repeating: [], count: classes)
    for (score, label) in zip(scores, labels) { byClass[label].append(score) }
    return byClass.map { threshold($0, alpha: alpha) }
  }

  /// The classes whose score is at most their own threshold, rising.
  /// - Parameters:
  ///   - thresholds: one for each class.
  ///   - u: as for ``score(_:_:_:u:)``.
  ///   - neverEmpty: the likeliest class is in every set: such sets hold the true class at least as often.
  public static func set(
    _ p: [Double], _ kind: Score, thresholds: [Double], u: Double = 0, neverEmpty: Bool = false
  ) -> [Int] {
    let set = members(p, kind, thresholds, u: u), label = Label.of(p)
    return set.isEmpty && neverEmpty && label != Label.none ? [label] : set
  }

  private static func members(_ p: [Double], _ kind: Score, _ thresholds: [Double], u: Double) -> [Int] {
    switch kind {
    case .lac: return p.indices.filter { score(p, $0, .lac) <= thresholds[$0] }
    case .aps:
      var sum = 0.0, set: [Int] = []
      for k in p.indices.sorted(by: { (-p[$0], $0) < (-p[$1], $1) }) {
        sum += p[k]
        // As the score has it, to the bit: an example whose score is the threshold is covered.
        if sum - u * p[k] <= thresholds[k] { set.append(k) }
      }
      return set.sorted()
    }
  }

  /// How many examples a finite threshold takes: the least n with ⌈(n + 1)(1 − α)⌉ ≤ n.
  public static func leastExamples(alpha: Double) -> Int {
    var n = max(Int((1 / alpha).rounded(.down)) - 1, 1)
    while threshold([Double](repeating: 0, count: n), alpha: alpha) == .infinity { n += 1 }
    while n > 1, threshold([Double](repeating: 0, count: n - 1), alpha: alpha) < .infinity { n -= 1 }
    return n
  }
}
