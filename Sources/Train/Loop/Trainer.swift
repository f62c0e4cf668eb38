import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// One training: a graph, an optimizer's state and a position, all a function of recipe and seed.
///
/// Order of data, first weights and noise are drawn at addresses made of the seed, so a run that is stopped and resumed
/// gives the same bytes as one that is not.
public final class Trainer {
  /// As it was given.
  public let recipe: Recipe
  /// How far it is.
  public internal(set) var position: Checkpoint.Position
  /// The task and the objective.
  private let goal: Goal
  private let inputScale: InputScale?
  private let scale: TargetScale
  private(set) var graph: Graph
  let parameters: ParameterBuffers
  let trained: [TrainedParameter]
  let strategies: [ScheduledStrategy]
  private let augmenting: Augmenting
  /// The shape of one example as the model takes it.
  private let whole: Shape
  /// At a picture, by the model that is saved; one, or none, where it sees the picture as it is.
  let looks: [Look]
  let state: [AlignedBuffer]
  /// The posterior's, or the average's.
  let kept: [AlignedBuffer]
  /// The part that trains a prior, with the prior's numbers.
  let prior: PriorPart?, start: [AlignedBuffer]
  private var best: [Float]?
  /// The network before its first step, by the seed of its weights.
  private let first: (_ seed: UInt64) throws -> Graph
  let batches: Batches, validation: Dataset?
  private let holdout: Batches?
  private let targetNames: [String]
  private let vocabulary: Vocabulary?
  private let stop: EarlyStop
  let threads: Int
  /// Whether the validation part is asked behind each epoch also where it chooses nothing: for progress and record.
  var validatesForRecord = true
  /// By rows, all for examples of one shape.
  private(set) var plans: [Int: Plan] = [:]
  /// The shape that plans are for, with its network.
  private var planned: (shape: Shape, graph: Graph)

  /// - Parameters:
  ///   - checkpoint: to go on from; of the same recipe.
  ///   - threads: any number gives the same bytes.
  public init(_ recipe: Recipe, data: Dataset, checkpoint: Checkpoint? = nil, threads: Int = 2) throws {
    self.recipe = recipe
    self.threads = threads
    let part = try TrainingPart(recipe, data)
    goal = try Goal(recipe, data)
    inputScale = InputScale(part)
    scale = TargetScale(part.examples.targets)
    batches = Batches(part.examples, inputScale, scale, size: recipe.batch, seed: recipe.seed)
    (targetNames, vocabulary) = (data.targetNames, data.vocabulary)
    stop = EarlyStop(patience: recipe.patience, task: goal.task)
    validation = part.validation
    holdout = validation.map { [inputScale, scale] in
      Batches($0, inputScale, scale, size: recipe.batch, seed: recipe.seed)
    }
    let inputs = inputScale?.scaled(part.examples.inputs) ?? part.examples.inputs
    first = { [goal, words = data.vocabulary?.count, targets = scale.scaled(part.examples.targets)] seed in
      var graph = try recipe.architecture.fitted(to: words).build(
        input: inputs.shape.row, outputs: goal.outputs, seed: seed)
      try recipe.architecture.adapt(&graph, to: inputs, targets)
      try graph.train(with: recipe.noise)
      return graph
    }
    graph = try first(recipe.seed)
    whole = inputs.shape.row
    planned = (whole, graph)
    try graph.noise?.checkSites(in: graph)
    try recipe.modelNoise?.checkSites(in: graph)
    try recipe.checkNoiseBesidePosterior()
    parameters = ParameterBuffers(graph, moving: true, frozen: recipe.architecture.frozen)
    trained = TrainedParameter.all(of: parameters, groups: recipe.parameterGroups)
    try ParameterGroup.check(recipe.parameterGroups, trained.map(\.name))
    strategies = try recipe.started(on: graph, goal.task)
    augmenting = try Augmenting(recipe.augmentations, on: data.inputs.shape.row)
    try recipe.checkResizing(of: whole)
    if let least = recipe.resizing?.shapes(of: whole).first {
      _ = try recipe.network(for: least, like: graph, outputs: goal.outputs)
    }
    looks = recipe.views.isEmpty ? [] : try Look.all(of: recipe.views, at: data.inputs.shape.row)
    let count = parameters.count
    state = (0..<recipe.optimizer.stateCount).map { _ in AlignedBuffer(floats: count) }
    kept = (0..<(recipe.posterior?.bufferCount ?? (recipe.average == nil ? 0 : 1))).map { _ in
      AlignedBuffer(floats: count)
    }
    if recipe.average != nil { _ = kept[0].floats.update(fromContentsOf: parameters.floats) }
    try recipe.checkPrior()
    prior = try PriorPart(recipe, part)
    start = prior == nil ? [] : [AlignedBuffer(floats: count)]
    for buffer in start { _ = buffer.floats.update(fromContentsOf: parameters.floats) }
    position = Checkpoint.Position()
    try recipe.checkMembers(in: length)
    if let checkpoint { try restore(checkpoint) }
  }

