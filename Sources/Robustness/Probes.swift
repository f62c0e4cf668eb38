import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// One question of an audit: what becomes of a model's answers under one condition.
public protocol Probe: Codable, Sendable {
  static var name: String { get }
  /// One line for `--help`.
  static var summary: String { get }
  init()
  /// - Throws: when a parameter is out of its range, by its name.
  func validate() throws(RobustnessError)
  /// Parameters that make of one request several probes, as one for each severity; by default there is one.
  var variants: [[String: String]] { get }
  /// As many examples as take seconds.
  var examplesPerShard: Int { get }
  /// Whether it looks at all examples at once: then they are one shard.
  var takesAllExamples: Bool { get }
  /// Whether it can be ended in its course with what it has found by then.
  var canEndEarly: Bool { get }
  /// Whether it looks at the mean weights only: then there is nothing to compare with the noise off.
  var ignoresNoise: Bool { get }
  /// Whether it moves inputs within the bounds of pictures, [0, 1]: a table has none.
  var needsPictures: Bool { get }
  /// Other data sets that it asks for, by name.
  var otherData: [String] { get }
  /// What a chart needs to know of it.
  func condition(of image: ImageShape) -> Condition
  /// - Throws: when it cannot be asked of this model, with the reason; asked before anything runs.
  func check(_ predictor: DeployedPredictor) throws
  /// - Throws: when it cannot be asked about these examples, with the reason; asked before anything runs.
  func check(_ data: AuditData) throws

  /// At most, for so many examples.
  /// - Parameter draws: of the deployed predictor for each answer.
  func cost(examples: Int, draws: Int) -> ProbeCost

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome

  /// What follows from all of the examples together.
  /// - Parameters:
  ///   - outcomes: of the shards, in their order.
  ///   - labels: of all examples.
  func summary(of outcomes: [Outcome], labels: [Int]) -> Summary?
}

extension Probe {
  public func validate() throws(RobustnessError) {}
  public var variants: [[String: String]] { [[:]] }
  public var examplesPerShard: Int { .max }
  public func check(_ predictor: DeployedPredictor) throws {}
  public func check(_ data: AuditData) throws { try checkPictures(data) }

  func checkPictures(_ data: AuditData) throws {
    guard needsPictures, data.features != nil else { return }
    throw RobustnessError(
      .data, at: "probe \(Self.name)", expected: "pictures, in [0, 1]", got: "a table",
      advice: "attacks and measurements take tables")
  }
  public var takesAllExamples: Bool { false }
  public var canEndEarly: Bool { false }
  public var ignoresNoise: Bool { false }
  public var needsPictures: Bool { false }
  public var otherData: [String] { [] }
  /// Two answers for each example.
  public func cost(examples: Int, draws: Int) -> ProbeCost { ProbeCost(forward: 2 * examples * draws) }
  public func summary(of outcomes: [Outcome], labels: [Int]) -> Summary? { outcomes.first?.summary }
}

extension Catalog where Entry == ProbeKind {
  /// Every attack, corruption and certificate is a probe, and some probes are neither.
  public static let probes = Catalog(
    "probe",
    [
      ProbeKind(CleanProbe.self), ProbeKind(CalibrationProbe.self), ProbeKind(TemperatureProbe.self),
      ProbeKind(SelectiveProbe.self),
      ProbeKind(OutOfDistributionProbe.self), ProbeKind(ConformalProbe.self), ProbeKind(ShiftProbe.self),
      ProbeKind(SamplesProbe.self), ProbeKind(WeightNoiseProbe.self), ProbeKind(QuantisedWeightsProbe.self),
      ProbeKind(WorstWeightsProbe.self), ProbeKind(BitFlipsProbe.self), ProbeKind(SharpnessProbe.self),
    ]
      + Catalog<any Attack.Type>.attacks.entries.map { ProbeKind(attack: $0) }
      + Catalog<any Corruption.Type>.corruptions.entries.map { ProbeKind(corruption: $0) }
      + Catalog<any Certifier.Type>.certificates.entries.map { ProbeKind(certifier: $0) },
    name: { $0.name })
}

