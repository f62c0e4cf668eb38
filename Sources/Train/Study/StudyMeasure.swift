import DitherBasics
import DitherDatasets
import DitherInference
import DitherJobs
import DitherRobustness

/// A number of a trained model on the test part: of its evaluation, of its training, or of probes as audits run them.
public struct StudyMeasure: Sendable {
  /// Its name in tables and claims.
  public let name: String
  /// Whether less of it is better.
  public let isLower: Bool
  /// Whether it is a share, which tables show in hundredths.
  public let isShare: Bool
  private let source: Source

  private enum Source: Sendable {
    case evaluation(@Sendable (Evaluation) -> Double?)
    /// Seconds of training, on one thread.
    case seconds
    /// The mean over the probe's conditions; `value` nil: the robust accuracy.
    case probe(ProbeSpec, value: String?, examples: Int)
  }

  private static let evaluations: [(name: String, isLower: Bool, isShare: Bool, @Sendable (Evaluation) -> Double?)] = [
    ("accuracy", false, true, { $0.accuracy }),
    ("nll", true, false, { $0.negativeLogLikelihood }),
    ("ece", true, true, { $0.expectedCalibrationError }),
    ("rmse", true, false, { $0.rootMeanSquaredError }),
    ("coverage", false, true, { $0.intervalCoverage }),
    ("noisy_accuracy", false, true, { $0.noisyAccuracy ?? $0.accuracy }),
    ("noisy_nll", true, false, { $0.noisyNegativeLogLikelihood ?? $0.negativeLogLikelihood }),
    ("noisy_rmse", true, false, { $0.noisyRootMeanSquaredError ?? $0.rootMeanSquaredError }),
    ("noisy_coverage", false, true, { $0.noisyIntervalCoverage ?? $0.intervalCoverage }),
  ]

  /// - Parameter setting: a name, or a mapping of `name`, `probe`, `value`, `examples` and `lower`.
  init(_ setting: Setting, at place: String) throws {
    let known = Self.evaluations.map(\.name) + ["seconds"]
    if let name = setting.asText {
      self.name = name
      if name == "seconds" {
        (isLower, isShare, source) = (true, false, .seconds)
        return
      }
      guard let found = Self.evaluations.first(where: { $0.name == name }) else {
        throw TrainError(
          .recipe, at: place, expected: "one of \(known.joined(separator: ", ")), or a mapping with 'probe'",
          got: "'\(name.clipped())'", advice: nearest(to: name, among: known).map { "did you mean '\($0)'?" })
      }
      (isLower, isShare, source) = (found.isLower, found.isShare, .evaluation(found.3))
      return
    }
    guard case .mapping(let own) = setting, let name = own["name"]?.asText, let probe = own["probe"]?.asText else {
      throw TrainError(
        .recipe, at: place, expected: "a name, or a mapping {name, probe, value, examples, lower}",
        got: "'\("\(setting)".clipped())'")
    }
    let keys = ["name", "probe", "value", "examples", "lower"]
    if let stranger = own.keys.sorted().first(where: { !keys.contains($0) }) {
      throw Parameters.unknown(stranger, among: keys, of: place)
    }
    let examples = own["examples"]?.asNumber ?? 1000
    guard examples >= 1, examples <= 1e6, examples == examples.rounded() else {
      throw TrainError(.recipe, at: "\(place), 'examples'", expected: "1 to 1000000", got: "\(examples)")
    }
    let spec = try ProbeSpec(parsing: probe)
    _ = try spec.resolved()
    self.name = name
    isLower = own["lower"] == .flag(true)
    isShare = own["value"] == nil
    source = .probe(spec, value: own["value"]?.asText, examples: Int(examples))
  }

  /// - Parameters:
  ///   - evaluation: of the same model on the whole test part.
  ///   - model: as it is served.
  ///   - seconds: of its training.
  /// - Returns: nil where this task has no such number.
  func value(_ evaluation: Evaluation, _ model: Model, _ test: Dataset, seconds: Double) throws -> Double? {
    switch source {
    case .evaluation(let read): return read(evaluation)
    case .seconds: return seconds
    case .probe(let spec, let value, let examples):
      let part = test.first(examples)
      let plan = try AuditPlan(
        probes: [spec], exampleCount: part.count, inputShape: model.signature.inputShape)
      let runner = try AuditRunner(
        plan: plan, subject: AuditSubject(name: "model", digest: "", model: model),
        data: AuditData(name: part.name, inputs: part.inputs, labels: part.labels))
      let report = try runner.report(ShardQueue.runAll(plan.shards) { shard, _ in try runner.run(shard) })
      let found = report.probes.compactMap { one in value.map { one.summary?[$0] } ?? one.robustAccuracy }
      if let value, found.count < report.probes.count {
        let names = report.probes.flatMap { $0.summary?.measures.map(\.name) ?? [] }
        throw TrainError(
          .recipe, at: "measure '\(name.clipped())', 'value'",
          expected: names.isEmpty
            ? "no 'value', as this probe has accuracy alone" : "one of \(names.joined(separator: ", "))",
          got: "'\(value.clipped())'")
      }
      return found.isEmpty ? nil : found.reduce(0, +) / Double(found.count)
    }
  }
}
