import DitherBasics
import DitherGraph
import DitherInference

/// A model, and how a report names it.
public struct AuditSubject: Sendable {
  public var name: String
  /// Its number in the registry; nil for a file.
  public var version: Int?
  /// `sha256:…` of the file; of an ensemble, of its members' digests, a line each.
  public var digest: String
  /// For an ensemble: its members as one graph.
  public var model: Model
  /// That every draw's logits are divided by.
  public var temperature: Double
  /// For an ensemble: the models whose probabilities are averaged.
  public private(set) var members: [AuditSubject] = []

  /// The kind of its outputs, as the caller says; nil: as the model says.
  public private(set) var outputKind: OutputKind?
  /// The terms of its noise, as the caller says them; empty: the noise is the model's own.
  public private(set) var saidNoise: [String] = []

  /// A model under a name; its outputs are what the model says.
  public init(name: String, version: Int? = nil, digest: String, model: Model, temperature: Double = 1) {
    self.name = name
    self.version = version
    self.digest = digest
    self.model = model
    self.temperature = temperature
  }

  /// The same, whose outputs are what the caller says; nil: as the model says.
  /// - Throws: when a trial shows that they are not what was said, by the caller or in the file.
  public func putting(out kind: OutputKind?) throws -> AuditSubject {
    guard let kind else {
      try model.confirmOutputKind()
      return self
    }
    var same = self
    (same.model, same.outputKind) = (try model.puttingOut(kind), kind)
    return same
  }

  /// The same for inputs of the size of an audit's examples, where the model takes several.
  /// - Throws: where the size is not one that the model takes.
  public func sized(to data: AuditData) throws -> AuditSubject {
    guard members.isEmpty, model.signature.hasFreeAxes else { return self }
    var same = self
    do { same.model = try model.sized(for: model.signature.rowShapes(of: data.inputs, as: data.layout)) } catch {
      guard let fault = error as? any AnyFault else { throw error }
      throw RobustnessError(
        .data, at: "data '\(data.name.clipped())' for '\(name.clipped())': \(fault.place)", expected: fault.expected,
        got: fault.got, advice: fault.advice)
    }
    return same
  }

  /// The same under the noise that the caller says, in place of its own.
  /// - Parameter noise: its terms, as a command line writes them; none: as it is.
  /// - Throws: where they are no noise of the model, or it is an ensemble.
  public func drawing(_ noise: [String]) throws -> AuditSubject {
    guard !noise.isEmpty else { return self }
    guard members.isEmpty else {
      throw RobustnessError(
        .data, at: "noise", expected: "one model", got: "an ensemble, whose draws are its members",
        advice: "leave it out, or put the model with noise beside the ensemble")
    }
    var same = self
    (same.model, same.saidNoise) = (try model.drawing(noise), noise)
    return same
  }

  /// Temperatures that make sense of logits in single precision.
  public static let temperatures = 1e-3...1e3

  /// Members of an ensemble, at most.
  public static let mostMembers = 16

  /// Models that answer together with the mean of their probabilities: a deep ensemble (Lakshminarayanan et al. 2017,
  /// arXiv 1612.01474).
  /// - Throws: when they are not 2 to 16, take or give different things, or have noise.
  public init(ensemble members: [AuditSubject], temperature: Double = 1) throws {
    guard (2...Self.mostMembers).contains(members.count) else {
      throw RobustnessError(
        .data, at: "ensemble", expected: "2 to \(Self.mostMembers) members", got: "\(members.count)")
    }
    for member in members where member.model.noise != nil || !member.members.isEmpty {
      throw RobustnessError(
        .data, at: "ensemble, member '\(member.name.clipped())'", expected: "a model without noise",
        got: member.members.isEmpty ? "one with noise" : "an ensemble",
        advice: "put it beside the ensemble as a model of its own")
    }
    self.init(
      name: members.map(\.name).joined(separator: "+"),
      digest: Sha256.hash(members.map { $0.digest + "\n" }.joined().utf8).description,
      model: try Model(ensemble: members.map(\.model)), temperature: temperature)
    self.members = members
    outputKind = members[0].outputKind
  }

  /// As the command line names it: "net@2", "a.onnx+b.onnx".
  var reference: String {
    members.isEmpty
      ? version.map { "\(name)@\($0)" } ?? name : members.map(\.reference).joined(separator: "+")
  }
}
