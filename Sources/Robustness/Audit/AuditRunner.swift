import DitherBasics
import DitherInference
import DitherTensor
import Dispatch
import Synchronization

/// Does the pieces of an audit and puts their results together. It holds nothing that changes.
public struct AuditRunner: Sendable {
  public let plan: AuditPlan
  public let subject: AuditSubject
  public let baseline: AuditSubject?
  /// Further models on the same examples.
  public let rivals: [AuditSubject]
  public let data: AuditData
  /// The program that does it, as the report names it: its version and the digest of its sources.
  public let code: String?
  /// Data sets that probes ask for beside the examples, by name.
  private let others: [String: Tensor]
  /// In the order of the plan.
  let probes: [any Probe]
  /// Of the models and their inputs.
  let sanity: [Check]
  /// As the models are deployed: the audited one, the baseline if there is one, the rivals.
  private let predictors: [DeployedPredictor]
  /// By probe: its place among all, the cheapest first.
  private let ranks: [Int]

  /// Probes of a battery that do not apply to these models or lack their data, and why; what was asked for by name is refused instead.
  let inapplicable: [Int: String]

  /// - Parameter others: gives the inputs of a data set that a probe asks for beside the examples.
  /// - Throws: when the examples are not what the models take, lie outside of [0, 1], or are fewer than planned, or when a model
  ///   answers them with what is no number.
  public init(
    plan: AuditPlan, subject: AuditSubject, baseline: AuditSubject? = nil, rivals: [AuditSubject] = [], data: AuditData,
    code: String? = nil, others load: (String) throws -> Tensor = Self.noOthers
  ) throws {
    self.plan = plan
    self.subject = subject
    self.baseline = baseline
    self.rivals = rivals
    self.code = code
    let subjects = [subject] + [baseline].compactMap { $0 } + rivals
    let checked = try data.checked(for: subjects, count: plan.exampleCount)
    for subject in subjects { try Self.tryOut(subject, checked) }
    sanity = try subjects.enumerated().flatMap { at, subject in
      try SanityChecks(subject, as: at == 0 ? "model" : subject.reference, checked).all()
    }
    self.data = checked
    let probes = try plan.probes.map { try $0.resolved() }
    self.probes = probes
    ranks = Self.ranks(probes, examples: plan.mostPerShard)
    predictors = subjects.map { Self.predictor(of: $0, plan).remembering }
    let shape = subject.model.signature.inputShape
    var others: [String: Tensor] = [:], inapplicable: [Int: String] = [:]
    for (at, probe) in probes.enumerated() {
      do {
        for predictor in predictors { try probe.check(predictor) }
        for name in probe.otherData where others[name] == nil {
          others[name] = try Self.checked(load(name), name, shape)
        }
      } catch  where plan.battery != nil {
        inapplicable[at] = "\(error)".clipped(to: 500)
      }
    }
    self.others = others
    self.inapplicable = inapplicable
  }

  public static func noOthers(_ name: String) throws -> Tensor {
    throw RobustnessError(.data, at: "data '\(name.clipped())'", expected: "the examples of that set", got: "none")
  }

  private static func checked(_ inputs: Tensor, _ name: String, _ shape: Shape) throws(RobustnessError) -> Tensor {
    guard inputs.rowCount > 0, inputs.rowLength == shape.count, inputs.elements.allSatisfy({ (0...1).contains($0) })
    else {
      throw RobustnessError(
        .data, at: "data '\(name.clipped())'", expected: "examples of shape \(shape) from 0 to 1",
        got: "\(inputs.shape)")
    }
    return inputs.reshaped(Shape([inputs.rowCount] + shape.dimensions))
  }

  /// A model that answers with NaN is audited by nobody.
  private static func tryOut(_ subject: AuditSubject, _ data: AuditData) throws {
    let count = min(data.labels.count, 8), model = subject.model
    let inputs = data.inputs.rows(0..<count).reshaped(Shape([count] + model.signature.inputShape.dimensions))
    guard try !model.outputs(model.signature.normalised(inputs)).labels().contains(Label.none) else {
      throw RobustnessError(
        .data, at: "model '\(subject.name.clipped())'", expected: "finite answers to the first \(count) examples",
        got: "NaN or infinity")
    }
  }

