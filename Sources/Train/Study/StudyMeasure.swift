import DitherBasics
import DitherDatasets
import DitherInference
import DitherJobs
import DitherRobustness
import DitherTensor

/// A number of a trained model: of its evaluation on the test part, of its training, of probes as audits run them, or a
/// mean of such numbers.
public struct StudyMeasure: Sendable {
  /// Its name in tables and claims.
  public let name: String
  /// Whether less of it is better.
  public let isLower: Bool
  /// Whether it is a share, which tables show in hundredths.
  public let isShare: Bool
  private let source: Source

  private enum Source: Sendable {
    /// By its name.
    case evaluation(String, @Sendable (Evaluation) -> Double?)
    /// The same by the mean over looks, which the model itself does not take.
    case viewed(String, @Sendable (Evaluation) -> Double?, [any PictureView])
    /// Seconds of a core that training took.
    case seconds
    /// The mean over the probe's conditions; `value` nil: the robust accuracy.
    case probe(ProbeSpec, value: String?, examples: Int, part: Part)
    /// The mean of other measures.
    case mean(of: [String])
  }

  /// Names of those that depend on how fast a machine is.
  static func timed(among measures: [StudyMeasure]) -> Set<String> {
    measures.reduce(into: []) { timed, measure in
      switch measure.source {
      case .seconds: timed.insert(measure.name)
      case .mean(let parts): if !timed.isDisjoint(with: parts) { timed.insert(measure.name) }
      case .evaluation, .viewed, .probe: break
      }
    }
  }

  /// The examples that a probe is run on.
  enum Part: String, CaseIterable, Sendable {
    case test
    /// Training rows that the training has not seen.
    case validation
    /// Rows that it was trained on.
    case train
    /// Trained rows that its learned prior has not seen; all where there is none.
    case unseen
  }

  /// Names that only classes have, and only values.
  private static let ofClasses: Set = ["accuracy", "ece", "noisy_accuracy"],
    ofValues: Set = ["rmse", "coverage", "noisy_rmse", "noisy_coverage"]

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

