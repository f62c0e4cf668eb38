import DitherBasics
import DitherInference
import DitherTensor
import Dispatch
import Synchronization

/// A model, and how a report names it.
public struct AuditSubject: Sendable {
  public var name: String
  /// Of the registry; nil for a file.
  public var version: Int?
  /// `sha256:…` of the file.
  public var digest: String
  public var model: Model

  public init(name: String, version: Int? = nil, digest: String, model: Model) {
    self.name = name
    self.version = version
    self.digest = digest
    self.model = model
  }
}

/// Labelled examples, and how a report names them.
public struct AuditData: Sendable {
  public var name: String
  /// [N, …] in [0, 1].
  public var inputs: Tensor
  public var labels: [Int]
  /// Where the labels came from a file of their own.
  public var labelsName: String?

  public init(name: String, inputs: Tensor, labels: [Int], labelsName: String? = nil) {
    self.name = name
    self.labelsName = labelsName
    self.inputs = inputs
    self.labels = labels
  }

  /// SHA-256 of the examples' shape, numbers and labels, little-endian.
  public var digest: String {
    var hash = Sha256()
    for extent in inputs.shape.dimensions { hash.update(withUnsafeBytes(of: UInt64(extent).littleEndian, Array.init)) }
    inputs.elements.withUnsafeBytes { hash.update($0) }
    for label in labels { hash.update(withUnsafeBytes(of: Int64(label).littleEndian, Array.init)) }
    return hash.finish().description
  }
}

extension AuditData {
  /// The first `count` examples.
  /// - Throws: when they are fewer, or not what the models take, or lie outside of [0, 1].
  package func checked(for subjects: [AuditSubject], count: Int) throws -> AuditData {
    func refuse(_ place: String, _ expected: String, _ got: String, _ advice: String? = nil) -> RobustnessError {
      RobustnessError(.data, at: place, expected: expected, got: got, advice: advice)
    }
    let rows = inputs.shape.rank == 0 ? 0 : inputs.rowCount
    guard labels.count == rows else { throw refuse("labels", "\(rows), one an example", "\(labels.count)") }
    guard rows >= count, rows > 0 else {
      throw refuse("data '\(name.clipped())'", "at least \(max(count, 1)) examples", "\(rows)")
    }
    var data = self
    data.inputs = inputs.rows(0..<count)
    data.labels = Array(labels.prefix(count))
    if let at = data.inputs.elements.firstIndex(where: { !(0...1).contains($0) }) {
      throw refuse(
        "data '\(name.clipped())', example \(at / data.inputs.rowLength)", "numbers from 0 to 1",
        "\(data.inputs.elements[at])", "divide bytes by 255; the model's own normalisation is applied behind that")
    }
    for subject in subjects {
      let signature = subject.model.signature
      guard signature.inputShape.count == data.inputs.rowLength else {
        throw refuse(
          "data '\(name.clipped())'", "examples of shape \(signature.inputShape) for '\(subject.name.clipped())'",
          "\(data.inputs.shape.row)")
      }
      try signature.check(labels: data.labels, rows: count)
    }
    return data
  }
}

/// Does the pieces of an audit and puts their results together. It holds nothing that changes.
public struct AuditRunner: Sendable {
  public let plan: AuditPlan
  public let subject: AuditSubject
  public let baseline: AuditSubject?
  /// Further models on the same examples.
  public let rivals: [AuditSubject]
  public let data: AuditData
  /// Data sets that probes ask for beside the examples, by name.
  private let others: [String: Tensor]
  /// In the order of the plan.
  let probes: [any Probe]
  /// Of the model and its inputs.
  let sanity: [Check]

  /// - Parameter others: the inputs of the data sets that `plan.otherData` names.
  /// - Throws: when the examples are not what the models take, lie outside of [0, 1], or are fewer than planned, or when a model
  ///   answers them with what is no number.
  public init(
    plan: AuditPlan, subject: AuditSubject, baseline: AuditSubject? = nil, rivals: [AuditSubject] = [], data: AuditData,
    others: [String: Tensor] = [:]
  ) throws {
    self.plan = plan
    self.subject = subject
    self.baseline = baseline
    self.rivals = rivals
    let subjects = [subject] + [baseline].compactMap { $0 } + rivals
    let checked = try data.checked(for: subjects, count: plan.exampleCount)
    for subject in subjects { try Self.tryOut(subject, checked) }
    sanity = try SanityChecks(subject, checked).all()
    self.data = checked
    self.others = try Self.checked(others, plan, subject)
    probes = try plan.probes.map { try $0.resolved() }
    for subject in subjects {
      for probe in probes { try probe.check(predictor(of: subject)) }
    }
  }

  private static func checked(
    _ others: [String: Tensor], _ plan: AuditPlan, _ subject: AuditSubject
  ) throws -> [String: Tensor] {
    let wanted = subject.model.signature.inputShape
    for name in plan.otherData {
      guard let inputs = others[name] else {
        throw RobustnessError(.data, at: "data '\(name.clipped())'", expected: "the examples of that set", got: "none")
      }
      guard inputs.rowCount > 0, inputs.rowLength == wanted.count,
        inputs.elements.allSatisfy({ (0...1).contains($0) })
      else {
        throw RobustnessError(
          .data, at: "data '\(name.clipped())'", expected: "examples of shape \(wanted) from 0 to 1",
          got: "\(inputs.shape)")
      }
    }
    return others.mapValues { $0.reshaped(Shape([$0.rowCount] + wanted.dimensions)) }
  }

