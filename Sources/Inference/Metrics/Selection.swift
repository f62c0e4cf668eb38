import Foundation

extension Metrics {
  /// How well confidence tells right answers from wrong ones: the probability that a right one has more.
  public static func failureAUROC(_ probabilities: [[Double]], _ labels: [Int]) -> Double {
    let (confidence, correct) = outcomes(probabilities, labels)
    let right = confidence.indices.filter { correct[$0] }.map { confidence[$0] }
    return areaUnderROC(negatives: confidence.indices.filter { !correct[$0] }.map { confidence[$0] }, positives: right)
  }

  /// The probability that a positive scores above a negative, ties counting one half (Mann and Whitney).
  public static func areaUnderROC(negatives: [Double], positives: [Double]) -> Double {
    guard !negatives.isEmpty, !positives.isEmpty else { return .nan }
    let all = (negatives.map { ($0, false) } + positives.map { ($0, true) }).sorted { $0.0 < $1.0 }
    var rankSum = 0.0, start = 0
    while start < all.count {
      var end = start
      while end < all.count, all[end].0 == all[start].0 { end += 1 }
      let rank = Double(start + end + 1) / 2
      rankSum += rank * Double(all[start..<end].count(where: { $0.1 }))
      start = end
    }
    let p = Double(positives.count)
    return (rankSum - p * (p + 1) / 2) / (p * Double(negatives.count))
  }

  /// Average precision: Σ (recall gained) · precision, over falling thresholds.
  public static func averagePrecision(negatives: [Double], positives: [Double]) -> Double {
    guard !positives.isEmpty else { return .nan }
    let all = (negatives.map { ($0, false) } + positives.map { ($0, true) }).sorted { $0.0 > $1.0 }
    var hits = 0, seen = 0, sum = 0.0, start = 0
    while start < all.count {
      var end = start, gained = 0
      while end < all.count, all[end].0 == all[start].0 {
        gained += all[end].1 ? 1 : 0
        end += 1
      }
      hits += gained
      seen = end
      sum += Double(gained) / Double(positives.count) * Double(hits) / Double(seen)
      start = end
    }
    return sum
  }

  /// The share of negatives at or above the largest threshold that keeps at least `recall` of the positives.
  public static func falsePositiveRate(negatives: [Double], positives: [Double], recall: Double = 0.95) -> Double {
    guard !negatives.isEmpty, !positives.isEmpty else { return .nan }
    let sorted = positives.sorted(by: >)
    let needed = min(max(Int((recall * Double(sorted.count)).rounded(.up)), 1), sorted.count)
    let threshold = sorted[needed - 1]
    return Double(negatives.count(where: { $0 >= threshold })) / Double(negatives.count)
  }
}
