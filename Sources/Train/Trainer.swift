import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// Where a training stands, for the progress line.
public struct TrainProgress: Sendable {
  public var epoch: Int
  public var epochs: Int
  public var step: Int
  public var stepsPerEpoch: Int
  public var imagesPerSecond: Double
  /// Mean over the epoch so far.
  public var loss: Double
  public var accuracy: Double
  public var validationAccuracy: Double?
  public var secondsLeft: Double
  public var endsEpoch: Bool
}

/// One training: a graph, an optimizer's state and a position, all a function of recipe and seed.
///
/// Order of data, first weights and noise are drawn at addresses made of the seed, so a run that is stopped and resumed
/// gives the same bytes as one that is not.
public final class Trainer {
  public let recipe: Recipe
  public private(set) var position: Checkpoint.Position
  private var graph: Graph
  private let parameters: ParameterBuffers
  private let trained: [TrainedParameter]
  private let gradientNoise: GradientNoise
  private let state: [AlignedBuffer]
  private var best: [Float]?
  private let train: Dataset, validation: Dataset?
  private let threads: Int
  private var plans: [Int: Plan] = [:]

  /// - Parameter checkpoint: to go on from; of the same recipe.
  public init(_ recipe: Recipe, data: Dataset, checkpoint: Checkpoint? = nil, threads: Int = 2) throws {
    guard recipe.validation < data.count else {
      throw TrainError(
        .data, at: "recipe, 'validation'", expected: "fewer rows than the \(data.count) of \(recipe.data)",
        got: "\(recipe.validation)")
    }
    self.recipe = recipe
    self.threads = threads
    // Held-out rows are the last of a fixed shuffle: the same for every seed, so that seeds are compared on one split.
    var order = Array(0..<data.count), generator = PhiloxGenerator(seed: 0, stream: 0x5911)
    if recipe.validation > 0 { order.shuffle(using: &generator) }
    train = recipe.validation > 0 ? data.rows(order.dropLast(recipe.validation).sorted()) : data
    validation = recipe.validation > 0 ? data.rows(order.suffix(recipe.validation).sorted()) : nil
    graph = try recipe.architecture.build(
      input: data.inputs.shape.row, classes: data.classNames.count, seed: recipe.seed)
    graph.noise = recipe.noise.terms.isEmpty ? nil : recipe.noise
    parameters = ParameterBuffers(graph, moving: true)
    trained = TrainedParameter.all(of: parameters)
    gradientNoise = try GradientNoise(recipe.noise, of: graph)
    let count = parameters.count
    state = (0..<recipe.optimizer.stateCount).map { _ in AlignedBuffer(floats: count) }
    position = Checkpoint.Position()
    if let checkpoint { try restore(checkpoint) }
  }

  public var stepsPerEpoch: Int { max(train.count / min(recipe.batch, train.count), 1) }
  public var isDone: Bool {
    position.epoch >= recipe.epochs || recipe.patience.map { position.epoch - position.bestEpoch >= $0 } ?? false
  }

  // MARK: steps

  /// Trains until the end, or until `shouldStop` says so between two steps.
  /// - Throws: `TrainFault.diverged` when the loss is no number any more.
  public func run(
    shouldStop: () -> Bool = { false }, atEpochEnd: (Trainer) throws -> Void = { _ in },
    progress: (TrainProgress) -> Void = { _ in }
  ) throws {
    let start = ContinuousClock.now
    var done = 0, last = start
    let already = position.epoch * stepsPerEpoch + position.step
    while !isDone {
      let order = self.order(of: position.epoch)
      while position.step < stepsPerEpoch {
        if shouldStop() { return }
        try step(order)
        done += 1
        let now = ContinuousClock.now, isEnd = position.step == stepsPerEpoch
        if isEnd || last.duration(to: now) > .milliseconds(200) {
          last = now
          let seconds = max(start.duration(to: now) / .seconds(1), 1e-9)
          let left = recipe.epochs * stepsPerEpoch - already - done
          progress(report(rate: Double(done) / seconds, left: left, endsEpoch: false))
        }
      }
      try endEpoch()
      let seconds = max(start.duration(to: .now) / .seconds(1), 1e-9)
      progress(
        report(rate: Double(done) / seconds, left: recipe.epochs * stepsPerEpoch - already - done, endsEpoch: true))
      position.lossSum = 0
      position.correct = 0
      position.seen = 0
      try atEpochEnd(self)
    }
  }