  /// What the model answers with: draws, or 0 for the deterministic pass.
  public var samples: Int { predictors[0].samples }

  private static func predictor(of subject: AuditSubject, _ plan: AuditPlan) -> DeployedPredictor {
    DeployedPredictor(
      subject.model, samples: plan.samples > 0 ? plan.samples : DeployedPredictor.defaultSamples,
      temperature: subject.temperature, members: subject.members.map(\.model), seed: plan.seed)
  }

  /// An example that fails does not end the audit: the shard is cut in two until what fails is alone, and that is listed.
  /// - Parameters:
  ///   - time: what is left of the budget.
  ///   - isCancelled: asked often; then the shard is given up with `RobustnessFault.cancelled`, as it is when the time is over and
  ///     nothing can be said of it.
  public func run(
    _ shard: Shard, within time: TimeLeft = .unbounded, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> ShardResult {
    guard probes.indices.contains(shard.probe), shard.first >= 0, shard.count > 0,
      shard.first + shard.count <= plan.exampleCount
    else { throw RobustnessError(.plan, at: "shard \(shard.index)", expected: "one of the plan's", got: "\(shard)") }
    if let reason = inapplicable[shard.probe] {
      return ShardResult(
        shard: shard, failures: [.init(example: data.start + shard.first, count: shard.count, message: reason)])
    }
    // Attacks on the first examples say what they have found in their share of the time; other work is left out when all of it is over.
    let endsEarly = probes[shard.probe].canEndEarly && shard.first == 0
    let deadline = endsEarly ? time.share(among: probes.count - ranks[shard.probe]) : nil
    let isOver: @Sendable () -> Bool = { isCancelled() || !endsEarly && time.isOver }
    do {
      return try runWhole(shard, deadline, isOver)
    } catch  where !Self.isCancellation(error) && !isCancelled() {
      var pieces: [ShardResult.Piece] = [], failures: [ShardResult.Failure] = []
      guard shard.count > 1, !probes[shard.probe].takesAllExamples else {
        return ShardResult(
          shard: shard,
          failures: [
            .init(example: data.start + shard.first, count: shard.count, message: reason(error, shard))
          ])
      }
      var halves = [shard, shard]
      halves[0].count = shard.count / 2
      halves[1].first += halves[0].count
      halves[1].count -= halves[0].count
      for half in halves {
        let found = try run(half, within: time, isCancelled: isCancelled)
        pieces += found.pieces
        failures += found.failures ?? []
      }
      return ShardResult(shard: shard, pieces: pieces, failures: failures)
    }
  }

  /// Of a lone example without its number, which the failure has: neighbours that fail alike are listed as one.
  private func reason(_ error: any Error, _ shard: Shard) -> String {
    let text = "\(error)", number = "example \(data.start + shard.first): "
    return (shard.count == 1 && text.hasPrefix(number) ? String(text.dropFirst(number.count)) : text).clipped(to: 500)
  }

  private static func isCancellation(_ error: any Error) -> Bool { (error as? any AnyFault)?.category == .cancelled }

  private func runWhole(
    _ shard: Shard, _ deadline: ContinuousClock.Instant?, _ isCancelled: @escaping @Sendable () -> Bool
  ) throws -> ShardResult {
    guard !isCancelled() else {
      throw RobustnessError(.cancelled, at: "audit", expected: "time to go on", got: "a cancellation or a deadline")
    }
    let probe = probes[shard.probe], range = shard.first..<shard.first + shard.count
    let predictor = predictors[0], isCompared = predictor.isRandom && !probe.ignoresNoise
    let compared = predictors.dropFirst(), rivals = predictors.suffix(rivals.count)
    var left = predictors.count + (isCompared ? 1 : 0)
    let meanWeights = MeanWeightsFinds()
    /// Every model has the same share of the time.
    func outcome(
      _ predictor: DeployedPredictor, transfers: [DeployedPredictor] = [], isAudited: Bool = false,
      meanWeights: MeanWeightsFinds? = nil
    ) throws -> Outcome {
      defer { left -= 1 }
      let shape = Shape([shard.count] + predictor.model.signature.inputShape.dimensions)
      var batch = ProbeBatch(
        inputs: data.inputs.rows(range).reshaped(shape), labels: Array(data.labels[range]),
        identities: range.map { UInt64(data.start + $0) },
        seed: ProbeSpec.seed(of: plan.probes[shard.probe].probe, in: plan.seed),
        isFirst: shard.first == 0,
        transfers: transfers, isCancelled: isCancelled,
        deadline: deadline.flatMap { TimeLeft(until: $0).share(among: left) }, others: others)
      batch.meanWeights = meanWeights
      batch.wantsEvidence = isAudited
      return try probe.run(on: batch, asking: predictor)
    }
    return ShardResult(
      shard: shard,
      found: .init(
        model: try outcome(predictor, transfers: Array(compared), isAudited: true, meanWeights: meanWeights),
        noiseOff: isCompared ? try outcome(predictor.withoutNoise, meanWeights: meanWeights) : nil,
        baseline: baseline == nil ? nil : try compared.first.map { try outcome($0, transfers: [predictor]) },
        rivals: rivals.isEmpty ? nil : try rivals.map { try outcome($0, transfers: [predictor]) }))
  }

  /// The shards in the order in which they are done: with a budget those of the first examples of every probe first, so that what is
  /// done in time says something of each; of these the cheap ones, so that the expensive ones have what is left.
  public func order(hasBudget: Bool) -> [Shard] {
    func rank(_ shard: Shard) -> Int { shard.first == 0 ? ranks[shard.probe] : shard.index }
    return hasBudget ? plan.shards.sorted { ($0.first, rank($0)) < ($1.first, rank($1)) } : plan.shards
  }

  private static func ranks(_ probes: [any Probe], examples: Int) -> [Int] {
    // A gradient costs about three times as much as an answer.
    let costs = probes.map { $0.cost(examples: examples, draws: 1) }.map { $0.forward + 3 * $0.gradient }
    var ranks = [Int](repeating: 0, count: probes.count)
    for (rank, probe) in probes.indices.sorted(by: { (costs[$0], $0) < (costs[$1], $1) }).enumerated() {
      ranks[probe] = rank
    }
    return ranks
  }

  /// Does what is left of the plan, on some threads.
  /// - Parameters:
  ///   - known: results from before; their shards are not done again.
  ///   - budget: seconds; what is not done by then is left out, and attacks on the first examples say what they have found.
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
    let done = Set(known.map(\.shard)), time = TimeLeft(seconds: budget, threads: threads)
    // Taken from the end.
    let left = order(hasBudget: budget.isFinite).filter { !done.contains($0) }.reversed()
    let state = Mutex(State(left: Array(left), results: known))
    DispatchQueue.concurrentPerform(iterations: max(threads, 1)) { _ in
      while let shard = state.withLock({ state in
        state.failure == nil && !time.isOver ? state.left.popLast() : nil
      }) {
        do {
          let result = try run(shard, within: time, isCancelled: isCancelled)
          state.withLock {
            $0.results.append(result)
            finished(result)
          }
        } catch  where Self.isCancellation(error) && time.isOver && !isCancelled() {
          continue
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
    guard !isPartial || !shards.isEmpty else {
      throw RobustnessError(
        .plan, at: "budget", expected: "time for one shard at least", got: "none that was done in it",
        advice: "give it more seconds, or ask for less: a plan says how long each probe takes")
    }
    guard isWhole || isPartial && Set(shards).isSubset(of: plan.shards) else {
      throw RobustnessError(
        .plan, at: "audit", expected: "one result of each of the \(plan.shards.count) shards", got: "\(results.count)")
    }
    guard results.contains(where: { !$0.pieces.isEmpty }) else {
      throw RobustnessError(
        .data, at: "audit", expected: "examples that can be judged",
        got: "a failure of each, the first: \(sorted.first?.failures?.first?.message ?? "none")")
    }
    let byProbe = plan.probes.indices.map { probe in sorted.filter { $0.shard.probe == probe } }
    return Report(self, byProbe)
  }
}