/// The examples that a probe works on.
public struct ProbeBatch: Sendable {
  /// [B, …]: pictures in [0, 1], or rows of a table.
  public var inputs: Tensor
  public var labels: [Int]
  /// Of a table: where attacks work.
  var space: AttackSpace?
  /// What becomes of adversarial inputs, where they are kept.
  var adversarials: (@Sendable (Adversarials) -> Void)?
  /// Where each example is to be led by a targeted attack, if that was given.
  var targets: [Int]?
  /// Which examples of the data these are.
  public var identities: [UInt64]
  public var seed: UInt64
  /// Whether these are the data's first: what is done on few examples only is done on them.
  public var isFirst: Bool
  /// Other models, on which what is made for this one is tried too.
  public var transfers: [DeployedPredictor]
  /// Of a random model and its control with the noise off.
  var meanWeights: MeanWeightsFinds?
  /// Whether cases that speak against the probe are looked for: not for models that the audited one is compared with.
  var wantsEvidence = true
  public var isCancelled: @Sendable () -> Bool
  /// When a probe that can end early ends with what it has found; nil: at its own end.
  public var deadline: ContinuousClock.Instant?
  /// Data sets that the probe asked for, by name: [N, …] in [0, 1].
  public var otherData: [String: Tensor]
  public var image: ImageShape { ImageShape(inputs.shape.row) }
  var isOutOfTime: Bool { TimeLeft(until: deadline).isOver }

  public init(
    inputs: Tensor, labels: [Int], identities: [UInt64], seed: UInt64, isFirst: Bool,
    transfers: [DeployedPredictor] = [], isCancelled: @escaping @Sendable () -> Bool,
    deadline: ContinuousClock.Instant? = nil, otherData: [String: Tensor] = [:]
  ) {
    self.inputs = inputs
    self.labels = labels
    self.identities = identities
    self.seed = seed
    self.isFirst = isFirst
    self.transfers = transfers
    self.isCancelled = isCancelled
    self.deadline = deadline
    self.otherData = otherData
  }

  /// - Throws: when the caller no longer wants the answer.
  func proceed() throws(RobustnessError) {
    guard isCancelled() else { return }
    throw RobustnessError(.cancelled, at: "probe", expected: "time to go on", got: "a cancellation or a deadline")
  }

  /// The first of them.
  func prefix(_ count: Int) -> ProbeBatch { count < labels.count ? rows(at: Array(0..<count)) : self }

  func rows(at rows: [Int]) -> ProbeBatch {
    var part = self
    part.inputs = inputs.rows(at: rows)
    part.labels = rows.map { labels[$0] }
    part.identities = rows.map { identities[$0] }
    part.targets = targets.map { targets in rows.map { targets[$0] } }
    return part
  }

  /// Inputs as an attack sees them: in [0, 1].
  func units(_ inputs: Tensor) -> Tensor { space?.units(inputs) ?? inputs }

  /// What an attack made, as models take it.
  func inputs(_ units: Tensor, identities: [UInt64]) -> Tensor {
    space?.inputs(units, identities: identities) ?? units
  }
}

/// What an attack made of some examples.
public struct Adversarials: Sendable {
  /// Which of the plan's probes.
  public var probe: Int
  /// Numbers of the examples in the data.
  public var indices: [Int]
  public var labels: [Int]
  /// [B, …] as the model takes them: the best that was found, whether it succeeds or not.
  public var inputs: Tensor
  /// [B]: the deployed predictor's answers to them.
  public var answers: [Int]
}