  private func report(rate: Double, left: Int, endsEpoch: Bool) -> TrainProgress {
    let seen = Double(max(position.seen, 1))
    return TrainProgress(
      epoch: endsEpoch ? position.epoch : position.epoch + 1, epochs: recipe.epochs, step: position.step,
      stepsPerEpoch: stepsPerEpoch, imagesPerSecond: rate * Double(min(recipe.batch, train.count)),
      loss: position.lossSum / seen, accuracy: Double(position.correct) / seen,
      validationAccuracy: endsEpoch ? position.validationAccuracy : nil, secondsLeft: Double(left) / max(rate, 1e-9),
      endsEpoch: endsEpoch)
  }

  private func order(of epoch: Int) -> [Int] {
    var order = Array(0..<train.count),
      generator = PhiloxGenerator(seed: mixSeed(recipe.seed, 0x0DE2), stream: UInt64(epoch))
    order.shuffle(using: &generator)
    return order
  }

  private func step(_ order: [Int]) throws {
    let rows = min(recipe.batch, train.count), classes = train.classNames.count, length = train.inputs.rowLength
    let plan = try trainingPlan(rows), number = position.epoch * stepsPerEpoch + position.step
    let progress = Double(number) / Double(recipe.epochs * stepsPerEpoch)
    let input = plan.input()
    var labels = [Int32](repeating: 0, count: rows)
    train.inputs.elements.withUnsafeBufferPointer { from in
      for row in 0..<rows {
        let source = order[position.step * rows + row]
        labels[row] = Int32(train.labels[source])
        _ = UnsafeMutableBufferPointer(rebasing: input[(row * length)...])
          .update(fromContentsOf: UnsafeBufferPointer(rebasing: from[source * length..<(source + 1) * length]))
      }
    }
    for row in 0..<rows { plan.seeds[row] = mixSeed(recipe.seed, 0x7215E, UInt64(number), UInt64(row)) }
    plan.noiseProgress = progress
    plan.forward()

    let logits = plan.output(), share = 1 / Float(rows)
    var losses = [Float](repeating: 0, count: rows)
    Kernels.crossEntropy(
      &losses, plan.cotangent.baseAddress, logits.baseAddress, labels, [Float](repeating: share, count: rows), rows,
      classes)
    if recipe.labelSmoothing > 0 {
      // The target moves from the class to all classes alike.
      let moved = Float(recipe.labelSmoothing) * share
      for row in 0..<rows {
        for c in 0..<classes { plan.cotangent[row * classes + c] -= moved / Float(classes) }
        plan.cotangent[row * classes + Int(labels[row])] += moved
      }
    }
    plan.backward()
    addGradientNoise(plan, number, progress)
    moveStatistics(plan)
    let rate = recipe.optimizer.rate * recipe.schedule.factor(at: progress)
    for parameter in trained {
      recipe.optimizer.update(
        parameter.view(parameters, plan, state, seed: recipe.seed, step: number + 1), rate: rate, step: number + 1)
    }

    let loss = losses.reduce(0, +)
    guard loss.isFinite else {
      throw TrainError(
        .diverged, at: "epoch \(position.epoch + 1), step \(position.step)", expected: "a finite loss", got: "\(loss)",
        advice: "lower the learning rate or the noise")
    }
    position.lossSum += Double(loss)
    position.seen += rows
    for row in 0..<rows {
      let z = logits[row * classes..<(row + 1) * classes]
      let best = z.indices.reduce(z.startIndex) { z[$1] > z[$0] ? $1 : $0 } - z.startIndex
      if best == Int(labels[row]) { position.correct += 1 }
    }
    position.step += 1
  }

