import DitherBasics
import DitherGraph
import DitherInference
import Foundation

/// What an audit found. The same models, data, plan and seed give the same report, byte for byte: no time is in it.
public struct Report: Codable, Sendable, Equatable {
  public var format = "dither.report/1"
  public var model: String
  public var version: Int?
  public var digest: String
  /// Of an ensemble: the models whose probabilities are averaged.
  public var members: [Member]?
  /// By class; left out where the model names none.
  public var labelNames: [String]?
  /// The noise that the model is deployed with.
  public var noise: NoiseModel?
  /// That every draw's logits are divided by; left out where it is 1.
  public var temperature: Double?
  public var data: String
  public var dataDigest: String
  /// Examples.
  public var n: Int
  public var battery: String?
  public var seed: UInt64
  /// Draws of the deployed predictor for each answer; 0: it is deterministic.
  public var samples: Int
  public var probes: [ProbeReport]
  /// By corruption and severity, where all five severities of at least one were asked for.
  public var corruptions: CorruptionTable?
  /// What was required of the model, and whether it holds; left out where nothing was.
  public var gates: [GateResult]?
  /// What was tested about the attacks themselves.
  public var checks: [Check]
  /// The checks that failed.
  public var findings: [Check]
  public var comparison: Comparison?
  /// With the models beside the baseline.
  public var furtherComparisons: [Comparison]?
  /// Examples that failed; left out where none did.
  public var failures: [Failure]?
  /// Where a time budget ended the audit: what is missing.
  public var incomplete: Incomplete?
  /// What to type to get the same report.
  public var command: String
  /// The program that made it: its version and the digest of its sources; left out where it does not say.
  public var code: String?

  public struct Member: Codable, Sendable, Equatable {
    public var model: String
    public var version: Int?
    public var digest: String
  }

  /// Examples, one after the other, that failed for the same reason.
  public struct Failure: Codable, Sendable, Hashable {
    public var probe: String
    /// The first.
    public var example: Int
    public var count: Int
    public var message: String
    /// There was no answer, which counts as a wrong one; left out where they could not be judged: they are in no number of the probe.
    public var countedWrong: Bool?
  }
}

/// What an audit left out when its time was over.
public struct Incomplete: Codable, Sendable, Equatable {
  public var shardsDone: Int
  public var shards: Int
  /// Probes of which nothing is known; the others are judged on the examples that were done.
  public var missingProbes: [String]
  /// Probes that were ended in their course on some examples, of the model or of one beside it: their robust accuracy is an upper bound.
  public var endedEarly: [String]
  public var message: String
}

/// One condition.
public struct ProbeReport: Codable, Sendable, Equatable {
  public var probe: String
  /// As they were in force, defaults included, with the constants that a severity stands for.
  public var parameters: [String: ParameterValue]
  /// What kind of question it is.
  public var kind: Kind
  public var n: Int
  public var cleanAccuracy: Double
  public var cleanInterval: Interval
  /// The share of all examples on which the deployed predictor is right under the condition.
  public var robustAccuracy: Double
  /// Of the robust accuracy: Wilson's, 95 %.
  public var interval: Interval
  /// Right under the condition, by example; without those that failed.
  public var perExample: [Bool]
  /// Right without it.
  public var perExampleClean: [Bool]
  /// Rows that an attack or a certifier had evaluated, once for each draw.
  public var questions: Int
  /// Of a random model: the share of examples whose clean answer other draws of the noise alone turn from right to wrong.
  /// It is measured beside the attack and never counted as its success.
  public var noiseFlips: Proportion?
  /// Of an attack of minimum norm: the length of the least perturbation found for each example; null where none was.
  public var distances: [Double?]?
  /// Of those that were found.
  public var medianDistance: Double?
  /// The share of examples that withstand perturbations of each length, as the attack found them.
  public var accuracyAgainstEpsilon: [CurvePoint]?
  /// Of a random model, where `single_draw` was asked for: the same attack through one draw a step, as it is often made.
  public var singleDraw: Share?
  /// How the attack got on.
  public var progress: Progress?
  /// The same model with its noise off: attacked itself, on its mean weights.
  public var noiseOff: Measured?
  public var baseline: Measured?
  /// The models beside the baseline, in the order of the report's further comparisons.
  public var rivals: [Measured]?
  public var calibration: Calibration?
  /// What was proved; where it is, the robust accuracy is the certified one.
  public var certified: Certified?
  /// What the probe measured beside accuracy.
  public var summary: Summary?
  /// Behind the report's checks; JSON leaves it out, as it says them in words.
  var evidence: [Evidence: Evidence.Count]?
  /// For the page; JSON leaves them out.
  var illustrations: [Illustration]?