/// What a probe stands for on a chart.
public enum Condition: Sendable, Equatable {
  case clean
  case calibration
  /// Neither changes nor judges the examples: what it found is in its summary.
  case measurement
  case attack(norm: Norm, epsilon: Double, effort: Int, knowledge: Knowledge)
  /// The severity is nil where the parameters set the strength.
  case corruption(severity: Int?, strength: [String: Double])
  /// The radii are those of its curve.
  case certificate(norm: Norm, radii: [Double])
}

/// What a probe found on some examples, in their order.
public struct Outcome: Codable, Sendable, Equatable {
  /// The deployed predictor is right on the clean input.
  public var clean: [Bool]
  /// It is right under the probe's condition.
  public var robust: [Bool]
  /// Of a random predictor: it is right on the clean input with other draws. What differs from `clean` is the noise's doing.
  public var cleanAgain: [Bool]?
  /// Of an attack of minimum norm: the least perturbation found that the deployed predictor fails on; 0 where it fails already.
  public var distances: [Double?]?
  /// Right on the same inputs: each of the other models, which they were not made for.
  public var transferred: [[Bool]]?
  /// Of a random predictor: right under the same attack through one draw a step, if that was asked for.
  public var singleDraw: [Bool]?
  public var trace: Trace?
  /// Rows evaluated by an attack or a certifier, once for each draw.
  public var questions = 0
  /// What is proved of each example, for probes that certify.
  public var certificates: [Certificate]?
  /// Answers that were none, of the deployed predictor: they count as wrong. nil: none were.
  public private(set) var unanswered: Unanswered?
  /// Numbers for each example, by name.
  public var columns: [String: [Double]]?
  /// Of probes that take all examples at once.
  public var summary: Summary?
  /// The clean mean probabilities, for probes of calibration.
  public var probabilities: [[Double]]?
  /// −ln of the true class's mean probability, from the logits where there are any; finite.
  public var losses: [Double]?
  /// Cases that speak against the probe itself.
  public var evidence: [Evidence: Evidence.Count] = [:]
  public var illustrations: [Illustration] = []

  public init(clean: [Bool], robust: [Bool]) {
    self.clean = clean
    self.robust = robust
  }

  /// - Parameters:
  ///   - before: the deployed predictor's answers to the examples as they are.
  ///   - after: under the probe's condition.
  init(answers before: [Int], after: [Int], labels: [Int]) {
    self.init(clean: zip(before, labels).map(==), robust: zip(after, labels).map(==))
    note(before, rows: before.indices, isChanged: false)
    note(after, rows: after.indices, isChanged: true)
  }

  /// Of a probe that changes nothing.
  static func clean(_ batch: ProbeBatch, _ predictor: DeployedPredictor) throws -> Outcome {
    let answers = try predictor.labels(of: batch)
    return Outcome(answers: answers, after: answers, labels: batch.labels)
  }

  /// Notes those of some answers that are none.
  /// - Parameter isChanged: they were given under the probe's condition.
  mutating func note(_ answers: [Int], rows: some Sequence<Int>, isChanged: Bool) {
    for (answer, row) in zip(answers, rows) where answer == Label.none {
      var all = unanswered ?? Unanswered()
      if isChanged { all.changed.insert(row) } else { all.asTheyAre.insert(row) }
      unanswered = all
    }
  }
}

extension Outcome {
  /// By row.
  public struct Unanswered: Codable, Sendable, Equatable {
    public fileprivate(set) var asTheyAre: Set<Int> = []
    /// Under the probe's condition.
    public fileprivate(set) var changed: Set<Int> = []
  }
}

extension Outcome {
  /// The progress of an attack, thinned: sums over the examples of the best margin so far.
  public struct Trace: Codable, Sendable, Equatable {
    /// Questions asked by then, of each example.
    public var questions: [Int]
    public var sums: [Double]
    public var examples: Int

    static let most = 40