  /// A model that answers with NaN is audited by nobody.
  private static func tryOut(_ subject: AuditSubject, _ data: AuditData) throws {
    let count = min(data.labels.count, 8), model = subject.model
    let inputs = data.inputs.rows(0..<count).reshaped(Shape([count] + model.signature.inputShape.dimensions))
    guard try model.outputs(model.signature.normalised(inputs)).isFinite else {
      throw RobustnessError(
        .data, at: "model '\(subject.name.clipped())'", expected: "finite answers to the first \(count) examples",
        got: "NaN or infinity")
    }
  }

  /// What the model answers with: draws, or 0 for the deterministic pass.
  public var samples: Int { predictor(of: subject).samples }

  private func predictor(of subject: AuditSubject) -> DeployedPredictor {
    DeployedPredictor(
      subject.model, samples: plan.samples > 0 ? plan.samples : DeployedPredictor.defaultSamples, seed: plan.seed)
  }

  /// - Parameter isCancelled: asked often; then the shard is given up with `RobustnessFault.cancelled`.
  public func run(_ shard: Shard, isCancelled: @escaping @Sendable () -> Bool = { false }) throws -> ShardResult {
    guard probes.indices.contains(shard.probe), shard.first >= 0, shard.count > 0,
      shard.first + shard.count <= plan.exampleCount
    else { throw RobustnessError(.plan, at: "shard \(shard.index)", expected: "one of the plan's", got: "\(shard)") }
    guard !isCancelled() else {
      throw RobustnessError(.cancelled, at: "audit", expected: "time to go on", got: "a cancellation or a deadline")
    }
    let probe = probes[shard.probe], range = shard.first..<shard.first + shard.count
    func outcome(_ predictor: DeployedPredictor, transfer: DeployedPredictor? = nil) throws -> Outcome {
      let shape = Shape([shard.count] + predictor.model.signature.inputShape.dimensions)
      let batch = ProbeBatch(
        inputs: data.inputs.rows(range).reshaped(shape), labels: Array(data.labels[range]),
        identities: range.map(UInt64.init), seed: ProbeSpec.seed(of: plan.probes[shard.probe].probe, in: plan.seed),
        isFirst: shard.first == 0,
        transfer: transfer, isCancelled: isCancelled, others: others)
      return try probe.run(on: batch, asking: predictor)
    }
    let predictor = predictor(of: subject)
    return ShardResult(
      shard: shard, model: try outcome(predictor, transfer: baseline.map { self.predictor(of: $0) }),
      noiseOff: predictor.isRandom && !probe.ignoresNoise ? try outcome(predictor.withoutNoise) : nil,
      baseline: try baseline.map { try outcome(self.predictor(of: $0), transfer: predictor) },
      rivals: rivals.isEmpty ? nil : try rivals.map { try outcome(self.predictor(of: $0)) })
  }

  /// The shards in the order in which they are done: with a budget those of the first examples of every probe first, so that what is
  /// done in time says something of each.
  public func order(hasBudget: Bool) -> [Shard] {
    hasBudget ? plan.shards.sorted { ($0.first, $0.index) < ($1.first, $1.index) } : plan.shards
  }

  /// Does what is left of the plan, on some threads.
  /// - Parameters:
  ///   - known: results from before; their shards are not done again.
  ///   - budget: seconds; shards that have not begun by then are left out.
  ///   - finished: told of every new result, on any thread, one at a time, in no order.
  public func runAll(
    known: [ShardResult] = [], threads: Int = 1, budget: Double = .infinity,
    isCancelled: @escaping @Sendable () -> Bool = { false },
    finished: @escaping @Sendable (ShardResult) -> Void = { _ in }
  ) throws -> [ShardResult] {
    struct State {
      var left: [Shard]
      var results: [ShardResult]
      var failure: (any Error)?
    }
    let done = Set(known.map(\.shard)), start = ContinuousClock.now
    // Taken from the end.
    let left = order(hasBudget: budget.isFinite).filter { !done.contains($0) }.reversed()
    let state = Mutex(State(left: Array(left), results: known))
    DispatchQueue.concurrentPerform(iterations: max(threads, 1)) { _ in
      while let shard = state.withLock({ state in
        // One shard at least: a report of nothing helps nobody.
        let isOver = !state.results.isEmpty && (ContinuousClock.now - start) / .seconds(1) > budget
        return state.failure == nil && !isOver ? state.left.popLast() : nil
      }) {
        do {
          let result = try run(shard, isCancelled: isCancelled)
          state.withLock {
            $0.results.append(result)
            finished(result)
          }
        } catch {
          state.withLock { $0.failure = $0.failure ?? error }
        }
      }
    }
    return try state.withLock { state in
      if let failure = state.failure { throw failure }
      return state.results
    }
  }

  /// - Parameters:
  ///   - results: one of each shard, in any order.
  ///   - isPartial: the time was over: what is missing is left out, and the report says so.
  public func report(_ results: [ShardResult], isPartial: Bool = false) throws -> Report {
    let sorted = results.sorted { $0.shard.index < $1.shard.index }, shards = sorted.map(\.shard)
    let isWhole = shards == plan.shards
    guard isWhole || isPartial && !shards.isEmpty && Set(shards).isSubset(of: plan.shards) else {
      throw RobustnessError(
        .plan, at: "audit", expected: "one result of each of the \(plan.shards.count) shards", got: "\(results.count)")
    }
    let byProbe = plan.probes.indices.map { probe in sorted.filter { $0.shard.probe == probe } }
    return Report(self, byProbe)
  }
}
