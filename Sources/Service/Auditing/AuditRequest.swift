import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor

/// The question of an audit, by a call or on the command line: one meaning for both.
public struct AuditRequest: Sendable {
  /// The audited model, then those to compare it with. Names with a + between them: an ensemble.
  public var models: [String]
  /// The models' temperatures, in their order, as far as they are given. 0: the model's own.
  public var temperatures: [Double] = []
  /// The examples.
  public var data: Data
  /// nil: the probes.
  public var battery: String?
  /// All that is asked of each model; empty: those of the battery.
  public var probes: [ProbeSpec] = []
  /// Bounds that the report is to hold, as `--gate` writes them.
  public var gates: [String] = []
  /// Every draw of the audit follows from it.
  public var seed: UInt64 = 1
  /// Draws of the deployed predictor; 0: the model's own.
  public var samples = 0
  /// The noise of the audited model in place of its own, its terms as the command line writes them; empty: its own.
  public var noise: [String] = []
  /// Seconds; nil: no bound.
  public var budget: Double?
  /// Kinds of the models' outputs, in their order, as far as they are said; nil: as the model says.
  public var outputKinds: [OutputKind?] = []
  /// [N]: the classes to which attacks with `target=given` lead the examples, and how a command names their file.
  public var targets: (classes: [Int], name: String)?
  /// Bounds of a table's features, and how a command names their file.
  public var features: (bounds: Features, name: String)?
  /// How far an answer of a regression may be from its value and still count as right, in the values' unit; nil: half
  /// the standard deviation of the values.
  public var tolerance: Double?
  /// Inputs that probes name beside the data sets, by name: [N, …].
  public var otherData: [String: Tensor] = [:]

  /// Whether what attacks on the first model make is kept with the audit.
  public var keepsAdversarials = false

  /// Mebibytes of inputs that attacks make and a server keeps with an audit, at most.
  public static let mostMiBMade = 64

  /// Where the examples come from.
  public enum Data: Sendable {
    /// A data set as `Dataset.load` takes it; without a part, as many examples as is usual for the battery.
    case named(String)
    case given(AuditData)
  }

  /// - Parameter models: the first is the one that is audited, the others are compared with it.
  public init(models: [String], data: Data) {
    self.models = models
    self.data = data
  }
}

/// Where an audit's models come from: a registry, or files.
public protocol AuditModels {
  associatedtype Version: Sendable
  /// Whether the name is that of one model, whatever signs are in it.
  func isOne(_ name: String) -> Bool
  /// - Parameter outputKind: what its outputs are, if that was said.
  func version(_ name: String, outputKind: OutputKind?) throws -> Version
  /// The temperature that the version is served with; nil: 1.
  func temperature(of version: Version) throws -> Double?
  /// The draws that it is served with; 0: the usual.
  func samples(of version: Version) -> Int
  /// Whether it is served with noise.
  func hasNoise(_ version: Version) -> Bool
}

/// A request with its names looked up and its data read. What it holds is settled, whatever becomes of the names.
public struct ResolvedAudit<Version: Sendable>: Sendable {
  /// A model of the audit.
  public struct Subject: Sendable {
    /// One, or those of an ensemble.
    public var members: [Version]
    /// nil: 1.
    public var temperature: Double?
    /// nil: what the model says.
    public var outputKind: OutputKind?
  }

  /// The audited model, then those to compare it with.
  public var subjects: [Subject]
  /// Where it is a data set, its name says which part.
  public var data: AuditData
  /// As it was asked for.
  public var request: AuditRequest
  /// Draws of the deployed predictor; 0: the usual.
  public var samples: Int
}

extension AuditRequest {
  /// Looks everything up and reads the data, once.
  /// - Parameter usualExamples: of a data set that is named without a part, where there is no battery; nil: all.
  /// - Throws: what cannot be meant, with its field.
  public func resolved<Models: AuditModels>(
    by models: Models, usualExamples: Int? = nil
  ) throws -> ResolvedAudit<Models.Version> {
    guard temperatures.count <= self.models.count else {
      throw ServiceError(
        .badField, at: "temperatures", expected: "at most one for each of \(self.models.count) models",
        got: "\(temperatures.count)")
    }
    guard outputKinds.count <= self.models.count else {
      throw ServiceError(
        .badField, at: "output_kinds", expected: "at most one for each of \(self.models.count) models",
        got: "\(outputKinds.count)")
    }
    try NoiseModel.check(options: noise, at: "noise")
    let subjects = try self.models.enumerated().map { at, name in
      var subject = try Self.subject(
        name, temperature: temperatures.indices.contains(at) ? temperatures[at] : 0,
        outputKinds.indices.contains(at) ? outputKinds[at] : nil, models)
      // A calibration is of the version's own noise.
      if at == 0, !noise.isEmpty, temperatures.first ?? 0 == 0 { subject.temperature = nil }
      return subject
    }
    try checkSamples(of: subjects, models)
    if let budget, !(budget.isFinite && budget > 0) {
      throw ServiceError(.badField, at: "budget_seconds", expected: "a number above 0", got: "\(budget)")
    }
    guard gates.count <= Gate.mostGates else {
      throw ServiceError(.badField, at: "gates", expected: "at most \(Gate.mostGates)", got: "\(gates.count)")
    }
    for gate in gates { _ = try Gate(parsing: gate) }
    // Refused here, so that a mistake in a name is not hidden behind one in the data.
    let wanted = Set(try probes.flatMap { try $0.resolved().otherData })
    if let name = otherData.keys.sorted().first(where: { !wanted.contains($0) }) {
      throw ServiceError(
        .badField, at: "other_inputs", expected: "inputs that a probe names, as ood:data=NAME does",
        got: "'\(name.clipped())'", advice: nearest(to: name, among: wanted.sorted()).map { "did you mean '\($0)'?" })
    }
    let usual = try battery.map { try Catalog<Battery>.batteries.entry(named: $0).defaultExamples } ?? usualExamples
    let samples =
      if samples > 0 || subjects[0].members.count > 1 { samples } else { models.samples(of: subjects[0].members[0]) }
    return ResolvedAudit(
      subjects: subjects, data: described(try data.read(usual: usual)), request: self, samples: samples)
  }