    init?(_ trace: [Float], examples: Int) {
      guard trace.count > 1, examples > 0 else { return nil }
      // More of the beginning, where most happens.
      let last = Double(trace.count - 1), count = min(Self.most, trace.count)
      var places = [Int]()
      for i in 0..<count {
        let place = Int((last * (Double(i) / Double(count - 1)) * (Double(i) / Double(count - 1))).rounded())
        places.append(trace.count <= Self.most ? i : place)
      }
      questions = Array(Set(places)).sorted()
      sums = questions.map { Double(trace[$0]) * Double(examples) }
      questions = questions.map { $0 + 1 }
      self.examples = examples
    }
  }
}

/// What may show that an attack flatters the model, counted on the examples where it can be seen.
public enum Evidence: String, Codable, Sendable, CaseIterable, CodingKeyRepresentable {
  /// A random point of the ball broke what the attack did not.
  case randomPointWins = "random_point_wins"
  /// The first gradient was zero in every coordinate.
  case vanishedGradient = "vanished_gradient"
  /// The attack failed in a ball without bounds.
  case unboundedSurvivor = "unbounded_survivor"
  /// Of a random model: an answer's standard error stayed above the bound.
  case uncertainLoss = "uncertain_loss"
  /// Of a random model: what was made on its mean weights won where what was made through the noise did not.
  case meanWeightsWin = "mean_weights_win"
  /// Of a random model: an attack through one draw a step broke what the one through the expectation did not.
  case singleDrawWins = "single_draw_wins"
  /// The time was over before the attack was.
  case endedEarly = "ended_early"
  /// A model that gives probabilities gave 0 to the true class: its loss is cut off.
  case zeroProbability = "zero_probability"

  public struct Count: Codable, Sendable, Equatable {
    public var cases: Int
    public var n: Int
  }
}

/// An example before and after, as bytes of a planar image.
public struct Illustration: Codable, Sendable, Equatable {
  public var index: Int
  public var channels: Int
  public var height: Int
  public var width: Int
  public var before: Data
  public var after: Data
  public var label: Int
  public var labelAfter: Int

  init(
    _ index: UInt64, _ image: ImageShape, before: ArraySlice<Float>, after: ArraySlice<Float>, label: Int,
    labelAfter: Int
  ) {
    func bytes(_ values: ArraySlice<Float>) -> Data {
      var planes = Array(values)
      planes.withUnsafeMutableBufferPointer { image.turn($0, .toPlanes) }
      return Data(planes.map { UInt8(min(max(($0 * 255).rounded(), 0), 255)) })
    }
    self.index = Int(index)
    (channels, height, width) = (image.channels, image.height, image.width)
    self.before = bytes(before)
    self.after = bytes(after)
    self.label = label
    self.labelAfter = labelAfter
  }

  static let perProbe = 4
}

/// A kind of probe, as the catalog lists it.
public struct ProbeKind: Sendable {
  public let name: String
  public let summary: String
  /// Names and defaults of what can be set.
  public let defaults: [String: ParameterValue]
  private let make: @Sendable ([String: String]) throws -> any Probe

  init<P: Probe>(_ type: P.Type) {
    name = P.name
    summary = P.summary
    defaults = ParameterValue.all(of: P())
    make = { given in
      let owner = "probe \(P.name)"
      try Self.check(given, owner)
      let probe = try Parameters.overlay(given, on: P(), of: owner)
      do { try probe.validate() } catch let error as RobustnessError {
        throw RobustnessError(
          error.code, at: "\(owner) \(error.place)", expected: error.expected, got: error.got, advice: error.advice)
      }
      return probe
    }
  }

  init(attack: any Attack.Type) {
    func kind<A: Attack>(_ type: A.Type) -> ProbeKind { ProbeKind(AttackProbe<A>.self) }
    self = kind(attack)
  }

  init(corruption: any Corruption.Type) {
    func kind<C: Corruption>(_ type: C.Type) -> ProbeKind { ProbeKind(CorruptionProbe<C>.self) }
    self = kind(corruption)
  }

