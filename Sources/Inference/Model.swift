import DitherBasics
import DitherGraph
import DitherTensor
import Synchronization

/// A model ready for use: checked, its parameters in one place, its plans compiled once and kept. Immutable to its
/// users; any number of threads may use it at once.
public final class Model: Sendable {
  /// The graph that answers: as it was given, or, of a binary task's one score, with two logits behind it. Where a
  /// trial told what its outputs are, its metadata says so.
  public let graph: Graph
  /// Its input and its answer.
  public let signature: ModelSignature
  /// The numbers that its plans compute in.
  public let precision: Plan.Precision
  /// Whether every noisy layer knows how to give each row and sample draws of its own, so that they run in one plan.
  public let drawsFreshNoise: Bool
  /// True if every noisy layer adds its noise at its output. If false, rows that share a seed are cheaper on `.exact`,
  /// which draws weights once for all of them.
  public let drawsAtOutputs: Bool
  /// The noise that the model is served with; nil: it is deterministic.
  public let noise: NoiseModel?
  /// The model as it is computed: normalization is folded into weights.
  private let computed: Graph
  let plans: PlanCache
  let cost: Cost
  /// As it was given, with one score where the task is binary.
  private let given: (graph: Graph, signature: ModelSignature)
  /// Made when the first attack asks for it.
  private let exposed = Mutex<Model?>(nil)
  /// Where axes beside the batch are free.
  let sizes = SizedModels()

  /// - Parameters:
  ///   - precision: `.bfloat16` where the CPU has it is faster and less exact; docs/benchmarks.md has the
  ///   errors of the shipped models.
  ///   - proceed: called between the passes of its trial; what it throws ends the work.
  public convenience init(
    _ graph: Graph, precision: Plan.Precision = .float32, proceed: () throws -> Void = {}
  ) throws {
    try self.init(graph, precision: precision, sharing: nil, proceed: proceed)
  }

  /// - Parameter other: a model of the same file, whose constants it has.
  init(
    _ graph: Graph, precision: Plan.Precision, sharing other: Model?, proceed: () throws -> Void = {}
  ) throws {
    self.precision = precision
    let graph = try graph.foldingComputedWeights() ?? graph
    given = (graph, try ModelSignature(graph))
    let classified = try graph.givingClasses(
      Self.triedScore(graph, given.signature, precision, sharing: other, proceed: proceed))
    var signature = try ModelSignature(classified), known = classified, only = classified
    signature.taskBasis = given.signature.taskBasis
    only.outputs = classified.outputs.filter { [name = signature.outputName] in $0.name == name }
    computed = only.foldingNormalization()
    let parameters = ParameterBuffers(computed, sharing: other?.plans.parameters)
    plans = PlanCache(computed, parameters)
    if !signature.task.isRegression, signature.outputKindBasis == .assumed,
      let tried = try OutputTrial(signature, precision).kind(plans, proceed: proceed)
    {
      (signature.outputKind, signature.outputKindBasis) = (tried, .trial)
      known.metadata[ModelSignature.outputKindKey] = tried.rawValue
    }
    self.signature = signature
    self.graph = known
    noise = try known.servedNoise()
    cost = try Cost(computed)
    (drawsFreshNoise, drawsAtOutputs) =
      signature.isRowByRow
      ? (false, false) : (computed.canRunSamples(parameters, .fresh), computed.canRunSamples(parameters, .exact))
  }

  /// The kind of a binary task's one score, by a trial of it, where neither the file nor its nodes tell: a sigmoid may
  /// be written out.
  private static func triedScore(
    _ graph: Graph, _ read: ModelSignature, _ precision: Plan.Precision, sharing other: Model?,
    proceed: () throws -> Void
  ) throws -> OutputKind? {
    guard read.task == .binary, read.outputWidth == 1, read.outputKindBasis == .assumed else { return nil }
    var score = graph
    score.outputs = graph.outputs.filter { $0.name == read.outputName }
    let plans = PlanCache(score, ParameterBuffers(score, sharing: other?.plans.parameters))
    return try OutputTrial(read, precision).kind(plans, proceed: proceed)
  }

  /// The other model under another noise. It shares the parameters, unless one of the two noises has numbers of its own
  /// among them.
  private init(_ other: Model, drawing new: NoiseModel) throws {
    precision = other.precision
    signature = other.signature
    cost = other.cost
    var graph = other.graph, own = other.given.graph, computed = other.computed, parameters = other.plans.parameters
    let hasConstants = graph.noise?.hasConstants == true || new.hasConstants
    graph.noise = new
    own.noise = new
    computed.noise = new
    if hasConstants {
      // Neither weights nor normalizations are folded of members.
      graph = try graph.foldingComputedWeights() ?? graph
      var only = graph
      only.outputs = graph.outputs.filter { $0.name == other.signature.outputName }
      computed = only.foldingNormalization()
      parameters = ParameterBuffers(computed, sharing: parameters)
    }
    self.graph = graph
    self.computed = computed
    given = (own, other.given.signature)
    noise = try graph.servedNoise()
    plans = PlanCache(computed, parameters, limit: 8)
    (drawsFreshNoise, drawsAtOutputs) =
      other.signature.isRowByRow
      ? (false, false) : (computed.canRunSamples(parameters, .fresh), computed.canRunSamples(parameters, .exact))
  }