  public enum Kind: String, Codable, Sendable {
    case clean, calibration, attack, corruption, certificate, measurement
  }

  public struct CurvePoint: Codable, Sendable, Equatable {
    public var epsilon: Double
    public var accuracy: Double
    public var interval: Interval
  }

  /// Answers to inputs that were made in another way, or for another model.
  public struct Share: Codable, Sendable, Equatable {
    public var accuracy: Double
    public var interval: Interval
    public var perExample: [Bool]
  }

  /// The mean over the examples of the best margin so far: above 0 the model fails.
  public struct Progress: Codable, Sendable, Equatable {
    public var questions: [Int]
    public var margins: [Double]
  }

  public struct Measured: Codable, Sendable, Equatable {
    public var cleanAccuracy: Double
    public var robustAccuracy: Double
    public var interval: Interval
    public var perExample: [Bool]
    public var calibration: Calibration?
    public var certified: Certified?
    public var summary: Summary?
    /// Of the inputs made for this model, how the audited one does on them.
    public var transferToModel: Share?
    /// Of the inputs made for the audited model, how this one does on them.
    public var transferFromModel: Share?
  }
}

public struct Calibration: Codable, Sendable, Equatable {
  public var accuracy: Double
  /// Mean −ln p of the true class, in nats. The intervals of this and of what follows are of 95 %: the percentile bootstrap over the
  /// examples, 200 resamples.
  public var nll: Double
  public var nllInterval: Interval
  /// Mean squared distance of the probabilities from the truth, 0 to 2. Brier 1950.
  public var brier: Double
  public var brierInterval: Interval
  /// Expected calibration error over 15 bins of the largest probability, of equal width; 0 to 1. Guo et al. 2017, arXiv 1706.04599.
  public var ece15: Double
  public var ece15Interval: Interval
  /// The same over 15 bins with as many examples each. Nixon et al. 2019, arXiv 1904.01685.
  public var adaptiveEce15: Double
  public var adaptiveEce15Interval: Interval
  public var bins: [Bin]

  public struct Bin: Codable, Sendable, Equatable {
    public var lower: Double
    public var upper: Double
    public var count: Int
    /// Means over the bin's examples; left out where it has none.
    public var meanProbability: Double?
    public var accuracy: Double?
    /// Of the accuracy: Wilson's, 95 %.
    public var interval: Interval?
  }

  init(_ probabilities: [[Double]], _ labels: [Int]) {
    let reliability = Metrics.reliability(probabilities, labels)
    accuracy = Metrics.accuracy(probabilities, labels)
    nll = Metrics.negativeLogLikelihood(probabilities, labels)
    brier = Metrics.brier(probabilities, labels)
    ece15 = Metrics.calibrationErrors(reliability).expected
    adaptiveEce15 = Metrics.adaptiveCalibrationError(probabilities, labels)
    let intervals = Self.intervals(probabilities, labels)
    (nllInterval, brierInterval) = (intervals[0], intervals[1])
    (ece15Interval, adaptiveEce15Interval) = (intervals[2], intervals[3])
    bins = reliability.map { bin in
      let count = Double(bin.count), isEmpty = bin.count == 0
      return Bin(
        lower: bin.lower, upper: bin.upper, count: bin.count,
        meanProbability: isEmpty ? nil : bin.confidenceSum / count,
        accuracy: isEmpty ? nil : Double(bin.correct) / count,
        interval: isEmpty ? nil : Proportion(bin.correct, of: bin.count).interval)
    }
  }

