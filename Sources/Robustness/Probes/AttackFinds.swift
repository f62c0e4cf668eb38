/// An attack's finds on a shard beside the examples that it broke.
struct AttackFinds: Codable {
  /// The least perturbation found that the deployed predictor fails on, of an attack of minimum norm: 0 where it fails
  /// already, nil where none was found.
  var distances: [Double?]?
  /// By example, right under the same attack through one draw a step, if that was asked for.
  var singleDraw: [Bool]?
  var trace: Trace?
  /// How good a regression's answers are, before and after.
  var values: KeptValues?
}

extension AttackFinds {
  /// The progress of an attack, thinned: sums over the examples of the best margin so far.
  struct Trace: Codable {
    /// Questions asked by then, of each example.
    var questions: [Int]
    var sums: [Double]
    var examples: Int

    static let most = 40

    init?(_ trace: [Float], examples: Int) {
      guard trace.count > 1, examples > 0 else { return nil }
      // More of the beginning, where most happens.
      let last = Double(trace.count - 1), count = min(Self.most, trace.count)
      var places = [Int]()
      for i in 0..<count {
        let place = Int((last * (Double(i) / Double(count - 1)) * (Double(i) / Double(count - 1))).rounded())
        places.append(trace.count <= Self.most ? i : place)
      }
      questions = Array(Set(places)).sorted()
      sums = questions.map { Double(trace[$0]) * Double(examples) }
      questions = questions.map { $0 + 1 }
      self.examples = examples
    }
  }
}

extension ProbeReport.Progress {
  /// Shards may end after different numbers of questions: the mean is over those that got so far, and the last of the
  /// others.
  init?(_ traces: [AttackFinds.Trace]) {
    let places = Set(traces.flatMap(\.questions)).sorted(), examples = traces.reduce(0) { $0 + $1.examples }
    guard places.count > 1, examples > 0 else { return nil }
    let thinned = places.count <= 60 ? places : (0..<60).map { places[$0 * (places.count - 1) / 59] }
    questions = thinned
    margins = thinned.map { place in
      traces.reduce(0) { sum, trace in
        let at = trace.questions.lastIndex { $0 <= place } ?? 0
        return sum + trace.sums[at]
      } / Double(examples)
    }
  }
}