  /// Rows that are trained on.
  public var examples: Int { batches.count }
  /// Batches of the training part, the last of what is left over.
  public var stepsPerEpoch: Int { batches.stepsPerEpoch }
  /// Whether all epochs are done, no better one is waited for, or there is nothing to train.
  public var isDone: Bool { position.epoch >= recipe.epochs || stop.isOver(position) || trained.isEmpty }

  // MARK: steps

  /// Trains until the end, or until `shouldStop` says so between two steps.
  /// - Parameters:
  ///   - keep: called where a checkpoint is due: behind an epoch, and behind a step once `pause` has gone by.
  ///   - pause: the most that is lost when the process is killed.
  ///   - record: told what an epoch came to, before its checkpoint is due.
  /// - Throws: `TrainFault.diverged` when the loss is no number any more.
  public func run(
    shouldStop: () -> Bool = { false }, keep: (Trainer) throws -> Void = { _ in }, every pause: Duration = .seconds(60),
    record: (EpochRecord) throws -> Void = { _ in }, progress: (TrainProgress) -> Void = { _ in }
  ) throws {
    let began = ContinuousClock.now
    var done = 0, last = began, kept = began
    let already = position.epoch * stepsPerEpoch + position.step
    while !isDone {
      let order = order(of: position.epoch), begin = ContinuousClock.now
      while position.step < stepsPerEpoch {
        if shouldStop() { return }
        try step(order)
        done += 1
        let now = ContinuousClock.now, isEnd = position.step == stepsPerEpoch
        if isEnd || last.duration(to: now) > .milliseconds(200) {
          last = now
          let seconds = max(began.duration(to: now) / .seconds(1), 1e-9)
          let left = recipe.epochs * stepsPerEpoch - already - done
          progress(report(rate: Double(done) / seconds, left: left, endsEpoch: false))
        }
        if !isEnd, kept.duration(to: now) >= pause {
          try keep(self)
          kept = .now
        }
      }
      try endEpoch()
      let seconds = max(began.duration(to: .now) / .seconds(1), 1e-9)
      progress(
        report(rate: Double(done) / seconds, left: recipe.epochs * stepsPerEpoch - already - done, endsEpoch: true))
      try record(epochRecord(seconds: begin.duration(to: .now) / .seconds(1)))
      (position.lossSum, position.scoreSum, position.seen) = (0, 0, 0)
      (position.normSum, position.norms) = (0, 0)
      try keep(self)
      kept = .now
    }
  }

  private func report(rate: Double, left: Int, endsEpoch: Bool) -> TrainProgress {
    let seen = Double(max(position.seen, 1)), mean = position.scoreSum / seen
    return TrainProgress(
      epoch: endsEpoch ? position.epoch : position.epoch + 1, epochs: recipe.epochs, step: position.step,
      stepsPerEpoch: stepsPerEpoch, examplesPerSecond: rate * Double(batches.count) / Double(stepsPerEpoch),
      loss: position.lossSum / seen,
      quality: TrainQuality(goal.task.isRegression ? mean.squareRoot() : mean, of: goal.task),
      validation: endsEpoch ? position.validation.map { TrainQuality($0, of: goal.task) } : nil,
      secondsLeft: Double(left) / max(rate, 1e-9), endsEpoch: endsEpoch)
  }