  private func addGradientNoise(_ plan: Plan, _ number: Int, _ progress: Double) {
    for parameter in trained {
      gradientNoise.add(
        to: UnsafeMutableBufferPointer(rebasing: plan.parameterGradients[parameter.range]), of: parameter.id,
        seed: mixSeed(recipe.seed, 0x62AD, UInt64(number)), progress: progress)
    }
  }

  /// Running means of what normalisations find, for inference: a tenth of each batch, with the unbiased variance.
  private func moveStatistics(_ plan: Plan) {
    let share: Float = 0.1
    for found in plan.batchStatistics {
      guard let mean = parameters.ranges[found.mean], let variance = parameters.ranges[found.variance] else { continue }
      let unbiased = Float(found.count) / Float(max(found.count - 1, 1))
      for (i, at) in mean.enumerated() { parameters.floats[at] += share * (found.batchMean[i] - parameters.floats[at]) }
      for (i, at) in variance.enumerated() {
        parameters.floats[at] += share * (unbiased * found.batchVariance[i] - parameters.floats[at])
      }
    }
  }

  private func trainingPlan(_ rows: Int) throws -> Plan {
    if let plan = plans[rows] { return plan }
    let plan = try Plan(
      graph, parameters: parameters,
      options: .init(
        rows: rows, path: graph.noise == nil ? nil : .exact, parameterGradients: true, threads: threads,
        precision: recipe.precision, batchStatistics: true),
      noise: graph.noise)
    plans[rows] = plan
    return plan
  }

  private func endEpoch() throws {
    position.epoch += 1
    position.step = 0
    guard let validation else { return }
    let model = try Model(snapshot(best: false))
    let accuracy = try Evaluation.accuracy(model, validation, threads: threads)
    position.validationAccuracy = accuracy
    if accuracy > position.bestAccuracy {
      position.bestAccuracy = accuracy
      position.bestEpoch = position.epoch
      if recipe.patience != nil { best = Array(parameters.floats) }
    }
  }

  // MARK: results

  /// The model as it stands, or with the weights of the best epoch where there is a validation split to choose by.
  public func snapshot(best wantsBest: Bool = true) -> Graph {
    var result = graph
    result.name = recipe.name
    result.noise = recipe.modelNoise
    if let json = try? JSONEncoder().encode(train.classNames) {
      result.metadata[ModelSignature.labelsKey] = String(decoding: json, as: UTF8.self)
    }
    guard wantsBest, let best else {
      parameters.write(into: &result)
      return result
    }
    for (id, range) in parameters.ranges {
      if let shape = parameters.shapes[id] { result.literals[id] = .float(Tensor(shape, Array(best[range]))) }
    }
    return result
  }

  // MARK: checkpoints

  public func checkpoint() -> Checkpoint {
    Checkpoint(
      recipe: recipe.text, seed: recipe.seed, epochs: recipe.epochs, position: position,
      buffers: [Array(parameters.floats)] + state.map { Array($0.floats) } + (best.map { [$0] } ?? []))
  }

  private func restore(_ checkpoint: Checkpoint) throws(TrainError) {
    guard checkpoint.recipe == recipe.text, checkpoint.seed == recipe.seed, checkpoint.epochs == recipe.epochs else {
      throw TrainError(
        .checkpoint, at: "checkpoint", expected: "the recipe, seed and epochs that it was made with",
        got: "others", advice: "resume with the same recipe and flags, or start anew without --resume")
    }
    let buffers = checkpoint.buffers, count = parameters.count
    guard (1 + state.count...2 + state.count).contains(buffers.count), buffers.allSatisfy({ $0.count == count }) else {
      throw TrainError(.checkpoint, at: "checkpoint", expected: "buffers of \(count) numbers", got: "others")
    }
    _ = parameters.floats.update(fromContentsOf: buffers[0])
    for (target, source) in zip(state, buffers.dropFirst()) { _ = target.floats.update(fromContentsOf: source) }
    if buffers.count == 2 + state.count { best = buffers[1 + state.count] }
    position = checkpoint.position
  }
}