  /// Of NLL, Brier score, ECE and adaptive ECE.
  private static func intervals(_ probabilities: [[Double]], _ labels: [Int]) -> [Interval] {
    let all = Metrics.outcomes(probabilities, labels)
    // A resample is in the order of this: its bins of equal mass need no sorting.
    let order = all.confidence.indices.sorted { (all.confidence[$0], $0) < (all.confidence[$1], $1) }
    let confidence = order.map { all.confidence[$0] }, correct = order.map { all.correct[$0] }
    let losses = Metrics.losses(probabilities, labels), scores = Metrics.brierScores(probabilities, labels)
    let (loss, score) = (order.map { losses[$0] }, order.map { scores[$0] })
    return Bootstrap([order.count], resamples: 200).intervals { drawn in
      let places = drawn[0], count = Double(max(places.count, 1))
      let (p, isRight) = (places.map { confidence[$0] }, places.map { correct[$0] })
      return [
        places.reduce(0) { $0 + loss[$1] } / count, places.reduce(0) { $0 + score[$1] } / count,
        Metrics.calibrationErrors(Metrics.reliability(confidence: p, correct: isRight)).expected,
        Metrics.adaptiveCalibrationError(confidence: p, correct: isRight),
      ]
    }.map { $0 ?? Interval(low: 0, high: 0) }
  }
}

/// Two models on the same examples.
public struct Comparison: Codable, Sendable, Equatable {
  public var baseline: String
  public var baselineVersion: Int?
  public var baselineDigest: String
  public var baselineMembers: [Report.Member]?
  public var baselineTemperature: Double?
  /// In the order of the report's probes.
  public var probes: [Pair]

  public struct Pair: Codable, Sendable, Equatable {
    public var probe: String
    /// The model's accuracy less the baseline's, with the 95 % interval for pairs (Newcombe 1998, method 10).
    public var difference: Double
    public var interval: Interval
    /// Examples that only one of them gets right.
    public var onlyModel: Int
    public var onlyBaseline: Int
    /// McNemar's exact test, two-sided.
    public var mcnemarP: Double
    public var sentence: String
  }
}

extension Report {
  init(_ runner: AuditRunner, _ results: [[ShardResult]]) {
    let image = ImageShape(runner.subject.model.signature.inputShape), labels = runner.data.labels
    let pieces = results.map { $0.flatMap(\.pieces) }
    // Probes of which anything is known; all of them, but for a budget and for failures.
    let known = runner.probes.indices.filter { !pieces[$0].isEmpty }, specs = known.map { runner.plan.probes[$0] }
    let reports = known.map { probe in
      ProbeReport(
        runner.plan.probes[probe], runner.probes[probe], image, pieces[probe].map(\.found),
        labels: pieces[probe].flatMap { labels[$0.examples] })
    }
    let ended = known.filter { pieces[$0].contains(where: \.found.endedEarly) }.map { runner.plan.probes[$0].text }
    let conditions = known.map { runner.probes[$0].condition(of: image) }
    model = runner.subject.name
    version = runner.subject.version
    digest = runner.subject.digest
    members = Member.all(of: runner.subject)
    temperature = runner.subject.temperature == 1 ? nil : runner.subject.temperature
    let names = runner.subject.model.signature.labelNames
    labelNames = names.isEmpty ? nil : names
    noise = runner.subject.model.noise
    data = runner.data.name
    dataDigest = runner.data.digest
    n = runner.plan.exampleCount
    battery = runner.plan.battery
    seed = runner.plan.seed
    samples = runner.samples
    probes = reports
    corruptions = CorruptionTable(reports, image)
    gates = runner.plan.gates.isEmpty ? nil : runner.plan.gates.map { $0.judged(reports, specs) }
    checks = Checks(zip(specs, zip(reports, conditions)).map { ($0, $1.0, $1.1) }).all
    checks += runner.sanity
    findings = checks.filter { !$0.passed }
    comparison = runner.baseline.map { baseline in
      Comparison(runner, baseline, zip(specs, reports).compactMap { ($0, $1, $1.baseline) }, endedEarly: ended)
    }
    let further = runner.rivals.enumerated().map { at, rival in
      Comparison(
        runner, rival,
        zip(specs, reports).map { ($0, $1, ($1.rivals ?? []).indices.contains(at) ? $1.rivals?[at] : nil) },
        endedEarly: ended)
    }
    furtherComparisons = further.isEmpty ? nil : further
    command = Self.command(runner)
    code = runner.code
    failures = zip(runner.plan.probes, results).flatMap { Failure.all(of: $0, $1, runner) }
    if failures?.isEmpty == true { failures = nil }
    let done = results.reduce(0) { $0 + $1.count }, all = runner.plan.shards.count
    guard done < all || !ended.isEmpty else { return }
    let missing = runner.probes.indices.filter { results[$0].isEmpty }.map { runner.plan.probes[$0].text }
    incomplete = Incomplete(
      shardsDone: done, shards: all, missingProbes: missing, endedEarly: ended,
      message:
        "The time was over after \(done) of \(all) shards: each number is over the examples that were done (n). Probes that "
        + "are missing: \(missing.count). Attacks that ended with what they had found by then: \(ended.count). "
        + "The command gives the whole report."
    )
  }

