import DitherBasics
import DitherInference
import DitherTensor
import Synchronization

/// Runs the shards of an audit and makes a report of their results. It is immutable.
public struct AuditRunner: Sendable {
  /// The work.
  public let plan: AuditPlan
  /// The audited model.
  public let subject: AuditSubject
  /// Models on the same examples, to compare it with.
  public let others: [AuditSubject]
  /// The examples, as far as the plan takes them.
  public let data: AuditData
  /// The program that does it, as the report names it: its version and the digest of its sources.
  public let code: String?
  /// Data sets that probes ask for beside the examples, by name.
  let otherData: [String: Tensor]
  /// In the order of the plan.
  let probes: [any Probe]
  /// Checks of the models and their inputs.
  let sanity: [Check]
  /// As the models are deployed: the audited one, then the others.
  private let predictors: [DeployedPredictor]
  /// Models of words as attacks see them, by embeddings; nil: as they are.
  let embedded: (view: AuditView, predictors: [DeployedPredictor])?
  /// By probe: its place among all, the cheapest first.
  private let ranks: [Int]

  /// Probes of a battery that do not apply to these models or lack their data, and why; what was asked for by name is
  /// refused instead.
  let inapplicable: [Int: String]

  /// - Parameters:
  ///   - others: to compare with, in the order of the report's comparisons.
  ///   - load: gives the inputs of a data set that a probe asks for beside the examples.
  /// - Throws: when the examples are not what the models take, lie outside of their bounds, or are fewer than planned,
  ///   or when a model answers them with what is no number.
  public init(
    plan: AuditPlan, subject: AuditSubject, others: [AuditSubject] = [], data: AuditData, code: String? = nil,
    otherData load: (String) throws -> Tensor = Self.noOtherData
  ) throws {
    self.plan = plan
    self.subject = subject
    self.others = others
    self.code = code
    let subjects = [subject] + others
    let checked = try data.checked(for: subjects, count: plan.exampleCount).judging()
    for subject in subjects { try Self.tryOut(subject, checked) }
    self.data = checked
    let probes = try plan.probes.map { try $0.resolved() }
    self.probes = probes
    ranks = Self.ranks(probes, examples: plan.mostPerShard)
    predictors = subjects.map { Self.predictor(of: $0, plan).remembering }
    var embedded: (view: AuditView, predictors: [DeployedPredictor])?
    if checked.integerColumns > 0, probes.contains(where: \.movesInputs),
      let view = try AuditView(embedding: AuditView(subjects, checked))
    {
      embedded = (view, view.subjects.map { Self.predictor(of: $0, plan).remembering })
    }
    self.embedded = embedded
    sanity =
      try subjects.enumerated().flatMap { at, subject in
        try SanityChecks(subject, as: at == 0 ? "model" : subject.reference, checked).all()
      }
      + [
        embedded?.view.said
          ?? checked.features.map { Self.said($0, given: data.features != nil, integers: checked.integerColumns) }
      ].compactMap { $0 }
    let shape = subject.model.signature.inputShape
    var otherData: [String: Tensor] = [:], inapplicable: [Int: String] = [:]
    for (at, probe) in probes.enumerated() {
      let moved = probe.movesInputs ? embedded : nil
      do {
        try probe.check(isRegression: checked.values != nil)
        try probe.check(moved?.view.data ?? checked)
        for predictor in moved?.predictors ?? predictors { try probe.check(predictor) }
        for name in probe.otherData where otherData[name] == nil {
          otherData[name] = try Self.checked(load(name), name, shape, isTable: checked.features != nil)
        }
      } catch  where plan.battery != nil {
        inapplicable[at] = "\(error)".clipped(to: 500)
      }
    }
    self.otherData = otherData
    self.inapplicable = inapplicable
  }

  /// How a table is attacked, for the reader.
  private static func said(_ features: Features, given: Bool, integers: Int) -> Check {
    Check(
      check: "features", probe: "data", passed: true,
      message:
        "A table: attacks change \(features.free.count) of \(features.count) features, each within the bounds "
        + "\(given ? "that were given" : "of these examples; those of at most two values stay as they are"). "
        + (integers > 0 ? "\(integers) are integers, which stay. " : "") + "Epsilon is a share of that range.")
  }

  /// For audits whose probes may ask for no other data.
  public static func noOtherData(_ name: String) throws -> Tensor {
    throw RobustnessError(.data, at: "data '\(name.clipped())'", expected: "the examples of that set", got: "none")
  }

