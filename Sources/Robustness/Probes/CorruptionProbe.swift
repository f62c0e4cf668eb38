import DitherBasics
import DitherTensor

/// A corruption at one severity; asked for without one, it is five probes.
struct CorruptionProbe<C: Corruption>: Probe {
  static var name: String { C.name }
  static var summary: String { "\(C.summary), at five severities" }

  struct Common: Codable, Sendable {
    /// `all`, or one of 1 to 5.
    var severity = "all"
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

  private static var severities: ClosedRange<Int> { 1...5 }
  private var severity: Int? { Int(common.severity).flatMap { Self.severities.contains($0) ? $0 : nil } }

  func validate() throws(RobustnessError) {
    guard common.severity == "all" || severity != nil else {
      throw RobustnessError(.parameter, at: "severity", expected: "all, or 1 to 5", got: "'\(common.severity)'")
    }
    try corruption.validate()
  }

  var variants: [[String: String]] {
    severity != nil || corruption.hasOwnStrength ? [[:]] : Self.severities.map { ["severity": "\($0)"] }
  }

  func condition(of image: ImageShape) -> Condition {
    .corruption(
      severity: corruption.hasOwnStrength ? nil : severity,
      strength: corruption.strength(severity: severity ?? 1, of: image))
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let before = try predictor.labels(batch.inputs, identities: batch.identities)
    let changed = corruption.apply(
      to: batch.inputs, identities: batch.identities, severity: severity ?? 1, seed: batch.seed)
    let after = try predictor.labels(changed, identities: batch.identities)
    var outcome = Outcome(clean: zip(before, batch.labels).map(==), robust: zip(after, batch.labels).map(==))
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