  /// - Returns: of the epoch that is just over.
  private func epochRecord(seconds: Double) -> EpochRecord {
    let whole = report(rate: 1, left: 0, endsEpoch: true)
    let progress = progress(before: max(position.epoch * stepsPerEpoch - 1, 0))
    let noise = recipe.noise.terms.enumerated().map { at, term in
      let factor = Float(term.schedule?.factor(at: progress) ?? 1)
      // By its text: 0.1 as the recipe has it, not the nearest float in sixteen digits.
      let strength = learnedStrength(of: at).map { $0 * factor } ?? term.scaled(by: factor).strength
      return EpochRecord.Noise(
        term: "\(term.distribution) on \(term.site.name)", strength: Double("\(strength)") ?? 0)
    }
    return EpochRecord(
      epoch: position.epoch, loss: whole.loss, accuracy: whole.quality.accuracy,
      error: whole.quality.rootMeanSquaredError, validationAccuracy: whole.validation?.accuracy,
      validationError: whole.validation?.rootMeanSquaredError,
      rate: recipe.optimizer.rate * recipe.schedule.factor(at: progress), noise: noise,
      gradientNorm: position.normSum / Double(max(position.norms, 1)), seconds: seconds)
  }

  /// Steps of an epoch whose gradient's norm is taken, as a norm costs a pass over all parameters.
  private static let mostNorms = 16

  /// Steps of each of the trainings that follow each other; nearly always there is one.
  private var stepsPerTraining: Int { max(recipe.epochs * stepsPerEpoch / (recipe.posterior?.trainings ?? 1), 1) }

  /// The training that step `number` is of: its first step and how many it has. A prior is one, what stays near it too.
  private func training(of number: Int) -> (first: Int, steps: Int) {
    guard let prior else { return (number - number % stepsPerTraining, stepsPerTraining) }
    let end = prior.epochs * stepsPerEpoch
    return number < end ? (0, end) : (end, max(recipe.epochs * stepsPerEpoch - end, 1))
  }

  /// The share of its training that is done before step `number`, which schedules go by.
  private func progress(before number: Int) -> Double {
    let (first, steps) = training(of: number)
    return Double(number - first) / Double(steps)
  }

  /// First weights of another seed, and an optimizer that knows of no step.
  private func begin(training: Int) throws {
    let fresh = try first(mixSeed(recipe.seed, 0xE45E, UInt64(training)))
    for (id, range) in parameters.ranges {
      guard case .float(let tensor)? = fresh.literals[id], tensor.elements.count == range.count else { continue }
      for (place, value) in zip(range, tensor.elements) { parameters.floats[place] = value }
    }
    for buffer in state { buffer.floats.update(repeating: 0) }
  }

  func step(_ order: [Int]) throws {
    let number = position.epoch * stepsPerEpoch + position.step, ownNumber = number - training(of: number).first
    if number > 0, ownNumber == 0 { try prior == nil ? begin(training: number / stepsPerTraining) : keepPrior() }
    var at = StepPosition(number: number, progress: progress(before: number), seed: recipe.seed)
    (at.examples, at.stepsPerEpoch, at.first) = (batches.count, stepsPerEpoch, number - ownNumber)
    (at.isPrior, at.unseen) = (isInPrior, prior?.unseen ?? batches.count)
    var batch = batches.batch(position.step, of: order)
    augmenting.apply(&batch, at: at, epoch: position.epoch)
    let shape = shapeOfEpoch
    batch.inputs = Resizing.resized(batch.inputs, to: shape)
    for (index, one) in strategies.enumerated() { try one.strategy.prepare(&batch, at: one.position(at, index)) }
    let plan = try trainingPlan(batch.targets.count, shape), views = views(by: plan, step: number + 1)
    for view in views { recipe.optimizer.prepare(view, step: ownNumber + 1) }
    var step = try TrainingStep(batch, at: at, plan, parameters, trained, goal.objective)
    step.start = start.first.map { UnsafeBufferPointer($0.floats) }
    step.holdout = holdout.map { holdout in
      { number, rows in
        var batch = holdout.cycled(number, rows)
        batch.inputs = Resizing.resized(batch.inputs, to: shape)
        return batch
      }
    }
    let loss = step.losses.reduce(0, +), score = step.score(goal.task, scale)
    guard loss.isFinite else {
      throw TrainError(
        .diverged, at: "epoch \(position.epoch + 1), step \(position.step)", expected: "a finite loss", got: "\(loss)",
        advice: "lower the learning rate or the noise")
    }
    if position.step % ((stepsPerEpoch + Self.mostNorms - 1) / Self.mostNorms) == 0 {
      position.normSum += step.gradientNorm
      position.norms += 1
    }
    // Before a strategy runs the batch at other parameters.
    RunningStatistics.move(parameters, by: step.plan)
    for (index, one) in strategies.enumerated() {
      step.position = one.position(at, index)
      try one.strategy.gradients(&step)
    }
    let rate = recipe.optimizer.rate * recipe.schedule.factor(at: at.progress)
    for (view, parameter) in zip(views, trained) {
      recipe.optimizer.update(view, rate: rate * parameter.rate, step: ownNumber + 1)
    }
    for (index, one) in strategies.enumerated() {
      step.position = one.position(at, index)
      try one.strategy.after(step)
    }
    take(behind: number + 1)
    recipe.average?.take(
      parameters.floats, number: number + 1,
      progress: Double(number + 1) / Double(recipe.epochs * stepsPerEpoch), into: kept[0].floats)
    position.lossSum += Double(loss)
    position.scoreSum += score
    position.seen += batch.targets.count
    position.step += 1
  }

