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

  /// Else it is of the answer, which depends on the draws.
  var isOfInput: Bool { self == .inputMean || self == .inputDeviation }

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
/// Rows that are answered under one seed share their draws: of few draws, entropies of many such rows are all high or
/// all low together, as if they had drifted. So the statistics of answers take one row of each seed, and those of
/// inputs take all. Each whole window of either kind is tested once, apart from all others. Without drift, and with
/// inputs that are independent of each other, the statistics of a window are all below their thresholds but with
/// probability ``falseAlarmRate`` at most (the union over all statistics).
public struct DriftWindow: Sendable {
  /// Values of a window.
  public static let length = 500
  /// The rate of one window, all statistics together.
  public static let falseAlarmRate = 0.001
  /// Fewer say nothing.
  public static let leastAnswers = 50

  /// One statistic's two samples.
  public struct Comparison: Sendable, Equatable {
    /// By which they are compared.
    public var statistic: DriftStatistic
    /// Recent values, at most ``DriftWindow/length``.
    public var filled: Int
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
  private var inputs: RecentValues
  private var outputs: RecentValues
  /// Answers whose inputs were compared.
  public private(set) var answers: UInt64 = 0
  /// Whole windows that were tested, of inputs and of answers.
  public private(set) var windows: UInt64 = 0
  /// The windows that had drifted.
  public private(set) var alarms: UInt64 = 0

  /// A window without answers.
  /// - Returns: nil where the reference is none that a calibration makes.
  public init?(_ reference: DriftReference) {
    guard reference.isWhole else { return nil }
    self.reference = reference
    let known = DriftStatistic.allCases.filter { reference.values[$0] != nil }
    inputs = RecentValues(known.filter(\.isOfInput), length: Self.length)
    outputs = RecentValues(known.filter { !$0.isOfInput }, length: Self.length)
  }

  /// Inputs of the window, at most ``length``.
  public var filled: Int { Int(min(answers, UInt64(Self.length))) }

  /// - Parameters:
  ///   - rows: [B, …] as the model takes them.
  ///   - predictions: B, made as the calibration's were.
  ///   - seed: of the draws that they share; nil: they share none, as where nothing is drawn.
  /// - Returns: the tests of windows that became whole, the latest last.
  @discardableResult
  public mutating func add(_ rows: Tensor, _ predictions: [Prediction], seed: UInt64? = nil) -> [[Comparison]] {
    var tested: [[Comparison]] = []
    // One that is no caller's choice: the first of a request may be like no other.
    let chosen = seed.map { Int(mixSeed($0, 0x64_7269_6674) % UInt64(max(predictions.count, 1))) }
    for (row, prediction) in predictions.enumerated() {
      let input = rows.row(row)
      var values: [DriftStatistic: Float] = [:]
      for statistic in reference.values.keys { values[statistic] = statistic.value(input: input, prediction) }
      // An answer that lacks a measure, as for being asked for others, is none of the same kind.
      guard values.count == reference.values.count else { continue }
      answers += 1
      if inputs.add(values) { tested.append(test(inputs)) }
      // Where there are no statistics of answers, as for a regression, no window of them is filled.
      guard !outputs.statistics.isEmpty, chosen.map({ $0 == row }) ?? true else { continue }
      if outputs.add(values, seed: seed) { tested.append(test(outputs)) }
    }
    return tested
  }

  private mutating func test(_ recent: RecentValues) -> [Comparison] {
    let found = comparisons(of: recent)
    windows += 1
    if found.contains(where: \.isDrifted) { alarms += 1 }
    return found
  }

  /// Tests of the last answers, in the order of the statistics; none of too few.
  public var comparisons: [Comparison] { comparisons(of: inputs) + comparisons(of: outputs) }

  private func comparisons(of recent: RecentValues) -> [Comparison] {
    guard recent.filled >= Self.leastAnswers else { return [] }
    let level = Self.falseAlarmRate / Double(max(reference.values.count, 1))
    return recent.statistics.compactMap { statistic in
      guard let before = reference.values[statistic], let now = recent.values[statistic]?.sorted() else { return nil }
      let distance = KolmogorovSmirnov.distance(rising: before, now)
      let pValue = KolmogorovSmirnov.tail(distance: distance, before.count, now.count)
      return Comparison(
        statistic: statistic, filled: now.count, distance: distance, pValue: pValue,
        referenceMedian: Double(before[before.count / 2]), recentMedian: Double(now[now.count / 2]),
        isDrifted: pValue < level)
    }
  }
}

/// The last values of statistics that are counted together; the next overwrites the oldest.
private struct RecentValues: Sendable {
  let statistics: [DriftStatistic]
  private let length: Int
  /// As many of each statistic.
  private(set) var values: [DriftStatistic: [Float]] = [:]
  private(set) var filled = 0
  private var next = 0
  /// By place, and all of them.
  private var seeds: [UInt64?] = []
  private var known: Set<UInt64> = []

  init(_ statistics: [DriftStatistic], length: Int) { (self.statistics, self.length) = (statistics, length) }

  /// - Parameter seed: under which one value is taken while it is among the last; nil: every value is.
  /// - Returns: whether a window of new values has become whole.
  mutating func add(_ new: [DriftStatistic: Float], seed: UInt64? = nil) -> Bool {
    guard !statistics.isEmpty, seed.map({ known.insert($0).inserted }) ?? true else { return false }
    if filled < length {
      for statistic in statistics { values[statistic, default: []].append(new[statistic] ?? 0) }
      seeds.append(seed)
      filled += 1
    } else {
      for statistic in statistics { values[statistic]?[next] = new[statistic] ?? 0 }
      if let old = seeds[next] { known.remove(old) }
      seeds[next] = seed
    }
    next = (next + 1) % length
    return next == 0
  }
}
