import DitherBasics
import DitherRobustness
import Foundation

/// The result of a trial.
public struct SweepResult: Codable, Sendable, Equatable {
  /// From 0.
  public var point: Int
  /// The trial's.
  public var seed: UInt64
  /// Epochs that it was trained for.
  public var epochs: Int
  /// On the validation part; nil where the training diverged.
  public var validation: Evaluation?
  /// Why there is none.
  public var failure: String?
  /// The time of training and evaluation, on one thread, those of an earlier process with them.
  public var seconds: Double
  /// Where it was compared before, by asynchronous halving.
  public var earlier: [Step]?
}

extension SweepResult {
  /// A result's file: what it came to, and the digest of that.
  struct Kept: Encodable {
    private let result: SweepResult
    private let digest: String
    private enum Key: String, CodingKey { case digest }

    init(_ result: SweepResult) throws {
      self.result = result
      digest = "\(Sha256.hash(try jsonText(of: result)))"
    }

    func encode(to encoder: any Encoder) throws {
      try result.encode(to: encoder)
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(digest, forKey: .digest)
    }

    private struct Mark: Decodable { var digest: String? }

    /// - Returns: nil where it is none, or has changed since it was written. Files from before digests have none.
    static func read(_ file: Data) -> SweepResult? {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      guard let result = try? decoder.decode(SweepResult.self, from: file),
        let mark = try? decoder.decode(Mark.self, from: file), let own = try? Kept(result)
      else { return nil }
      return mark.digest == nil || mark.digest == own.digest ? result : nil
    }
  }
}

/// The points of a sweep in their order, best first.
public struct SweepTable: Codable, Sendable {
  /// One point over its seeds.
  public struct Row: Codable, Sendable {
    /// From 0.
    public var point: Int
    /// By key.
    public var settings: [String: Setting]
    /// Epochs that all its seeds have been trained for.
    public var epochs: Int
    /// Seeds with a result.
    public var seeds: Int
    /// The mean over them of what is chosen by; nil where one of them diverged.
    public var mean: Double?
    /// The standard deviation over seeds; nil of one.
    public var deviation: Double?
    /// Half of the interval of 95 % for the mean, by Student's t; nil of one seed.
    public var halfWidth: Double?
    /// The means of all that was measured, by name.
    public var measures: [String: Double]
    /// The time of all its trainings.
    public var seconds: Double
  }
  public var name: String
  /// The measure that the points are chosen by, on the validation part.
  public var chosenBy: SweepPlan.Measure
  /// The points, those that were trained longest first, then by the measure.
  public var rows: [Row]
  /// Results that there are.
  public var trials: Int

  init(_ plan: SweepPlan, _ results: [SweepResult]) {
    name = plan.name
    trials = results.count
    // In one order: sums in another have other last digits.
    let results = results.sorted { ($0.point, $0.seed) < ($1.point, $1.seed) }
    let measure = Self.measure(plan, results)
    chosenBy = measure
    rows = Dictionary(grouping: results, by: \.point).map { point, all in
      let epochs = all.map(\.epochs).min() ?? 0
      let values = all.compactMap { $0.validation.flatMap(measure.value) }
      var row = Row(
        point: point, settings: Dictionary(uniqueKeysWithValues: zip(plan.axes.map(\.key), plan.points[point])),
        epochs: epochs, seeds: all.count, measures: [:], seconds: all.reduce(0) { $0 + $1.seconds })
      for one in SweepPlan.Measure.allCases {
        let found = all.compactMap { $0.validation.flatMap(one.value) }
        if found.count == all.count, !found.isEmpty {
          row.measures[one.rawValue] = found.reduce(0, +) / Double(found.count)
        }
      }
      guard values.count == all.count, !values.isEmpty, values.allSatisfy(\.isFinite) else { return row }
      let spread = Paired(values)
      (row.mean, row.deviation) = (spread.mean, spread.deviation)
      row.halfWidth = spread.interval.map { ($0.high - $0.low) / 2 }
      return row
    }.sorted { a, b in
      if a.epochs != b.epochs { return a.epochs > b.epochs }
      switch (a.mean, b.mean) {
      case (let one?, let other?) where one != other: return measure.isOfRight ? one > other : one < other
      case (_?, nil): return true
      case (nil, _?): return false
      default: return a.point < b.point
      }
    }
  }

  /// The plan's, or that of the task.
  static func measure(_ plan: SweepPlan, _ results: [SweepResult]) -> SweepPlan.Measure {
    let isOfValues = results.contains { $0.validation?.rootMeanSquaredError != nil }
    let hasLikelihood = results.contains { $0.validation?.negativeLogLikelihood != nil }
    return plan.measure ?? (isOfValues && !hasLikelihood ? .rmse : .nll)
  }

  /// The best point that all epochs were given to; nil where none is whole.
  public var best: Row? { rows.first.flatMap { $0.mean == nil ? nil : $0 } }

  /// For spreadsheets: a line for each point.
  public var csv: String {
    let keys = rows.first?.settings.keys.sorted() ?? [], measures = SweepPlan.Measure.allCases.map(\.rawValue)
    func quoted(_ text: String) -> String {
      text.contains { ",\"\n".contains($0) } ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
    }
    func text(_ number: Double?) -> String { number.map { "\($0)" } ?? "" }
    let head = ["point"] + keys + ["epochs", "seeds", "mean", "deviation", "half_width"] + measures + ["seconds"]
    let lines = rows.map { row in
      ["\(row.point)"] + keys.map { quoted("\(row.settings[$0] ?? .none)") }
        + ["\(row.epochs)", "\(row.seeds)", text(row.mean), text(row.deviation), text(row.halfWidth)]
        + measures.map { text(row.measures[$0]) } + [text(row.seconds)]
    }
    return ([head] + lines).map { $0.joined(separator: ",") }.joined(separator: "\n") + "\n"
  }
}
