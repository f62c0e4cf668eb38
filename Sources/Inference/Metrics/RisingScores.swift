/// Conformity scores of examples in rising order, thinned out where they are many: each threshold is the next larger
/// one that was kept, so that it holds as often as asked, and at most 1 / ``most`` more often than that of all.
struct RisingScores: Codable, Sendable, Equatable {
  /// Scores that are kept at most.
  static let most = 1000

  /// Scores that there were.
  let count: Int
  /// The largest of each of as many parts of all, rising.
  private let kept: [Double]

  init(_ scores: [Double]) {
    let all = scores.sorted(), parts = min(all.count, Self.most)
    count = all.count
    kept = (0..<parts).map { all[(($0 + 1) * all.count + parts - 1) / parts - 1] }
  }

  /// As ``Conformal/threshold(_:alpha:)`` of all scores.
  func threshold(coverage: Double) -> Double {
    guard let place = Conformal.place(among: count, alpha: 1 - coverage) else { return .infinity }
    return kept[(place - 1) * kept.count / count]
  }
}