  private static func command(_ runner: AuditRunner) -> String {
    func quoted(_ word: String) -> String {
      let isPlain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "@:._/-=,+".contains($0)) }
      return isPlain && !word.isEmpty ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
    let others = [runner.baseline].compactMap { $0 } + runner.rivals, subjects = [runner.subject] + others
    var words = [
      "dither", "audit", quoted(runner.subject.reference), "--data", quoted(runner.data.path ?? runner.data.name),
    ]
    if let labels = runner.data.labelsName { words += ["--labels", quoted(labels)] }
    if let battery = runner.plan.battery { words += ["--battery", battery] }
    for probe in runner.plan.request { words += ["--probe", quoted(probe.text)] }
    for other in others { words += ["--baseline", quoted(other.reference)] }
    // A version may be calibrated anew: what it was audited with is said, if only that it had none.
    let isServed = subjects.contains { $0.version != nil || $0.members.contains { $0.version != nil } }
    let last = subjects.lastIndex { $0.temperature != 1 || isServed } ?? -1
    for subject in subjects[..<(last + 1)] { words += ["--temperature", "\(subject.temperature)"] }
    for gate in runner.plan.gates { words += ["--gate", quoted(gate.text)] }
    words += ["--seed", "\(runner.plan.seed)"]
    if runner.samples > 0 { words += ["--samples", "\(runner.samples)"] }
    return words.joined(separator: " ")
  }

  /// Where accuracies are compared: probes that change nothing would say once more what the clean one says.
  public func comparesAccuracy(at index: Int) -> Bool {
    probes.indices.contains(index) && ![.measurement, .calibration].contains(probes[index].kind)
  }

  /// The report as JSON: keys in order, `snake_case`, one line.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var plain = self
    for index in plain.probes.indices {
      plain.probes[index].evidence = nil
      plain.probes[index].illustrations = nil
    }
    return try encoder.encode(plain)
  }

  public init(json: Data) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Report.self, from: json)
  }
}

extension Report.Member {
  static func all(of subject: AuditSubject) -> [Self]? {
    subject.members.isEmpty
      ? nil : subject.members.map { Self(model: $0.name, version: $0.version, digest: $0.digest) }
  }
}