  /// The trained parameters as the optimizer sees them, with the gradients of a plan.
  func views(by plan: Plan, step: Int) -> [ParameterView] {
    let gradients = UnsafeBufferPointer(plan.parameterGradients)
    return trained.map {
      $0.view(parameters, gradients, state, seed: recipe.seed, step: step, examples: batches.count)
    }
  }

  /// The shape of one example in the epoch at hand: smaller at the beginning, where the recipe says so.
  var shapeOfEpoch: Shape {
    recipe.resizing?.shape(at: progress(before: position.epoch * stepsPerEpoch), of: whole) ?? whole
  }

  private func trainingPlan(_ rows: Int, _ shape: Shape) throws -> Plan {
    if planned.shape != shape {
      planned = (shape, shape == whole ? graph : try recipe.network(for: shape, like: graph, outputs: goal.outputs))
      plans = [:]
    }
    if let plan = plans[rows] { return plan }
    let plan = try Plan(
      planned.graph, parameters: parameters,
      options: .init(
        rows: rows, path: graph.noise == nil ? nil : .exact, parameterGradients: true, threads: threads,
        precision: recipe.precision, batchStatistics: true),
      noise: graph.noise)
    plans[rows] = plan
    return plan
  }

  /// Batches that statistics of normalization are taken from at an epoch's end.
  private static let mostStatisticsBatches = 100

  /// Training does not read these statistics: what it does next does not depend on them.
  private func takeStatistics() throws {
    guard
      type(of: recipe.optimizer).hasPosterior
        || recipe.noise.terms.contains(where: { $0.isActive && $0.site != .gradients }) || shapeOfEpoch != whole
    else { return }
    try estimateStatistics()
    guard recipe.average != nil else { return }
    // The mean has its own.
    let last = Array(parameters.floats)
    _ = parameters.floats.update(fromContentsOf: kept[0].floats)
    try estimateStatistics()
    _ = kept[0].floats.update(fromContentsOf: parameters.floats)
    _ = parameters.floats.update(fromContentsOf: last)
  }

  /// The parameters of the model: the average's, or the last step's.
  private var served: UnsafeMutableBufferPointer<Float> {
    recipe.average == nil ? parameters.floats : kept[0].floats
  }

  /// The statistics of the parameters as they stand, without noise.
  func estimateStatistics() throws {
    let plan = try Plan(
      graph, parameters: parameters,
      options: .init(rows: batches.size, threads: threads, precision: recipe.precision, batchStatistics: true))
    guard !plan.batchStatistics.isEmpty else { return }
    let order = order(of: position.epoch), count = min(batches.wholeBatches, Self.mostStatisticsBatches)
    RunningStatistics.estimate(
      parameters, by: plan, over: (0..<count).lazy.map { self.batches.batch($0, of: order).inputs })
  }

  private func endEpoch() throws {
    // The last step may have been the one too far.
    guard parameters.floats.allSatisfy(\.isFinite) else {
      throw TrainError(
        .diverged, at: "epoch \(position.epoch + 1)", expected: "finite weights", got: "others",
        advice: "lower the learning rate or the noise")
    }
    try takeStatistics()
    position.epoch += 1
    position.step = 0
    guard let validation, validatesForRecord || recipe.patience != nil else { return }
    let model = try Model(snapshot(best: false))
    let found = try Evaluation.quality(model, validation, threads: threads)
    if stop.note(found, in: &position), recipe.patience != nil { best = Array(served) }
  }

