import Foundation

/// A probe's sections about all examples together, beside how many are answered rightly.
///
/// A new kind of probe fills `summary` (numbers, curves, remarks), which every form of a report shows as it is. The
/// others are sections that have a form of their own.
public struct ProbeSections: Sendable {
  public var summary: Summary?
  /// Whether probabilities mean what they say.
  public var calibration: Calibration?
  /// Proofs, and the accuracy by radius that follows.
  public var certified: Certified?
  /// The lengths of an attack's minimal perturbations, by example: nil where none was found.
  public var distances: [Double?]?
  /// Accuracy under the same attack through one draw a step.
  public var singleDraw: ProbeReport.Share?
  /// How an attack got on.
  public var progress: ProbeReport.Progress?

  /// Sections that are all in a summary.
  public init(summary: Summary? = nil) { self.summary = summary }
}

/// Material that a probe keeps of a shard for its sections, in a type of its own that nobody else reads.
public struct Kept: Codable, Sendable, Equatable {
  /// JSON with its keys in order: the same value, the same text.
  private let text: String

  init(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    text = String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// - Returns: nil where it is of another type.
  func value<Value: Decodable>(as type: Value.Type) -> Value? {
    try? JSONDecoder().decode(type, from: Data(text.utf8))
  }

  public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// Material of probes of probabilities: the answers to the examples as they are.
struct KeptAnswers: Codable {
  /// The mean probabilities, [B][classes].
  var probabilities: [[Double]]
  /// −ln of the true class's mean probability, from the logits where there are any; finite.
  var losses: [Double]?
}

extension Sequence<Outcome> {
  /// The material kept of every shard, where it is of this type.
  func kept<Value: Decodable>(_ type: Value.Type) -> [Value] { compactMap { $0.kept?.value(as: type) } }
}