  /// - Throws: where draws are asked for and no model has anything to draw from.
  private func checkSamples<Models: AuditModels>(
    of subjects: [ResolvedAudit<Models.Version>.Subject], _ models: Models
  ) throws(ServiceError) {
    guard samples > 0, noise.isEmpty, subjects[0].members.count == 1 else { return }
    guard !subjects.contains(where: { $0.members.contains(where: models.hasNoise) }) else { return }
    throw .nothingToDraw(samples, from: self.models[0])
  }

  /// The data with what is said of them.
  func described(_ data: AuditData) -> AuditData {
    var data = data
    if let targets { (data.targets, data.targetsName) = (targets.classes, targets.name) }
    if let features { (data.features, data.featuresName) = (features.bounds, features.name) }
    data.tolerance = tolerance
    return data
  }

  private static func subject<Models: AuditModels>(
    _ name: String, temperature: Double, _ outputKind: OutputKind?, _ models: Models
  ) throws -> ResolvedAudit<Models.Version>.Subject {
    let allowed = AuditSubject.temperatures
    guard temperature == 0 || allowed.contains(temperature) else {
      throw ServiceError(
        .badField, at: "temperatures", expected: "0, or \(allowed.lowerBound) to \(allowed.upperBound)",
        got: "\(temperature)")
    }
    let names =
      models.isOne(name) ? [name] : name.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    guard names.count <= AuditSubject.mostMembers else {
      throw ServiceError(
        .badField, at: "model", expected: "at most \(AuditSubject.mostMembers) members of an ensemble",
        got: "\(names.count)")
    }
    let members = try names.map { try models.version($0, outputKind: outputKind) }
    let own = members.count == 1 ? try models.temperature(of: members[0]) : nil
    return .init(members: members, temperature: temperature == 0 ? own : temperature, outputKind: outputKind)
  }
}

extension AuditRequest.Data {
  /// - Parameter usual: examples of a set that is named without a part; nil: all.
  func read(usual: Int?) throws -> AuditData {
    switch self {
    case .given(let data): return data
    case .named(let reference):
      var set = try Dataset.load(reference), name = reference
      if let usual, !reference.contains(":") {
        set = set.first(usual)
        name += ":\(set.count)"
      }
      var data = try AuditData(name: name, inputs: set.inputs, targets: set.targets, start: set.start)
      data.layout = set.layout
      data.byteInputs = set.byteInputs
      return data
    }
  }
}

extension AuditSubject {
  /// - Parameters:
  ///   - members: one, or those of an ensemble.
  ///   - temperature: nil: 1.
  ///   - data: the examples, for whose size an ensemble is made.
  /// - Throws: for a temperature of a regression, and for members that make no ensemble.
  public init(members: [AuditSubject], temperature: Double?, on data: AuditData) throws {
    if let temperature, temperature != 1, let member = members.first(where: { $0.model.signature.task.isRegression }) {
      throw ServiceError(
        .badField, at: "temperatures", expected: "none for '\(member.name.clipped())', which is a regression",
        got: "\(temperature)", advice: "a temperature divides the logits of classes: leave it out")
    }
    if members.count == 1 {
      self = members[0]
      self.temperature = temperature ?? 1
    } else {
      try self.init(ensemble: members.map { try $0.sized(to: data) }, temperature: temperature ?? 1)
    }
  }
}

extension AuditRequest {
  /// All that does the audit.
  /// - Parameters:
  ///   - subjects: loaded, in the order of the models; the first takes the noise that was said.
  ///   - samples: draws of the deployed predictor; 0: the usual.
  ///   - code: the program that does it.
  public func runner(
    of subjects: [AuditSubject], on data: AuditData, samples: Int, code: String?,
    otherData load: (String) throws -> Tensor = { try Dataset.load($0).inputs }
  ) throws -> AuditRunner {
    let subjects = try subjects.map { try $0.sized(to: data) }
    let plan = try AuditPlan(
      probes: probes, battery: battery, seed: seed, samples: samples, exampleCount: data.labels.count,
      inputShape: subjects[0].model.signature.inputShape, isRegression: data.values != nil,
      gates: gates.map { try Gate(parsing: $0) })
    return try AuditRunner(
      plan: plan, subject: subjects[0].drawing(noise), others: Array(subjects.dropFirst()), data: data, code: code,
      otherData: { try otherData[$0] ?? load($0) })
  }
}
