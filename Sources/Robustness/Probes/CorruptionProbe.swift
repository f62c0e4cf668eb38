import DitherBasics
import DitherInference
import DitherTensor

/// A probe that changes inputs without looking at a model.
public protocol CorruptingProbe: Probe {
  /// - Parameters:
  ///   - inputs: [B, …] in [0, 1].
  ///   - identities: which examples of the data these are; an example's corruption does not depend on its company.
  ///   - seed: an audit's; the same gives what the audit made.
  /// - Throws: when the inputs are no pictures and it needs them, or when no one severity was asked for.
  func corrupted(_ inputs: Tensor, identities: [UInt64], seed: UInt64) throws(RobustnessError) -> Tensor
}

/// A corruption at one severity; asked for without one, it is five probes.
struct CorruptionProbe<C: Corruption>: CorruptingProbe {
  static var name: String { C.name }
  static var summary: String { "\(C.summary), at five severities" }

  struct Common: Codable, Sendable {
    /// 1 to 5; nil: a probe for each.
    var severity: Int?
    /// nil: those of the pictures most like these, by kind and size.
    var constants: CorruptionConstants?
  }

  var common = Common()
  var corruption = C()
  init() {}

  init(from decoder: any Decoder) throws {
    common = try Common(from: decoder)
    corruption = try C(from: decoder)
  }
  func encode(to encoder: any Encoder) throws {
    try common.encode(to: encoder)
    try corruption.encode(to: encoder)
  }

  var needsPictures: Bool { true }
  var takesValues: Bool { true }
  private static var severities: ClosedRange<Int> { 1...5 }
  private var severity: Int? { common.severity }

  static var formerDefaults: [String: String] {
    C.formerDefaults.merging(["severity": "all", "constants": "auto"]) { $1 }
  }

  func validate() throws(RobustnessError) {
    if let severity { try require(severity, in: Self.severities, "severity") }
    try corruption.validate()
  }

  func check(_ predictor: DeployedPredictor) throws { try check(predictor.model.signature.inputShape) }

  private func check(_ shape: Shape) throws(RobustnessError) {
    guard !C.needsPicture || ImageShape(shape).isPicture else {
      throw RobustnessError(
        .data, at: "probe \(C.name)",
        expected: "pictures: [C, H, W] or [H, W, C] of 1 or 3 channels, [H, W], or as many numbers as a square has",
        got: "inputs of shape \(shape)")
    }
  }

  func corrupted(_ inputs: Tensor, identities: [UInt64], seed: UInt64) throws(RobustnessError) -> Tensor {
    guard severity != nil || corruption.hasOwnStrength else {
      throw RobustnessError(
        .parameter, at: "corruption \(C.name) severity", expected: "1 to 5", got: "none")
    }
    try check(inputs.shape.row)
    return corruption.apply(
      to: inputs, identities: identities, severity: severity ?? 1, seed: ProbeSpec.seed(of: C.name, in: seed),
      constants: common.constants)
  }

  var variants: [[String: String]] {
    severity != nil || corruption.hasOwnStrength ? [[:]] : Self.severities.map { ["severity": "\($0)"] }
  }

  /// The severity in force: none where the corruption's own parameters set the strength.
  private var severityInForce: Int? { corruption.hasOwnStrength ? nil : severity }

  /// The image with the constants in force.
  private func constants(for image: ImageShape) -> ImageShape {
    var image = image
    image.constants = common.constants ?? image.constants
    return image
  }

  func condition(of image: ImageShape) -> Condition {
    .corruption(CorruptionSetting(severity: severityInForce, constants: constants(for: image).constants))
  }

  func details(of image: ImageShape) -> [String] {
    severityInForce.map { ["severity \($0)"] }
      ?? strengths(of: image).map { "\($0.key == "sigma" ? "σ" : $0.key) = \($0.value)" }
  }

  func strength(of image: ImageShape) -> Strength? {
    severityInForce.map { severity in
      Strength(
        curve: curve(without: "severity"), title: Self.words, axis: "severity",
        value: Double(severity), label: "\(severity)")
    }
  }

  /// With the constants that the severity stands for.
  func parameters(of image: ImageShape) -> [String: ParameterValue] {
    var all = ParameterValue.all(of: self)
    all["constants"] = .text(constants(for: image).constants.rawValue)
    for (name, value) in strengths(of: image) { all[name] = value }
    return all
  }

  private func strengths(of image: ImageShape) -> [(key: String, value: ParameterValue)] {
    corruption.strength(severity: severity ?? 1, of: constants(for: image)).sorted { $0.key < $1.key }
      .map { ($0.key, .number($0.value)) }
  }

  func sections(of outcomes: [Outcome], labels: ClassLabels) -> ProbeSections {
    ProbeSections(summary: ValueSummary.changed(outcomes))
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let changed = corruption.apply(
      to: batch.inputs, identities: batch.identities, severity: severity ?? 1, seed: batch.seed,
      constants: common.constants)
    if let truths = batch.truths {
      return try Outcome(
        predictor.judged(batch.inputs, truths, identities: batch.identities),
        after: predictor.judged(changed, truths, identities: batch.identities))
    }
    let before = try predictor.labels(of: batch)
    let after = try predictor.labels(changed, identities: batch.identities)
    var outcome = Outcome(answers: before, after: after, labels: batch.labels)
    if batch.isFirst, batch.image.isPicture {
      outcome.illustrations = before.indices.filter { outcome.clean[$0] }.prefix(Illustration.perProbe).map { row in
        Illustration(
          batch.identities[row], batch.image, before: batch.inputs.row(row), after: changed.row(row),
          label: before[row], labelAfter: after[row])
      }
    }
    return outcome
  }
}
