extension Statistics {
  /// The mean over two crossed kinds of chance, draws of a model and examples: the error of either counts, as other
  /// draws and other examples would have given another mean.
  ///
  /// Its variance is v_draws / D + v_examples / N − v_rest / (D N), of the mean squares by draw, by example and of what
  /// neither explains: both of the first hold the rest once. Cornfield and Tukey 1956, Annals of Mathematical
  /// Statistics 27; the degrees of freedom by Satterthwaite 1946, Biometrics Bulletin 2.
  package struct Crossed {
    package let value: Double
    private let variance: Double
    /// nil where there is only one of a kind.
    private let degrees: Int?
    private let draws: Int, examples: Int

    /// - Parameter values: [draws][examples], at least one of each.
    package init(_ values: [[Double]]) {
      let draws = values.count, examples = values.first?.count ?? 0
      (self.draws, self.examples) = (draws, examples)
      let byDraw = values.map { $0.reduce(0, +) / Double(max(examples, 1)) }
      let value = byDraw.reduce(0, +) / Double(max(draws, 1))
      self.value = value
      let byExample = (0..<examples).map { e in values.reduce(0) { $0 + $1[e] } / Double(draws) }
      func share(_ means: [Double]) -> Double {
        guard means.count > 1 else { return 0 }
        return means.reduce(0) { $0 + ($1 - value) * ($1 - value) } / Double((means.count - 1) * means.count)
      }
      let ofDraws = share(byDraw), ofExamples = share(byExample)
      var rest = 0.0
      if draws > 1, examples > 1 {
        for d in 0..<draws {
          for e in 0..<examples {
            let left = values[d][e] - byDraw[d] - byExample[e] + value
            rest += left * left
          }
        }
        rest /= Double((draws - 1) * (examples - 1)) * Double(draws * examples)
      }
      variance = max(ofDraws + ofExamples - rest, max(ofDraws, ofExamples))
      let spread =
        ofDraws * ofDraws / Double(max(draws - 1, 1)) + ofExamples * ofExamples / Double(max(examples - 1, 1))
      let least = min(draws > 1 ? draws - 1 : .max, examples - 1)
      degrees =
        examples < 2 ? nil : spread > 0 ? max(Int(min(variance * variance / spread, 1e9)), 1) : max(least, 1)
    }

    /// 95 %, by Student's t; nil of one example.
    package var interval: Interval? {
      guard let degrees else { return nil }
      let half = t95(degrees: degrees) * variance.squareRoot()
      return Interval(low: value - half, high: value + half)
    }

    /// 95 %, of values that are 0 or 1: Wilson's, with as many examples as would give this variance, and never more
    /// than there are. Korn and Graubard 1998, Survey Methodology 24.
    package var shareInterval: Interval {
      let scale = degrees.map { (z95 / t95(degrees: $0)) * (z95 / t95(degrees: $0)) } ?? 1
      let n = Double(examples)
      guard draws > 1 else { return Proportion.wilson(value, n: n) }
      let effective = variance > 0 ? min(value * (1 - value) / variance * scale, n) : n
      return Proportion.wilson(value, n: max(effective, 1))
    }
  }
}
