/// Answering only where a model is sure: the risk at every coverage. Geifman and El-Yaniv 2017, arXiv 1705.08500;
/// Geifman et al. 2019, arXiv 1805.08206.
///
/// Equal scores carry no order: of a tied block every example counts as the block's mean risk, which is the expectation
/// over all orders of it, and what answering a part of the block by chance gives.
public struct RiskCoverage: Sendable {
  /// Errors among the k + 1 surest, in expectation.
  private let errors: [Double]
  private let wrong: Int

  /// - Parameters:
  ///   - right: whether each example's answer is.
  ///   - uncertainty: of each example; larger is less sure.
  public init(_ right: [Bool], uncertainty: [Double]) {
    let order = right.indices.sorted { uncertainty[$0] < uncertainty[$1] }
    self.init(sorted: order.map { right[$0] }, uncertainty: order.map { uncertainty[$0] })
  }

  /// - Parameters:
  ///   - right: the surest first.
  ///   - uncertainty: in rising order.
  package init(sorted right: [Bool], uncertainty: [Double]) {
    var errors: [Double] = [], before = 0, start = 0
    errors.reserveCapacity(right.count)
    while start < right.count {
      var end = start + 1
      while end < right.count, uncertainty[end] == uncertainty[start] { end += 1 }
      let wrong = right[start..<end].count { !$0 }, size = end - start
      for k in 1...size { errors.append(Double(before) + Double(wrong * k) / Double(size)) }
      before += wrong
      start = end
    }
    self.errors = errors
    wrong = before
  }

  /// How many examples there are.
  public var count: Int { errors.count }

  /// Errors among the `count` surest, in expectation where that divides a tied block.
  public func errors(among count: Int) -> Double { count == 0 ? 0 : errors[count - 1] }

  /// The mean over all coverages of the risk; 0 to 1, 0 of no examples.
  public var area: Double {
    var sum = 0.0
    for (k, errors) in errors.enumerated() { sum += errors / Double(k + 1) }
    return sum / Double(max(count, 1))
  }

  /// `area` less that of an order which knows every error.
  public var excess: Double {
    var perfect = 0.0
    for k in count - wrong..<count { perfect += Double(k - (count - wrong) + 1) / Double(k + 1) }
    return area - perfect / Double(max(count, 1))
  }

  /// The largest share of answers whose risk is at most this.
  public func coverage(atRisk bound: Double) -> Double {
    // A sum of thirds may miss its own bound by a rounding.
    guard let last = errors.indices.last(where: { errors[$0] <= bound * Double($0 + 1) + 1e-9 }) else { return 0 }
    return Double(last + 1) / Double(count)
  }
}

extension Metrics {
  /// The mean over k of the error rate among the k most confident examples, a tied block as its mean:
  /// ``RiskCoverage/area``.
  public static func areaUnderRiskCoverage(_ probabilities: [[Double]], _ labels: [Int]) -> Double {
    riskCoverage(probabilities, labels).area
  }

  /// AURC less that of an oracle which ranks every error last.
  public static func excessAreaUnderRiskCoverage(_ probabilities: [[Double]], _ labels: [Int]) -> Double {
    riskCoverage(probabilities, labels).excess
  }

  private static func riskCoverage(_ probabilities: [[Double]], _ labels: [Int]) -> RiskCoverage {
    let (confidence, correct) = outcomes(probabilities, labels)
    return RiskCoverage(correct, uncertainty: confidence.map { -$0 })
  }
}