  init(certifier: any Certifier.Type) {
    func kind<C: Certifier>(_ type: C.Type) -> ProbeKind { ProbeKind(CertificateProbe<C>.self) }
    self = kind(certifier)
  }

  /// - Throws: for unknown keys, unreadable values and values out of range, by their names.
  public func probe(_ parameters: [String: String] = [:]) throws -> any Probe { try make(parameters) }

  /// Words of a closed set are named in their error; the rest is checked with the overlay.
  private static func check(_ given: [String: String], _ owner: String) throws(RobustnessError) {
    if let target = given["target"] { _ = try Target(parsing: target, at: "\(owner) target") }
    guard let norm = given["norm"], Norm(rawValue: norm) == nil else { return }
    let known = Norm.allCases.map(\.rawValue)
    throw RobustnessError(
      .parameter, at: "\(owner) norm", expected: "one of \(known.joined(separator: ", "))", got: "'\(norm.clipped())'",
      advice: nearest(to: norm, among: known).map { "did you mean '\($0)'?" })
  }
}

/// A probe as a person asks for it: a name and some parameters.
public struct ProbeSpec: Codable, Sendable, Hashable {
  public var probe: String
  public var parameters: [String: String]

  public init(_ probe: String, _ parameters: [String: String] = [:]) {
    self.probe = probe
    self.parameters = parameters
  }

  /// As the command line writes it: `pgd:norm=linf,epsilon=8/255,steps=20`.
  public init(parsing text: String) throws(RobustnessError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    self.init(parts.first.map { $0.trimmingCharacters(in: .whitespaces) } ?? "")
    guard parts.count == 2 else { return }
    for pair in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
        throw RobustnessError(
          .parameter, at: "probe \(probe.clipped())", expected: "name=value, separated by commas",
          got: "'\(String(pair).clipped())'", advice: "write it as pgd:norm=linf,epsilon=8/255,steps=20")
      }
      guard parameters.updateValue(sides[1], forKey: sides[0]) == nil else {
        throw RobustnessError(
          .parameter, at: "probe \(probe.clipped()) \(sides[0].clipped())", expected: "one value", got: "two")
      }
    }
  }

  /// As the command line writes it.
  public var text: String {
    let list = parameters.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ",")
    return list.isEmpty ? probe : "\(probe):\(list)"
  }

  /// A probe's own seed in an audit. By its name alone: its conditions differ in nothing but the condition, and its results do not
  /// depend on what else is in the audit.
  static func seed(of probe: String, in seed: UInt64) -> UInt64 {
    // FNV-1a.
    let hash = probe.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    return mixSeed(seed, hash)
  }

  /// - Throws: for unknown probes, unknown keys and values out of range, by their names.
  public func resolved() throws -> any Probe {
    try Catalog<ProbeKind>.probes.entry(named: probe).probe(parameters)
  }
}

/// A parameter in a report or in a list of defaults.
public enum ParameterValue: Codable, Sendable, Hashable, CustomStringConvertible {
  case truth(Bool)
  case integer(Int)
  case number(Double)
  case text(String)

  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let truth = try? value.decode(Bool.self) {
      self = .truth(truth)
    } else if let integer = try? value.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try value.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .truth(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    }
  }

  public var description: String {
    switch self {
    case .truth(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): Self.written(value)
    case .text(let value): value
    }
  }

  /// 8/255 where that is what a person would write, else the shortest decimal.
  package static func written(_ value: Double) -> String {
    let levels = value * 255
    let isShort = (value * 1000).rounded() == value * 1000
    if !isShort, value > 0, value < 1, abs(levels - levels.rounded()) < 1e-9 { return "\(Int(levels.rounded()))/255" }
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// What a value of parameters is made of, by coded name.
  static func all(of value: any Encodable) -> [String: ParameterValue] {
    guard let data = try? JSONEncoder().encode(value) else { return [:] }
    return (try? JSONDecoder().decode([String: ParameterValue].self, from: data)) ?? [:]
  }
}
