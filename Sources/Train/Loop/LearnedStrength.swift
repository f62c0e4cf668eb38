import DitherGraph

extension Trainer {
  /// The mean of a learned term's strengths as they stand; nil of a term that does not learn.
  /// - Parameter term: its position in the recipe.
  func learnedStrength(of term: Int) -> Float? {
    let strengths = graph.learnedDeviations(of: term).flatMap { learned in
      parameters.ranges[learned.id].map { learned.strengths(parameters.floats[$0]) } ?? []
    }
    guard !strengths.isEmpty else { return nil }
    return Float(strengths.reduce(0.0) { $0 + Double($1) } / Double(strengths.count))
  }
}