  /// - Parameters:
  ///   - setting: a name, or a mapping of `name` and either `mean_of`, `views`, or `probe` and its keys.
  ///   - before: measures that `mean_of` may name.
  init(_ setting: Setting, at place: String, behind before: [StudyMeasure] = []) throws {
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
      (isLower, isShare, source) = (found.isLower, found.isShare, .evaluation(name, found.3))
      return
    }
    guard case .mapping(let own) = setting, let name = own["name"]?.asText,
      own["probe"]?.asText != nil || own["mean_of"] != nil || own["views"] != nil
    else {
      throw TrainError(
        .recipe, at: place,
        expected: "a name, or a mapping {name, probe, value, examples, part, lower}, {name, mean_of} or "
          + "{name, views, value}",
        got: "'\("\(setting)".clipped())'")
    }
    let keys =
      own["mean_of"] != nil
      ? ["name", "mean_of"]
      : own["views"] != nil ? ["name", "views", "value"] : ["name", "probe", "value", "examples", "part", "lower"]
    if let stranger = own.keys.sorted().first(where: { !keys.contains($0) }) {
      throw Parameters.unknown(stranger, among: keys, of: place)
    }
    if let wanted = own["mean_of"] {
      let parts = try Self.parts(wanted, among: before, at: "\(place), 'mean_of'")
      self.name = name
      (isLower, isShare, source) = (parts[0].isLower, parts[0].isShare, .mean(of: parts.map(\.name)))
      return
    }
    if let views = own["views"] {
      let whole = try Self.evaluation(own["value"] ?? .text("accuracy"), at: "\(place), 'value'")
      self.name = name
      (isLower, isShare) = (whole.isLower, whole.isShare)
      source = try .viewed(whole.name, whole.read, Self.views(views, at: "\(place), 'views'"))
      return
    }
    let examples = own["examples"]?.asNumber ?? 1000, part = own["part"]?.asText ?? Part.test.rawValue
    guard examples >= 1, examples <= 1e6, examples == examples.rounded() else {
      throw TrainError(.recipe, at: "\(place), 'examples'", expected: "1 to 1000000", got: "\(examples)")
    }
    guard let part = Part(rawValue: part) else {
      throw TrainError(
        .recipe, at: "\(place), 'part'", expected: Part.allCases.map(\.rawValue).joined(separator: " or "),
        got: "'\(part.clipped())'")
    }
    let spec: ProbeSpec
    do {
      spec = try ProbeSpec(parsing: own["probe"]?.asText ?? "")
      _ = try spec.resolved()
    } catch let fault as any AnyFault {
      throw TrainError(
        .recipe, at: "\(place), 'probe', \(fault.place)", expected: fault.expected, got: fault.got,
        advice: fault.advice)
    }
    self.name = name
    isLower = own["lower"] == .flag(true)
    isShare = own["value"] == nil
    source = .probe(spec, value: own["value"]?.asText, examples: Int(examples), part: part)
  }

  private static func evaluation(
    _ setting: Setting, at place: String
  ) throws(TrainError) -> (name: String, isLower: Bool, isShare: Bool, read: @Sendable (Evaluation) -> Double?) {
    let known = evaluations.map(\.name), name = setting.asText ?? "\(setting)"
    guard let found = evaluations.first(where: { $0.name == name }) else {
      throw TrainError(
        .recipe, at: place, expected: "one of \(known.joined(separator: ", "))", got: "'\(name.clipped())'",
        advice: nearest(to: name, among: known).map { "did you mean '\($0)'?" })
    }
    return (name, found.isLower, found.isShare, found.3)
  }

  private static func views(_ setting: Setting, at place: String) throws -> [any PictureView] {
    guard case .list(let items) = setting, !items.isEmpty else {
      throw TrainError(
        .recipe, at: place, expected: "a list of views: \(Catalog.views.names.joined(separator: ", "))",
        got: "\(setting)".clipped())
    }
    return try items.enumerated().map { try Catalog.views.value($1, at: "\(place), item \($0 + 1)") { $0.init() } }
  }

  /// The measures of a mean: two or more, all shares or none, all better when less or none.
  private static func parts(_ setting: Setting, among before: [StudyMeasure], at place: String) throws -> [StudyMeasure]
  {
    guard case .list(let items) = setting, items.count > 1 else {
      throw TrainError(
        .recipe, at: place, expected: "a list of two measures or more that stand before it",
        got: "'\("\(setting)".clipped())'")
    }
    let parts = try items.map { item in
      guard let name = item.asText, let found = before.first(where: { $0.name == name }) else {
        throw TrainError(
          .recipe, at: place, expected: "measures that stand before it: \(before.map(\.name).joined(separator: ", "))",
          got: "'\("\(item)".clipped())'",
          advice: item.asText.flatMap { nearest(to: $0, among: before.map(\.name)) }.map { "did you mean '\($0)'?" })
      }
      return found
    }
    guard Set(parts.map { "\($0.isLower) \($0.isShare)" }).count == 1 else {
      throw TrainError(
        .recipe, at: place, expected: "measures of one kind: all shares or none, all better when less or none",
        got: parts.map(\.name).joined(separator: ", "))
    }
    return parts
  }

  /// The same with few examples, where its name has to be found good before anything is trained: a probe's `value`.
  var sketched: StudyMeasure? {
    guard case .probe(let spec, let value?, _, let part) = source else { return nil }
    return StudyMeasure(self, .probe(spec, value: value, examples: Self.sketchExamples, part: part))
  }
  /// So many that an untrained network is right and wrong.
  private static let sketchExamples = 100

  private init(_ other: StudyMeasure, _ source: Source) {
    (name, isLower, isShare, self.source) = (other.name, other.isLower, other.isShare, source)
  }

  /// Whether it is taken of training rows that were held out.
  var needsValidation: Bool { if case .probe(_, _, _, .validation) = source { true } else { false } }

  /// - Parameter tasks: by name, whether each is a regression.
  /// - Throws: where it is of classes and every task is of values, or the other way.
  func check(on tasks: [String: Bool], at place: String) throws(TrainError) {
    let name: String
    switch source {
    case .evaluation(let own, _), .viewed(let own, _, _): name = own
    case .seconds, .probe, .mean: return
    }
    func fits(_ name: String) -> Bool {
      tasks.values.contains { !($0 ? Self.ofClasses : Self.ofValues).contains(name) }
    }
    guard !fits(name) else { return }
    let words = tasks.keys.sorted().joined(separator: ", ")
    throw TrainError(
      .recipe, at: place,
      expected: "one of \(Self.evaluations.map(\.name).filter(fits).joined(separator: ", ")), as the task is \(words)",
      got: "'\(name)'")
  }

  /// - Parameter shape: of one example.
  /// - Throws: where its views are of pictures, and examples are none.
  func check(on shape: Shape) throws(TrainError) {
    if case .viewed(_, _, let views) = source { _ = try Look.all(of: views, at: shape) }
  }

  /// - Parameter before: the values of measures that stand before it.
  /// - Returns: nil where this task has no such number.
  func value(of subject: StudySubject, _ before: [String: Double] = [:]) throws -> Double? {
    switch source {
    case .evaluation(_, let read): return read(try subject.evaluation())
    case .viewed(_, let read, let views): return read(try subject.evaluation(by: views))
    case .seconds: return subject.seconds
    case .mean(let names):
      let found = names.compactMap { before[$0] }
      return found.count == names.count ? found.reduce(0, +) / Double(found.count) : nil
    case .probe(let spec, let value, let examples, let wanted):
      let model = subject.model, part = try subject.rows(of: wanted).first(examples)
      let plan = try AuditPlan(
        probes: [spec], exampleCount: part.count, inputShape: model.signature.inputShape)
      let prior = try spec.parameters["prior"].map { _ in try subject.prior() }
      let runner = try AuditRunner(
        plan: plan, subject: AuditSubject(name: "model", digest: "", model: model),
        others: prior.map { [AuditSubject(name: "prior", digest: "", model: $0)] } ?? [],
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