extension ProbeReport {
  init(_ spec: ProbeSpec, _ asked: any Probe, _ image: ImageShape, _ results: [ShardResult.Found], labels: [Int]) {
    let condition = asked.condition(of: image)
    let outcomes = results.map(\.model), robust = outcomes.flatMap(\.robust), clean = outcomes.flatMap(\.clean)
    probe = spec.probe
    kind =
      switch condition {
      case .clean: .clean
      case .calibration: .calibration
      case .measurement: .measurement
      case .attack: .attack
      case .corruption: .corruption
      case .certificate: .certificate
      }
    parameters = (try? spec.resolved()).map { ParameterValue.all(of: $0) } ?? [:]
    if case .corruption(_, let strength) = condition {
      for (name, value) in strength { parameters[name] = .number(value) }
      if let severity = parameters["severity"].flatMap({ Int($0.description) }) {
        parameters["severity"] = .integer(severity)
      }
    }
    n = robust.count
    cleanAccuracy = Proportion(clean).value
    cleanInterval = Proportion(clean).interval
    robustAccuracy = Proportion(robust).value
    interval = Proportion(robust).interval
    perExample = robust
    perExampleClean = clean
    questions = outcomes.reduce(0) { $0 + $1.questions }
    let again = outcomes.compactMap(\.cleanAgain).flatMap { $0 }
    if again.count == clean.count {
      noiseFlips = Proportion(zip(clean, again).count { $0 && !$1 }, of: clean.count)
    }
    let lengths = outcomes.compactMap(\.distances).flatMap { $0 }
    if lengths.count == clean.count {
      distances = lengths
      let found = lengths.compactMap { $0 }.sorted()
      medianDistance = found.isEmpty ? nil : found[found.count / 2]
      accuracyAgainstEpsilon = Self.curve(lengths)
    }
    singleDraw = Share(outcomes.map(\.singleDraw))
    progress = Progress(outcomes.compactMap(\.trace))
    noiseOff = Measured(asked, results.compactMap(\.noiseOff), labels, condition)
    // What was made for this model, tried on the others in their order.
    func transferred(_ at: Int) -> Share? {
      Share(outcomes.map { $0.transferred.flatMap { $0.indices.contains(at) ? $0[at] : nil } })
    }
    baseline = Measured(asked, results.compactMap(\.baseline), labels, condition)
    baseline?.transferFromModel = transferred(0)
    let others = (0..<(results.first?.rivals?.count ?? 0)).compactMap { at in
      var rival = Measured(asked, results.compactMap { $0.rivals?[at] }, labels, condition)
      rival?.transferFromModel = transferred(at + 1)
      return rival
    }
    rivals = others.isEmpty ? nil : others
    calibration = Calibration(asked, outcomes, labels)
    summary = asked.summary(of: outcomes, labels: labels)
    certified = Certified(outcomes, condition)
    evidence = outcomes.reduce(into: [Evidence: Evidence.Count]()) { sum, outcome in
      for (kind, count) in outcome.evidence {
        sum[kind, default: .init(cases: 0, n: 0)].cases += count.cases
        sum[kind, default: .init(cases: 0, n: 0)].n += count.n
      }
    }
    illustrations = outcomes.flatMap(\.illustrations)
  }

  /// At up to 20 lengths, from 0 to the largest that was needed.
  private static func curve(_ distances: [Double?]) -> [CurvePoint] {
    let largest = distances.compactMap { $0 }.max() ?? 0
    guard largest > 0 else { return [] }
    return (0...20).map { step in
      let epsilon = largest * Double(step) / 20
      let standing = Proportion(distances.map { $0.map { $0 > epsilon } ?? true })
      return CurvePoint(epsilon: epsilon, accuracy: standing.value, interval: standing.interval)
    }
  }

  /// Short enough for a chart's axis: `pgd linf 8/255`.
  var title: String {
    let shown = ["norm", "epsilon", "steps", "severity", "sigma", "amount"].compactMap { key in
      parameters[key].flatMap { value -> String? in
        switch key {
        case "norm": return ["linf": "L∞", "l2": "L2", "l1": "L1"][value.description] ?? value.description
        case "epsilon": return "ε = \(value)"
        case "sigma": return "σ = \(value)"
        case "severity": return value == .text("all") ? nil : "severity \(value)"
        default: return "\(value) \(key)"
        }
      }
    }
    return ([probe.replacingOccurrences(of: "_", with: " ")] + shown).joined(separator: ", ")
  }
}

extension ProbeReport.Share {
  /// - Parameter parts: of each shard; nil where it has none.
  init?(_ parts: [[Bool]?]) {
    let right = parts.compactMap { $0 }.flatMap { $0 }
    guard !parts.isEmpty, parts.allSatisfy({ $0 != nil }) else { return nil }
    let share = Proportion(right)
    self.init(accuracy: share.value, interval: share.interval, perExample: right)
  }
}