  private static func checked(
    _ inputs: Tensor, _ name: String, _ shape: Shape, isTable: Bool
  ) throws(RobustnessError) -> Tensor {
    let place = "data '\(name.clipped())'"
    guard inputs.rowCount > 0, inputs.shape.row.isReadable(as: shape) else {
      throw RobustnessError(.data, at: place, expected: "examples of shape \(shape)", got: "\(inputs.shape)")
    }
    if let at = inputs.elements.firstIndex(where: { isTable ? !$0.isFinite : !(0...1).contains($0) }) {
      throw RobustnessError(
        .data, at: "\(place), example \(at / inputs.rowLength)",
        expected: isTable ? "finite numbers" : "numbers from 0 to 1, as the audited examples have",
        got: "\(inputs.elements[at])",
        advice: isTable ? nil : "of a table say bounds of its features that hold these too (--features)")
    }
    return inputs.reshaped(Shape([inputs.rowCount] + shape.dimensions))
  }

  /// Refuses a model that answers with NaN.
  private static func tryOut(_ subject: AuditSubject, _ data: AuditData) throws {
    let count = min(data.labels.count, 8), model = subject.model
    let inputs = data.inputs.rows(0..<count).reshaped(Shape([count] + model.signature.inputShape.dimensions))
    let outputs = try model.outputs(model.signature.normalized(inputs))
    guard
      data.values == nil
        ? !outputs.labels().contains(Label.none)
        : model.signature.draws(in: outputs, rows: count).allSatisfy(\.haveAnswers)
    else {
      throw RobustnessError(
        .data, at: "model '\(subject.name.clipped())'", expected: "finite answers to the first \(count) examples",
        got: "NaN or infinity")
    }
  }

  /// Numbers of an input that attacks make.
  public var attackedWidth: Int { (embedded?.view.subjects[0] ?? subject).model.signature.inputShape.count }

  /// The way in which the model answers: draws, or 0 for the deterministic pass.
  public var samples: Int { predictors[0].samples }

  private static func predictor(of subject: AuditSubject, _ plan: AuditPlan) -> DeployedPredictor {
    DeployedPredictor(
      subject.model, samples: plan.samples > 0 ? plan.samples : DeployedPredictor.defaultSamples,
      temperature: subject.temperature, members: subject.members.map(\.model), seed: plan.seed)
  }

  /// An example that fails does not end the audit: the shard is cut in two until what fails is alone, and that is
  /// listed.
  /// - Parameters:
  ///   - time: what is left of the budget.
  ///   - isCancelled: asked often; then the shard is given up with `RobustnessFault.cancelled`, as it is when the time
  ///     is over and nothing can be said of it.
  ///   - adversarials: gets what attacks on the audited model made; in no order.
  public func run(
    _ shard: Shard, within time: TimeLeft = .unbounded, isCancelled: @escaping @Sendable () -> Bool = { false },
    adversarials: (@Sendable (Adversarials) -> Void)? = nil
  ) throws -> ShardResult {
    guard probes.indices.contains(shard.probe), shard.first >= 0, shard.count > 0,
      shard.first + shard.count <= plan.exampleCount
    else { throw RobustnessError(.plan, at: "shard \(shard.index)", expected: "one of the plan's", got: "\(shard)") }
    if let reason = inapplicable[shard.probe] {
      return failed(shard, reason)
    }
    // Attacks on the first examples say what they have found in their share of the time; other work is left out when
    // all of it is over.
    let endsEarly = probes[shard.probe].canEndEarly && shard.first == 0
    let deadline = endsEarly ? time.share(among: probes.count - ranks[shard.probe]) : nil
    let isOver: @Sendable () -> Bool = { isCancelled() || !endsEarly && time.isOver }
    do {
      return try runWhole(shard, deadline, isOver, adversarials)
    } catch  where !Self.isCancellation(error) && !isCancelled() {
      var pieces: [ShardResult.Piece] = [], failures: [ShardResult.Failure] = []
      guard shard.count > 1, !probes[shard.probe].takesAllExamples else {
        return failed(shard, reason(error, shard))
      }
      var halves = [shard, shard]
      halves[0].count = shard.count / 2
      halves[1].first += halves[0].count
      halves[1].count -= halves[0].count
      for half in halves {
        let found = try run(half, within: time, isCancelled: isCancelled, adversarials: adversarials)
        pieces += found.pieces
        failures += found.failures ?? []
      }
      return ShardResult(shard: shard, pieces: pieces, failures: failures)
    }
  }