  /// The other model for inputs of one size.
  init(_ other: Model, sized size: [String: Int]) throws {
    precision = other.precision
    noise = other.noise
    (drawsFreshNoise, drawsAtOutputs) = (other.drawsFreshNoise, other.drawsAtOutputs)
    let own = try other.given.graph.sized(size)
    var graph = other.graph, computed = other.computed
    (graph.inputs, computed.inputs) = (own.inputs, own.inputs)
    signature = try other.signature.sized(like: graph)
    given = (own, try other.given.signature.sized(like: own))
    (self.graph, self.computed) = (graph, computed)
    cost = try Cost(computed)
    plans = PlanCache(other.plans, of: computed, size: size)
  }

  /// The same network under another noise, in place of its own: what a file with that noise would be.
  /// - Throws: where the model has no place for it.
  public func drawing(_ noise: NoiseModel) throws -> Model { try Model(self, drawing: noise) }

  /// The same network under the noise that a request or a command line says (``NoiseModel/init(parsing:of:at:)``).
  /// - Parameter place: of the words, for messages.
  /// - Throws: where they are no noise, or the model has no place for it.
  public func drawing(_ options: [String], at place: String = "noise") throws -> Model {
    try drawing(NoiseModel(parsing: options, of: graph, at: place))
  }

  /// A model of an ONNX file.
  /// - Throws: when the file is no graph within the limits, or the graph no model.
  public convenience init(
    onnx bytes: [UInt8], limits: OnnxLimits = .standard, precision: Plan.Precision = .float32,
    proceed: () throws -> Void = {}
  ) throws {
    let graph = try Graph(onnx: bytes, limits: limits)
    try proceed()
    try self.init(graph, precision: precision, proceed: proceed)
  }

  /// Tries what the file says of its outputs, as its nodes do not tell it.
  /// - Parameter proceed: called between the passes.
  /// - Throws: where on one of the trial's inputs they are not that.
  public func confirmOutputKind(proceed: () throws -> Void = {}) throws {
    let (graph, read) = given
    // Any numbers can be logits.
    guard read.outputKindBasis == .metadata, read.outputKind != .logits, !read.task.isRegression else { return }
    var plans = plans
    if read.outputWidth != signature.outputWidth {
      // A binary score is tried itself, not the logits that are made of it.
      var score = graph
      score.outputs = graph.outputs.filter { $0.name == read.outputName }
      plans = PlanCache(score, ParameterBuffers(score, sharing: plans.parameters))
    }
    try OutputTrial(read, precision).confirm(plans, proceed: proceed)
  }

  /// The same model, whose outputs are what the caller says.
  /// - Throws: when a trial shows that they are not.
  public func puttingOut(_ kind: OutputKind) throws -> Model {
    var graph = given.graph
    graph.metadata[ModelSignature.outputKindKey] = kind.rawValue
    let model = try Model(graph, precision: precision, sharing: self)
    try model.confirmOutputKind()
    return model
  }

  /// The same model, which puts out logits where this one puts out probabilities or their logarithms: for what must not
  /// look through a softmax, in which differences round to nothing. It takes the same inputs, draws the same noise and
  /// gives the same classes.
  public func exposingLogits() throws -> Model {
    guard signature.outputKind != .logits else { return self }
    return try exposed.withLock { exposed in
      if let exposed { return exposed }
      let model = try Model(
        graph.exposingLogits(of: signature.outputName, kind: signature.outputKind), precision: precision,
        sharing: self)
      exposed = model
      return model
    }
  }

  /// Bytes of its parameters.
  public var parameterBytes: Int { cost.parameterBytes }

  /// Arithmetic operations of one draw for one row, an estimate.
  public var operations: Double { cost.operations }

  /// The memory and the time that one row takes.
  struct Cost {
    /// Bytes of the largest value between two layers.
    let bytes: Int
    /// Arithmetic operations.
    let operations: Double
    let parameterBytes: Int
    init(_ graph: Graph) throws(GraphError) {
      let types = try graph.types(rows: 1)
      var bytes = 1, operations = 0.0
      for node in graph.nodes {
        let outputs = node.outputs.compactMap { types[$0.index] }
        bytes = max(bytes, outputs.map(\.byteCount).max() ?? 0)
        operations += node.op.operations(node.inputs.map { $0.flatMap { types[$0.index] } }, outputs)
      }
      parameterBytes = graph.literals.values.reduce(0) { $0 + $1.type.byteCount }
      self.bytes = bytes
      self.operations = operations
    }
    /// Below this, a second thread costs more than it does.
    static let worthwhile = 1e8
    /// Rows that cost no more than to read the parameters once more, as another run does: a core multiplies at some 80
    /// G/s and reads at some 10 GB/s. At most 16: from there on a run is worth it.
    var spareRows: Int { Int(min(8 * Double(parameterBytes) / max(operations, 1), 16)) }
  }
}

extension Graph {
  /// The noise that the graph is served with; nil: none that does anything.
  /// - Throws: where it has no place for it.
  fileprivate func servedNoise() throws(GraphError) -> NoiseModel? {
    guard let served = noise?.settled, served.isActive else { return nil }
    try served.checkSites(in: self)
    return served
  }

  /// Whether a plan can make several draws in one run.
  fileprivate func canRunSamples(_ parameters: ParameterBuffers, _ path: NoisePath) -> Bool {
    (try? Plan(self, parameters: parameters, options: .init(rows: 1, samples: 2, path: path))) != nil
  }
}
