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

/// Does the pieces of an audit and puts their results together. It holds nothing that changes.
public struct AuditRunner: Sendable {
  public let plan: AuditPlan
  public let subject: AuditSubject
  public let baseline: AuditSubject?
  public let data: AuditData
  /// In the order of the plan.
  let probes: [any Probe]

  /// - Throws: when the examples are not what the models take, lie outside of [0, 1], or are fewer than planned.
  public init(plan: AuditPlan, subject: AuditSubject, baseline: AuditSubject? = nil, data: AuditData) throws {
    self.plan = plan
    self.subject = subject
    self.baseline = baseline
    self.data = try Self.checked(data, plan, [subject] + [baseline].compactMap { $0 })
    probes = try plan.probes.map { try $0.resolved() }
    for subject in [subject] + [baseline].compactMap({ $0 }) {
      for probe in probes { try probe.check(predictor(of: subject)) }
    }
  }

  private static func checked(_ data: AuditData, _ plan: AuditPlan, _ subjects: [AuditSubject]) throws -> AuditData {
    func refuse(_ place: String, _ expected: String, _ got: String, _ advice: String? = nil) -> RobustnessError {
      RobustnessError(.data, at: place, expected: expected, got: got, advice: advice)
    }
    let rows = data.inputs.shape.rank == 0 ? 0 : data.inputs.rowCount
    guard data.labels.count == rows else { throw refuse("labels", "\(rows), one an example", "\(data.labels.count)") }
    guard rows >= plan.exampleCount else {
      throw refuse("data '\(data.name.clipped())'", "at least \(plan.exampleCount) examples", "\(rows)")
    }
    var data = data
    data.inputs = data.inputs.rows(0..<plan.exampleCount)
    data.labels = Array(data.labels.prefix(plan.exampleCount))
    if let at = data.inputs.elements.firstIndex(where: { !(0...1).contains($0) }) {
      throw refuse(
        "data '\(data.name.clipped())', example \(at / data.inputs.rowLength)", "numbers from 0 to 1",
        "\(data.inputs.elements[at])", "divide bytes by 255; the model's own normalisation is applied behind that")
    }
    for subject in subjects {
      let signature = subject.model.signature
      guard signature.inputShape.count == data.inputs.rowLength else {
        throw refuse(
          "data '\(data.name.clipped())'", "examples of shape \(signature.inputShape) for '\(subject.name.clipped())'",
          "\(data.inputs.shape.row)")
      }
      try signature.check(labels: data.labels, rows: plan.exampleCount)
    }
    return data
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
        identities: range.map(UInt64.init), seed: seed(of: shard.probe), isFirst: shard.first == 0,
        transfer: transfer, isCancelled: isCancelled)
      return try probe.run(on: batch, asking: predictor)
    }
    let predictor = predictor(of: subject)
    return ShardResult(
      shard: shard, model: try outcome(predictor, transfer: baseline.map { self.predictor(of: $0) }),
      noiseOff: predictor.isRandom ? try outcome(predictor.withoutNoise) : nil,
      baseline: try baseline.map { try outcome(self.predictor(of: $0), transfer: predictor) })
  }

  /// By the probe's name alone: its conditions differ in nothing but the condition, and its results do not depend on what
  /// else is in the audit.
  private func seed(of probe: Int) -> UInt64 {
    // FNV-1a.
    let hash = plan.probes[probe].probe.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3
    }
    return mixSeed(plan.seed, hash)
  }

  /// Does what is left of the plan, on some threads.
  /// - Parameters:
  ///   - known: results from before; their shards are not done again.
  ///   - finished: told of every new result, on any thread, one at a time, in no order.
  public func runAll(
    known: [ShardResult] = [], threads: Int = 1, isCancelled: @escaping @Sendable () -> Bool = { false },
    finished: @escaping @Sendable (ShardResult) -> Void = { _ in }
  ) throws -> [ShardResult] {
    struct State {
      var left: [Shard]
      var results: [ShardResult]
      var failure: (any Error)?
    }
    let done = Set(known.map(\.shard))
    // Taken from the end.
    let left = plan.shards.filter { !done.contains($0) }.reversed()
    let state = Mutex(State(left: Array(left), results: known))
    DispatchQueue.concurrentPerform(iterations: max(threads, 1)) { _ in
      while let shard = state.withLock({ $0.failure == nil ? $0.left.popLast() : nil }) {
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

  /// - Parameter results: one of each shard, in any order.
  public func report(_ results: [ShardResult]) throws -> Report {
    let sorted = results.sorted { $0.shard.index < $1.shard.index }
    guard sorted.map(\.shard) == plan.shards else {
      throw RobustnessError(
        .plan, at: "audit", expected: "one result of each of the \(plan.shards.count) shards", got: "\(results.count)")
    }
    let byProbe = plan.probes.indices.map { probe in sorted.filter { $0.shard.probe == probe } }
    return Report(self, byProbe)
  }
}