  /// The reason for a lone example without its number, which the failure has: neighbors that fail alike are listed as
  /// one.
  private func reason(_ error: any Error, _ shard: Shard) -> String {
    let text = "\(error)", number = "example \(data.start + shard.first): "
    return (shard.count == 1 && text.hasPrefix(number) ? String(text.dropFirst(number.count)) : text).clipped(to: 500)
  }

  private static func isCancellation(_ error: any Error) -> Bool { (error as? any AnyFault)?.category == .cancelled }

  private func runWhole(
    _ shard: Shard, _ deadline: ContinuousClock.Instant?, _ isCancelled: @escaping @Sendable () -> Bool,
    _ adversarials: (@Sendable (Adversarials) -> Void)?
  ) throws -> ShardResult {
    guard !isCancelled() else {
      throw RobustnessError(.cancelled, at: "audit", expected: "time to go on", got: "a cancellation or a deadline")
    }
    let probe = probes[shard.probe], range = shard.first..<shard.first + shard.count
    let moved = probe.movesInputs ? embedded : nil, predictors = moved?.predictors ?? self.predictors
    let data = moved?.view.data ?? self.data, predictor = predictors[0],
      isCompared = predictor.isRandom && !probe.ignoresNoise
    let compared = Array(predictors.dropFirst())
    var left = predictors.count + (isCompared ? 1 : 0)
    let meanWeights = MeanWeightsFinds(), made = Mutex<[Adversarials]>([])
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
        deadline: deadline.flatMap { TimeLeft(until: $0).share(among: left) }, otherData: otherData)
      batch.targets = data.targets.map { Array($0[range]) }
      batch.truths = data.truths(of: range)
      batch.space = data.features.map { AttackSpace($0, batch.inputs, identities: batch.identities) }
      if isAudited, adversarials != nil {
        batch.adversarials = { part in
          var part = part
          part.probe = shard.probe
          made.withLock { $0.append(part) }
        }
      }
      batch.meanWeights = meanWeights
      batch.wantsEvidence = isAudited
      var predictor = predictor
      predictor.proceed = { [batch] in try batch.proceed() }
      return try probe.run(on: batch, asking: predictor)
    }
    let result = ShardResult(
      shard: shard,
      found: .init(
        model: try outcome(predictor, transfers: compared, isAudited: true, meanWeights: meanWeights),
        noiseOff: isCompared ? try outcome(predictor.withoutNoise, meanWeights: meanWeights) : nil,
        others: try compared.map { try outcome($0, transfers: [predictor]) }))
    // Only now: where another model fails on an example, all of it is done again in halves.
    if let adversarials { made.withLock { $0 }.forEach(adversarials) }
    return result
  }

  /// The shards in the order in which they are done: with a budget those of the first examples of every probe first, so
  /// that what is done in time says something of each; of these the cheap ones, so that the expensive ones have what is
  /// left. Without one, those first that cost most and that nothing divides: as the last they would keep every other
  /// worker waiting.
  public func order(hasBudget: Bool) -> [Shard] {
    let shards = plan.shards
    func rank(_ shard: Shard) -> Int { shard.first == 0 ? ranks[shard.probe] : shard.index }
    guard !hasBudget else { return shards.sorted { ($0.first, rank($0)) < ($1.first, rank($1)) } }
    let costs = shards.map { Self.cost(probes[$0.probe], examples: $0.count) }
    let usual = costs.reduce(0, +) / Double(max(costs.count, 1))
    let early = shards.indices.filter { probes[shards[$0].probe].takesAllExamples && costs[$0] > usual }
      .sorted { (-costs[$0], $0) < (-costs[$1], $1) }
    let rest = Set(shards.indices).subtracting(early).sorted()
    return (early + rest).map { shards[$0] }
  }

  /// In answers; a gradient costs about three times as much as one.
  private static func cost(_ probe: any Probe, examples: Int) -> Double {
    let cost = probe.cost(examples: examples, draws: 1)
    return Double(cost.forward) + 3 * Double(cost.gradient)
  }

  private static func ranks(_ probes: [any Probe], examples: Int) -> [Int] {
    let costs = probes.map { cost($0, examples: examples) }
    var ranks = [Int](repeating: 0, count: probes.count)
    for (rank, probe) in probes.indices.sorted(by: { (costs[$0], $0) < (costs[$1], $1) }).enumerated() {
      ranks[probe] = rank
    }
    return ranks
  }

  /// The result of a shard that could not be done at all.
  public func failed(_ shard: Shard, _ message: String) -> ShardResult {
    ShardResult(
      shard: shard, failures: [.init(example: data.start + shard.first, count: shard.count, message: message)])
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