  /// The validation part's quality that the model is chosen by: the best with patience, else the last.
  public var validated: TrainQuality? {
    (recipe.patience != nil ? position.best : position.validation).map { TrainQuality($0, of: goal.task) }
  }

  /// The parameters' numbers, by their names.
  var histograms: [(name: String, histogram: Histogram)] {
    trained.map { ($0.name, Histogram(UnsafeBufferPointer(rebasing: parameters.floats[$0.range]))) }
  }

  /// The epoch whose weights are the result, from 1, where it was chosen by the validation part; nil: the last.
  public var keptEpoch: Int? { recipe.patience != nil && position.bestEpoch > 0 ? position.bestEpoch : nil }

  // MARK: results

  /// The model as it stands, or with the weights of the best epoch where there is a validation split to choose by, and
  /// with the recipe's views.
  /// - Parameter views: nil: with the best epoch's weights.
  /// - Throws: when the graph cannot be built, which no trained one does.
  public func snapshot(best wantsBest: Bool = true, views wantsViews: Bool? = nil) throws -> Graph {
    var result = graph
    result.name = recipe.name
    if goal.task.kind != .classification { result.metadata[ModelSignature.taskKey] = goal.task.name }
    if let json = try? JSONEncoder().encode(targetNames) {
      result.metadata[ModelSignature.labelsKey] = String(decoding: json, as: UTF8.self)
    }
    if let vocabulary, let json = try? JSONEncoder().encode(vocabulary) {
      result.metadata[ModelSignature.vocabularyKey] = String(decoding: json, as: UTF8.self)
    }
    let values = wantsBest ? best ?? Array(served) : Array(served)
    for (id, range) in parameters.ranges {
      if let shape = parameters.shapes[id] { result.literals[id] = .float(Tensor(shape, Array(values[range]))) }
    }
    try result.serve(with: recipe.modelNoise(trainedWith: graph.noise))
    givePosterior(to: &result)
    if wantsBest, isDone { try giveMembers(to: &result) }
    let whole = try scale.appended(to: inputScale?.prepended(to: result) ?? result, goal.task)
    return wantsViews ?? wantsBest ? try whole.viewed(by: looks) : whole
  }

  // MARK: checkpoints

  /// All that the next step depends on.
  public func checkpoint() -> Checkpoint {
    Checkpoint(
      recipe: recipe.text, seed: recipe.seed, epochs: recipe.epochs, threads: threads, position: position,
      buffers: [Array(parameters.floats)] + (state + kept + start).map { Array($0.floats) } + (best.map { [$0] } ?? []))
  }

  private func restore(_ checkpoint: Checkpoint) throws(TrainError) {
    guard checkpoint.recipe == recipe.text, checkpoint.seed == recipe.seed, checkpoint.epochs == recipe.epochs else {
      throw TrainError(
        .checkpoint, at: "checkpoint", expected: "the recipe, seed and epochs that it was made with",
        got: "others", advice: "resume with the same recipe and flags, or start anew without --resume")
    }
    let buffers = checkpoint.buffers, count = parameters.count, own = state + kept + start
    guard (1 + own.count...2 + own.count).contains(buffers.count), buffers.allSatisfy({ $0.count == count }) else {
      throw TrainError(.checkpoint, at: "checkpoint", expected: "buffers of \(count) numbers", got: "others")
    }
    let at = checkpoint.position
    guard (0...recipe.epochs).contains(at.epoch), (0...stepsPerEpoch).contains(at.step), at.seen >= 0,
      (0...at.epoch).contains(at.bestEpoch)
    else {
      throw TrainError(
        .checkpoint, at: "checkpoint", expected: "a place within \(recipe.epochs) epochs of \(stepsPerEpoch) steps",
        got: "epoch \(at.epoch), step \(at.step)")
    }
    _ = parameters.floats.update(fromContentsOf: buffers[0])
    for (target, source) in zip(own, buffers.dropFirst()) { _ = target.floats.update(fromContentsOf: source) }
    if buffers.count == 2 + own.count { best = buffers[1 + own.count] }
    position = checkpoint.position
  }
}
