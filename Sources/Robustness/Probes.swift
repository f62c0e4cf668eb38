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
  /// How optional parameters said that they are not given before they were optional: `severity=all`. They are still
  /// read so.
  static var formerDefaults: [String: String] { get }
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
  /// Whether it looks for inputs near the examples: of models of words, embeddings.
  var movesInputs: Bool { get }
  /// Whether it can be asked of a regression, whose answers are values.
  var takesValues: Bool { get }
  /// Whether it can be asked of classes.
  var takesClasses: Bool { get }
  /// - Throws: when a parameter is of classes alone, by its name; asked where it is to be asked of a regression.
  func checkForValues() throws(RobustnessError)
  /// Other data sets that it asks for, by name.
  var otherData: [String] { get }
  /// Measures that a gate may bound; nil where only its summary will say.
  var gateMeasures: [String]? { get }
  /// Its part on a chart.
  func condition(of image: ImageShape) -> Condition
  /// Words that tell it from others of its name, short enough for a chart's axis: `L∞`, `ε = 8/255`.
  func details(of image: ImageShape) -> [String]
  /// Its point on a curve, where there is one.
  func strength(of image: ImageShape) -> Strength?
  /// Parameters in force, as a report shows them, defaults included.
  func parameters(of image: ImageShape) -> [String: ParameterValue]
  /// - Throws: when it cannot be asked of this model, with the reason; asked before anything runs.
  func check(_ predictor: DeployedPredictor) throws
  /// - Throws: when it cannot be asked about these examples, with the reason; asked before anything runs.
  func check(_ data: AuditData) throws

  /// At most, for so many examples.
  /// - Parameter draws: of the deployed predictor for each answer.
  func cost(examples: Int, draws: Int) -> ProbeCost

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome

  /// The summary of all of the examples together, as numbers and curves.
  /// - Parameters:
  ///   - outcomes: of the shards, in their order.
  ///   - labels: the true classes of all examples.
  func summary(of outcomes: [Outcome], labels: ClassLabels) -> Summary?
  /// The same with sections that have a form of their own.
  func sections(of outcomes: [Outcome], labels: ClassLabels) -> ProbeSections
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
  public var movesInputs: Bool { false }
  public var takesValues: Bool { false }
  public var takesClasses: Bool { true }
  public func checkForValues() throws(RobustnessError) {}
  public var otherData: [String] { [] }

  /// - Throws: when it cannot be asked of models that answer so.
  func check(isRegression: Bool) throws(RobustnessError) {
    if isRegression, takesValues { try checkForValues() }
    guard isRegression ? !takesValues : !takesClasses else { return }
    throw RobustnessError(
      .data, at: "probe \(Self.name)",
      expected: isRegression ? "a model that tells classes apart" : "a regression",
      got: isRegression ? "a regression" : "a model that tells classes apart",
      advice: isRegression ? "errors, clean, corruptions and pgd, apgd, fgsm, square among the attacks take it" : nil)
  }
  /// The kind of question does not depend on the inputs.
  public var gateMeasures: [String]? { condition(of: ImageShape([1, 28, 28])) == .measurement ? nil : Gate.shares }
  /// Two answers for each example.
  public func cost(examples: Int, draws: Int) -> ProbeCost { ProbeCost(forward: 2 * examples * draws) }
  public func summary(of outcomes: [Outcome], labels: ClassLabels) -> Summary? { outcomes.first?.summary }
  public func sections(of outcomes: [Outcome], labels: ClassLabels) -> ProbeSections {
    ProbeSections(summary: summary(of: outcomes, labels: labels))
  }
  public static var formerDefaults: [String: String] { [:] }
  public func details(of image: ImageShape) -> [String] { [] }
  public func strength(of image: ImageShape) -> Strength? { nil }
  public func parameters(of image: ImageShape) -> [String: ParameterValue] { ParameterValue.all(of: self) }

  /// Short enough for a chart's axis: `pgd, L∞, ε = 8/255, 20 steps`.
  func title(of image: ImageShape) -> String {
    ([Self.words] + details(of: image)).joined(separator: ", ")
  }

  /// Its name as a reader reads it.
  static var words: String { name.replacingOccurrences(of: "_", with: " ") }

  /// The text that all probes have in common that differ in one parameter alone.
  func curve(without parameter: String) -> String {
    let rest = ParameterValue.all(of: self).filter { $0.key != parameter }.sorted { $0.key < $1.key }
    return ([Self.name] + rest.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
  }
}

extension Catalog where Entry == ProbeKind {
  /// Every attack, corruption and certificate is a probe, and some probes are neither.
  public static let probes = Catalog(
    "probe",
    [
      ProbeKind(CleanProbe.self), ProbeKind(ErrorsProbe.self), ProbeKind(CalibrationProbe.self),
      ProbeKind(TemperatureProbe.self),
      ProbeKind(SelectiveProbe.self),
      ProbeKind(OutOfDistributionProbe.self), ProbeKind(ConformalProbe.self), ProbeKind(ShiftProbe.self),
      ProbeKind(SamplesProbe.self), ProbeKind(WeightNoiseProbe.self), ProbeKind(QuantizedWeightsProbe.self),
      ProbeKind(WorstWeightsProbe.self), ProbeKind(BitFlipsProbe.self), ProbeKind(SharpnessProbe.self),
      ProbeKind(LandscapeProbe.self), ProbeKind(PacBayesProbe.self),
    ]
      + Catalog<any Attack.Type>.attacks.entries.map { ProbeKind(attack: $0) }
      + Catalog<any Corruption.Type>.corruptions.entries.map { ProbeKind(corruption: $0) }
      + Catalog<any Certifier.Type>.certificates.entries.map { ProbeKind(certifier: $0) },
    name: { $0.name })
}
