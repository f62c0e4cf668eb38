import DitherBasics
import DitherGraph
import Foundation

/// An audit's finds. The same models, data, plan and seed give the same report, byte for byte: no time is in
/// it, unless it was asked for.
public struct Report: Codable, Sendable, Equatable {
  /// The form of this text: its fields by their names.
  public var format = Self.currentFormat
  /// The model's name, or its file's path.
  public var model: String
  public var version: Int?
  /// `sha256:…` of the ONNX file; for an ensemble of its members' digests.
  public var digest: String
  /// For an ensemble: the models whose probabilities are averaged.
  public var members: [Member]?
  /// By class; left out where the model names none.
  public var labelNames: [String]?
  /// The noise that the model is deployed with.
  public var noise: NoiseModel?
  /// That every draw's logits are divided by; left out where it is 1.
  public var temperature: Double?
  /// The examples' name.
  public var data: String
  /// ``AuditData/digest`` of the examples.
  public var dataDigest: String
  /// Examples.
  public var n: Int
  /// By value, of a regression: an answer is right that is no farther from its value; left out of classes.
  public var tolerance: [Double]?
  /// Left out where probes were asked for.
  public var battery: String?
  /// The same seed gives the same report.
  public var seed: UInt64
  /// Draws of the deployed predictor for each answer; 0: it is deterministic.
  public var samples: Int
  /// In the order of the plan.
  public var probes: [ProbeReport]
  /// Threat models, with what withstands all of their attacks; left out where no attack leads away from the class.
  public var threats: [ThreatReport]?
  /// The examples by class; left out of reports that were made before it was there, as are `examples`.
  public var classes: [ClassReport]?
  /// Labels and answers, by example.
  public var examples: ExampleFacts?
  /// By corruption and severity, where all five severities of at least one were asked for.
  public var corruptions: CorruptionTable?
  /// Requirements of the model, and whether it holds; left out where nothing was.
  public var gates: [GateResult]?
  /// Tests of the attacks themselves.
  public var checks: [Check]
  /// The checks that failed.
  public var findings: [Check]
  /// With the other models, in the order in which they were asked for.
  public var comparisons: [Comparison]
  /// Examples that failed; left out where none did.
  public var failures: [Failure]?
  /// Where a time budget ended the audit: what is missing.
  public var incomplete: Incomplete?
  /// The line to type to get the same report.
  public var command: String
  /// The program that made it: its version and the digest of its sources; left out where it does not say.
  public var code: String?
  /// When and where it was made, if that was asked for.
  public var stamp: Stamp?

  /// A member of an ensemble.
  public struct Member: Codable, Sendable, Equatable {
    /// The model's name, or its file's path.
    public var model: String
    public var version: Int?
    /// `sha256:…` of the ONNX file; for an ensemble of its members' digests.
    public var digest: String
  }

  /// Examples, one after the other, that failed for the same reason.
  public struct Failure: Codable, Sendable, Hashable {
    /// The probe, as it was asked for.
    public var probe: String
    /// The first.
    public var example: Int
    /// Examples.
    public var count: Int
    /// A sentence for a reader.
    public var message: String
    /// There was no answer, which counts as a wrong one; left out where they could not be judged: they are in no number
    /// of the probe.
    public var countedWrong: Bool?
  }
}

/// The parts that an audit left out when its time was over.
public struct Incomplete: Codable, Sendable, Equatable {
  /// Shards that were done in the time.
  public var shardsDone: Int
  public var shards: Int
  /// Probes of which nothing is known; the others are judged on the examples that were done.
  public var missingProbes: [String]
  /// Probes that were ended in their course on some examples, of the model or of one beside it: their robust accuracy
  /// is an upper bound.
  public var endedEarly: [String]
  /// A sentence for a reader.
  public var message: String
}

extension Report {
  /// Where accuracies are compared: probes that change nothing would say once more what the clean one says.
  public func comparesAccuracy(at index: Int) -> Bool {
    probes.indices.contains(index) && ![.measurement, .calibration].contains(probes[index].kind)
  }

  /// The report as JSON: keys in order, `snake_case`, one line; characters that act on a terminal are escaped.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var plain = self
    for index in plain.probes.indices {
      plain.probes[index].evidence = nil
      plain.probes[index].illustrations = nil
      plain.probes[index].forgetRemarks()
    }
    return Data(String(decoding: try encoder.encode(plain), as: UTF8.self).jsonShown.utf8)
  }

  /// The format that is written and read.
  public static let currentFormat = "dither.report/2"

  /// - Throws: when it is no report, or one of another format.
  public init(json: Data) throws {
    struct Head: Decodable { var format: String }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let format = try decoder.decode(Head.self, from: json).format
    guard format == Self.currentFormat else {
      throw RobustnessError(
        .data, at: "report", expected: Self.currentFormat, got: "'\(format.clipped())'",
        advice: "`dither verify` reads it; the same audit, made anew, has this format")
    }
    self = try decoder.decode(Report.self, from: json)
  }
}
