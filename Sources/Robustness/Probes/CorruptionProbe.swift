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
    /// `all`, or one of 1 to 5.
    var severity = "all"
    /// `auto` (by kind and size of the pictures), `cifar-10-c`, `imagenet-c` or `mnist-c`.
    var constants = "auto"
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
  private static var severities: ClosedRange<Int> { 1...5 }
  private var severity: Int? { Int(common.severity).flatMap { Self.severities.contains($0) ? $0 : nil } }

  func validate() throws(RobustnessError) {
    guard common.severity == "all" || severity != nil else {
      throw RobustnessError(.parameter, at: "severity", expected: "all, or 1 to 5", got: "'\(common.severity)'")
    }
    guard common.constants == "auto" || CorruptionConstants(rawValue: common.constants) != nil else {
      throw RobustnessError(
        .parameter, at: "constants",
        expected: "auto, \(CorruptionConstants.allCases.map(\.rawValue).joined(separator: ", "))",
        got: "'\(common.constants.clipped())'")
    }
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
        .parameter, at: "corruption \(C.name) severity", expected: "1 to 5", got: "'\(common.severity)'")
    }
    try check(inputs.shape.row)
    return corruption.apply(
      to: inputs, identities: identities, severity: severity ?? 1, seed: ProbeSpec.seed(of: C.name, in: seed),
      constants: constants)
  }

  private var constants: CorruptionConstants? { CorruptionConstants(rawValue: common.constants) }

  var variants: [[String: String]] {
    severity != nil || corruption.hasOwnStrength ? [[:]] : Self.severities.map { ["severity": "\($0)"] }
  }

  func condition(of image: ImageShape) -> Condition {
    var image = image
    image.constants = constants ?? image.constants
    return .corruption(
      severity: corruption.hasOwnStrength ? nil : severity,
      strength: corruption.strength(severity: severity ?? 1, of: image))
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let before = try predictor.labels(of: batch)
    let changed = corruption.apply(
      to: batch.inputs, identities: batch.identities, severity: severity ?? 1, seed: batch.seed,
      constants: constants)
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