extension ProbeReport.Progress {
  /// Shards may end after different numbers of questions: the mean is over those that got so far, and the last of the others.
  init?(_ traces: [Outcome.Trace]) {
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

extension ProbeReport.Measured {
  init?(_ asked: any Probe, _ outcomes: [Outcome], _ labels: [Int], _ condition: Condition) {
    guard !outcomes.isEmpty else { return nil }
    let robust = outcomes.flatMap(\.robust)
    cleanAccuracy = Proportion(outcomes.flatMap(\.clean)).value
    robustAccuracy = Proportion(robust).value
    interval = Proportion(robust).interval
    perExample = robust
    calibration = Calibration(asked, outcomes, labels)
    summary = asked.summary(of: outcomes, labels: labels)
    certified = Certified(outcomes, condition)
    transferToModel = ProbeReport.Share(outcomes.map { $0.transferred?.first })
  }
}

extension Certified {
  fileprivate init?(_ outcomes: [Outcome], _ condition: Condition) {
    guard case .certificate(let norm, let radii) = condition else { return nil }
    self.init(outcomes.flatMap { $0.certificates ?? [] }, norm: norm, radii: radii)
  }
}

extension Calibration {
  init?(_ asked: any Probe, _ outcomes: [Outcome], _ labels: [Int]) {
    guard asked is CalibrationProbe else { return nil }
    let probabilities = outcomes.compactMap(\.probabilities).flatMap { $0 }
    guard probabilities.count == labels.count else { return nil }
    self.init(probabilities, labels)
  }
}

extension Comparison {
  init(
    _ runner: AuditRunner, _ other: AuditSubject, _ probes: [(ProbeSpec, ProbeReport, ProbeReport.Measured?)],
    endedEarly: [String]
  ) {
    baseline = other.name
    baselineVersion = other.version
    baselineDigest = other.digest
    baselineMembers = Report.Member.all(of: other)
    baselineTemperature = other.temperature == 1 ? nil : other.temperature
    self.probes = probes.compactMap { spec, report, measured in
      measured.map {
        Pair(
          spec, report, $0, names: (runner.subject.name, other.name), endedEarly: endedEarly.contains(spec.text))
      }
    }
  }
}

extension Comparison.Pair {
  init(
    _ spec: ProbeSpec, _ report: ProbeReport, _ other: ProbeReport.Measured, names: (model: String, baseline: String),
    endedEarly: Bool
  ) {
    let pairs = zip(report.perExample, other.perExample)
    let both = pairs.count { $0 && $1 }, neither = pairs.count { !$0 && !$1 }
    probe = spec.text
    onlyModel = pairs.count { $0 && !$1 }
    onlyBaseline = pairs.count { !$0 && $1 }
    difference = report.robustAccuracy - other.robustAccuracy
    interval = Statistics.pairedDifference(
      both: both, onlyFirst: onlyModel, onlySecond: onlyBaseline, neither: neither)
    mcnemarP = Statistics.mcnemar(onlyFirst: onlyModel, onlySecond: onlyBaseline)
    let points = Written.points(abs(difference)), p = Written.probability(mcnemarP)
    let counts =
      "\(names.model) is right on \(both + onlyModel) of \(report.n), \(names.baseline) on \(both + onlyBaseline)"
    let verdict =
      onlyModel == onlyBaseline
      ? "there is no difference"
      : "\(points) points \(difference > 0 ? "more" : "fewer") "
        + "(95 %: \(Written.interval(interval))), "
        + (mcnemarP < 0.05 ? "more than chance explains" : "which may be chance")
    sentence =
      endedEarly
      ? "\(report.title): \(counts), when the time ended the attack: upper bounds, of which no difference can be said."
      : "\(report.title): \(counts): \(verdict) (McNemar \(p))."
  }
}

/// Numbers as a person reads them.
enum Written {
  static func percent(_ value: Double) -> String { String(format: "%.1f %%", value * 100) }
  static func points(_ value: Double) -> String {
    let text = String(format: "%.1f", value * 100)
    return text == "-0.0" ? "0.0" : text
  }
  static func interval(_ interval: Interval) -> String {
    "\(points(interval.low)) to \(points(interval.high))"
  }
  static func probability(_ p: Double) -> String { p < 0.001 ? "p < 0.001" : String(format: "p = %.3f", p) }
  static func decimal(_ value: Double) -> String { String(format: "%.3f", value) }
}
