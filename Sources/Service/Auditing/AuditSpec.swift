import DitherBasics
import DitherGraph
import DitherRobustness
import DitherStore
import Foundation

/// All that an audit depends on, as its job keeps it: with the same spec, the same report.
struct AuditSpec: Codable, Sendable, Equatable {
  /// The kind of its jobs.
  static let kind = "audit"

  /// A version as it was when the audit was asked for, whatever becomes of its name.
  struct Subject: Codable, Sendable, Equatable {
    var name: String
    /// 0 of an ensemble.
    var version: Int64
    /// The file; for an ensemble its first member's.
    var blob: BlobID
    /// The members of an ensemble.
    var members: [Subject]?
    /// nil: 1.
    var temperature: Double?
    /// The kind of its outputs, as the caller says; nil: as the model says.
    var outputKind: OutputKind?

    init(_ subject: ResolvedAudit<ModelVersion>.Subject) {
      let first = subject.members[0]
      if subject.members.count == 1 { self.init(first) } else { self.init(ensemble: subject.members, first: first) }
      temperature = subject.temperature
      outputKind = subject.outputKind
    }

    init(_ version: ModelVersion) {
      name = version.name
      self.version = version.version
      blob = version.blob
    }

    init(ensemble members: [ModelVersion], first: ModelVersion) {
      self.init(first)
      name = members.map(\.name).joined(separator: "+")
      version = 0
      self.members = members.map(Subject.init)
    }

    var reference: String {
      members.map { $0.map(\.reference).joined(separator: "+") } ?? "\(name)@\(version)"
    }
    var blobs: [BlobID] { [blob] + (members ?? []).map(\.blob) }
  }

  enum Data: Codable, Sendable, Equatable {
    /// A set that the server has: "fashion-mnist:100".
    case named(String)
    /// Among what the caller sent.
    case sent
    /// A file that is a `dither.v1.Examples` and nothing else, as jobs kept it that knew no other attachments.
    case examples(BlobID)
  }

  struct Probe: Codable, Sendable, Equatable {
    var probe: String
    var parameters: [String: String]
  }

  var model: Subject
  /// The models to compare it with.
  var others: [Subject]
  var data: Data
  /// The things that the caller sent along: ``AuditAttachments`` in the blob store.
  var attached: BlobID?
  var battery: String
  var probes: [Probe]
  var seed: UInt64
  /// Draws of the deployed predictor; 0: the deterministic pass, or a model without noise.
  var samples: Int
  /// The model's noise in place of its own; nil: its own.
  var noise: [String]?
  var gates: [String]?
  /// Seconds; nil: no bound.
  var budget: Double?
  /// How far an answer of a regression may be off; nil: as is usual, or of classes.
  var tolerance: Double?
  /// Whether the journal has what attacks on the model make; nil: it has not.
  var keepsAdversarials: Bool?
  /// The program whose results the journal holds; another one starts the journal anew.
  var code: String?

  /// The span of the call that asked for it, as `traceparent` says it: its shards are parts of that. It changes no
  /// result. nil: its trace is not recorded.
  var trace: String?

  /// The audited model, then those to compare it with.
  var subjects: [Subject] { [model] + others }

  /// The question about them. The models and the data are known otherwise.
  var request: AuditRequest {
    var request = AuditRequest(models: [], data: .named(""))
    request.battery = battery.isEmpty ? nil : battery
    request.probes = probes.map { ProbeSpec($0.probe, $0.parameters) }
    request.gates = gates ?? []
    request.seed = seed
    request.noise = noise ?? []
    request.tolerance = tolerance
    return request
  }

  var blobs: [BlobID] {
    var blobs = subjects.flatMap(\.blobs)
    if let attached { blobs.append(attached) }
    if case .examples(let blob) = data { blobs.append(blob) }
    return blobs
  }

  var json: [UInt8] { Array(jsonText(self).utf8) }

  /// - Parameter attached: what came with the request.
  init(_ audit: ResolvedAudit<ModelVersion>, attached: AuditAttachments?) {
    let request = audit.request, subjects = audit.subjects.map(Subject.init)
    model = subjects[0]
    others = Array(subjects.dropFirst())
    data = if case .given = request.data { .sent } else { .named(audit.data.name) }
    self.attached = attached?.blob
    battery = request.battery ?? ""
    probes = request.probes.map { Probe(probe: $0.probe, parameters: $0.parameters) }
    seed = request.seed
    samples = audit.samples
    noise = request.noise.isEmpty ? nil : request.noise
    gates = request.gates.isEmpty ? nil : request.gates
    budget = request.budget
    tolerance = request.tolerance
    keepsAdversarials = request.keepsAdversarials ? true : nil
  }

  /// - Throws: for a spec that cannot be read, as a later version may have left it.
  init(_ job: Job) throws(ServiceError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Foundation.Data(job.spec))
    } catch {
      let words = (error as? DecodingError)?.words ?? "something else"
      throw ServiceError(
        .notReady, at: "audit '\(job.id)' of \(job.subject)", expected: "a job that this version of Dither can read",
        got: "another: \(words)", advice: "ask for the audit again")
    }
  }
}

// Forms of specs that earlier versions have left in stores: their jobs keep their names, and go on.

extension AuditSpec {
  private enum FormerKeys: String, CodingKey { case baseline, rivals }

  /// Reads also specs that have a `baseline` and `rivals` for `others`.
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    model = try container.decode(Subject.self, forKey: .model)
    if let others = try container.decodeIfPresent([Subject].self, forKey: .others) {
      self.others = others
    } else {
      let former = try decoder.container(keyedBy: FormerKeys.self)
      let baseline = try former.decodeIfPresent(Subject.self, forKey: .baseline)
      let rivals = try former.decodeIfPresent([Subject].self, forKey: .rivals)
      others = [baseline].compactMap { $0 } + (rivals ?? [])
    }
    data = try container.decode(Data.self, forKey: .data)
    attached = try container.decodeIfPresent(BlobID.self, forKey: .attached)
    battery = try container.decode(String.self, forKey: .battery)
    probes = try container.decode([Probe].self, forKey: .probes)
    seed = try container.decode(UInt64.self, forKey: .seed)
    samples = try container.decode(Int.self, forKey: .samples)
    noise = try container.decodeIfPresent([String].self, forKey: .noise)
    gates = try container.decodeIfPresent([String].self, forKey: .gates)
    budget = try container.decodeIfPresent(Double.self, forKey: .budget)
    tolerance = try container.decodeIfPresent(Double.self, forKey: .tolerance)
    keepsAdversarials = try container.decodeIfPresent(Bool.self, forKey: .keepsAdversarials)
    code = try container.decodeIfPresent(String.self, forKey: .code)
    trace = try container.decodeIfPresent(String.self, forKey: .trace)
  }
}

extension AuditSpec.Data {
  private enum Key: String, CodingKey { case named, sent, examples }
  private enum Value: String, CodingKey { case first = "_0" }

  /// Reads also `sent` with the file of examples.
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    guard let key = container.allKeys.first, container.allKeys.count == 1 else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "expected one of named, sent, examples"))
    }
    let value = try container.nestedContainer(keyedBy: Value.self, forKey: key)
    switch key {
    case .named: self = .named(try value.decode(String.self, forKey: .first))
    case .examples: self = .examples(try value.decode(BlobID.self, forKey: .first))
    case .sent: self = try value.decodeIfPresent(BlobID.self, forKey: .first).map(Self.examples) ?? .sent
    }
  }
}
