import DitherBasics
import DitherTensor
import Foundation

/// A number of an answer or of its input, whose distribution a served version is watched by.
public enum DriftStatistic: String, Codable, CodingKeyRepresentable, Sendable, CaseIterable {
  /// The mean of an input's numbers, as the model takes them.
  case inputMean = "input_mean"
  /// Their standard deviation.
  case inputDeviation = "input_deviation"
  /// ``PredictiveEntropy``.
  case predictiveEntropy = "predictive_entropy"
  /// ``MutualInformation``; absent of a model without noise.
  case mutualInformation = "mutual_information"

  /// Measures that predictions must have to be compared.
  static let measures: [any Measure.Type] = [PredictiveEntropy.self, MutualInformation.self]

  /// - Returns: nil where the answer does not tell.
  func value(input: ArraySlice<Float>, _ prediction: Prediction) -> Float? {
    let found: Double?
    switch self {
    case .inputMean: found = Self.moments(input).mean
    case .inputDeviation: found = Self.moments(input).deviation
    case .predictiveEntropy: found = prediction[PredictiveEntropy.self]?.first
    case .mutualInformation: found = prediction[MutualInformation.self]?.first
    }
    return found.flatMap { $0.isFinite ? Float($0) : nil }
  }

  private static func moments(_ input: ArraySlice<Float>) -> (mean: Double, deviation: Double) {
    var sum = 0.0, squares = 0.0
    for value in input { sum += Double(value) }
    let count = Double(max(input.count, 1)), mean = sum / count
    for value in input { squares += (Double(value) - mean) * (Double(value) - mean) }
    return (mean, (squares / count).squareRoot())
  }
}

/// The distributions that a calibration's examples had, which later inputs and answers are compared with: of the
/// examples that the temperature was not fitted on.
public struct DriftReference: Codable, Sendable, Equatable {
  /// Examples that are kept.
  public static let mostExamples = 1000

  /// By statistic, in rising order.
  public private(set) var values: [DriftStatistic: [Float]]

  /// - Parameters:
  ///   - inputs: [N, …] as the model takes them.
  ///   - predictions: as many.
  public init(inputs: Tensor, _ predictions: [Prediction]) {
    values = [:]
    for statistic in DriftStatistic.allCases {
      let all = predictions.indices.compactMap { statistic.value(input: inputs.row($0), predictions[$0]) }
      if all.count == predictions.count { values[statistic] = all.sorted() }
    }
  }

  /// Whether what was stored is what a calibration stores.
  var isWhole: Bool {
    values.values.allSatisfy { own in
      (1...Self.mostExamples).contains(own.count) && own.allSatisfy(\.isFinite)
        && zip(own, own.dropFirst()).allSatisfy { $0 <= $1 }
    }
  }
}

/// The last answers of a version beside a ``DriftReference``: a two-sample test of each statistic.
///
/// Each whole window is tested once, apart from all others. Without drift, and with inputs that are independent of each
/// other, the statistics of a window are all below their thresholds but with probability ``falseAlarmRate`` (the union
/// over the statistics).
public struct DriftWindow: Sendable {
  /// Answers of a window.
  public static let length = 500
  /// The rate of one window, all statistics together.
  public static let falseAlarmRate = 0.001
  /// Fewer say nothing.
  public static let leastAnswers = 50

  /// One statistic's two samples.
  public struct Comparison: Sendable, Equatable {
    /// By which they are compared.
    public var statistic: DriftStatistic
    /// Between the distribution functions.
    public var distance: Double
    /// How likely so large a distance is without drift.
    public var pValue: Double
    /// The median of the calibration's examples.
    public var referenceMedian: Double
    /// The median of the window.
    public var recentMedian: Double
    /// Whether the p-value is below this statistic's share of the false-alarm rate.
    public var isDrifted: Bool
  }

  private let reference: DriftReference
  /// By statistic, the last ``length`` values; the next overwrites the oldest.
  private var recent: [DriftStatistic: [Float]] = [:]
  private var next = 0
  /// Answers that were compared.
  public private(set) var answers: UInt64 = 0
  /// Whole windows that were tested.
  public private(set) var windows: UInt64 = 0
  /// The windows that had drifted.
  public private(set) var alarms: UInt64 = 0

  /// A window without answers.
  /// - Returns: nil where the reference is none that a calibration makes.
  public init?(_ reference: DriftReference) {
    guard reference.isWhole else { return nil }
    self.reference = reference
  }

  /// Answers of the window, at most ``length``.
  public var filled: Int { Int(min(answers, UInt64(Self.length))) }

  /// - Parameters:
  ///   - inputs: [B, …] as the model takes them.
  ///   - predictions: B, made as the calibration's were.
  /// - Returns: the tests of windows that became whole, the latest last.
  @discardableResult
  public mutating func add(_ inputs: Tensor, _ predictions: [Prediction]) -> [[Comparison]] {
    var tested: [[Comparison]] = []
    for (row, prediction) in predictions.enumerated() {
      let input = inputs.row(row)
      let values = reference.values.keys.compactMap { statistic in
        statistic.value(input: input, prediction).map { (statistic, $0) }
      }
      // An answer that lacks a measure, as for being asked for others, is none of the same kind.
      guard values.count == reference.values.count else { continue }
      for (statistic, value) in values {
        if filled < Self.length {
          recent[statistic, default: []].append(value)
        } else {
          recent[statistic]?[next] = value
        }
      }
      next = (next + 1) % Self.length
      answers += 1
      guard next == 0 else { continue }
      windows += 1
      let found = comparisons
      if found.contains(where: \.isDrifted) { alarms += 1 }
      tested.append(found)
    }
    return tested
  }

  /// Tests of the last answers, in the order of the statistics; none of too few.
  public var comparisons: [Comparison] {
    guard filled >= Self.leastAnswers else { return [] }
    let level = Self.falseAlarmRate / Double(max(reference.values.count, 1))
    return DriftStatistic.allCases.compactMap { statistic in
      guard let before = reference.values[statistic], let now = recent[statistic]?.sorted() else { return nil }
      let distance = KolmogorovSmirnov.distance(rising: before, now)
      let pValue = KolmogorovSmirnov.tail(distance: distance, before.count, now.count)
      return Comparison(
        statistic: statistic, distance: distance, pValue: pValue, referenceMedian: Double(before[before.count / 2]),
        recentMedian: Double(now[now.count / 2]), isDrifted: pValue < level)
    }
  }
}
