import DitherGraph
import DitherInference
import DitherTensor

/// The effort of an audit, before it is done: upper bounds, for attacks stop where they succeed.
public struct AuditCost: Sendable {
  /// One probe's effort.
  public struct Item: Sendable {
    /// The probe, as it was asked for.
    public var probe: ProbeSpec
    /// Rows evaluated, once for each draw, all models together.
    public var questions: Int
    /// Estimated from some measured rows.
    public var seconds: Double
  }
  /// One for each probe, in the order of the plan.
  public var items: [Item]
  public var shards: Int
  public var questions: Int { items.reduce(0) { $0 + $1.questions } }
  /// All probes together.
  public var seconds: Double { items.reduce(0) { $0 + $1.seconds } }
}

/// Rows of work.
public struct ProbeCost: Sendable, Equatable {
  /// Without derivatives.
  public var forward = 0
  /// With derivatives for the inputs or the parameters.
  public var gradient = 0
  /// Passes of arithmetic over all of the model's parameters, whatever the number of examples. They are no questions.
  public var sweeps = 0

  /// Rows without derivatives, rows with them, and passes over the parameters.
  public init(forward: Int = 0, gradient: Int = 0, sweeps: Int = 0) {
    self.forward = forward
    self.gradient = gradient
    self.sweeps = sweeps
  }
}

extension AuditRunner {
  /// Measures some rows of the model and multiplies.
  /// - Parameter threads: that the audit will have.
  public func cost(threads: Int = 1) throws -> AuditCost {
    let rows = min(plan.mostPerShard, plan.exampleCount), n = plan.exampleCount
    let inputs = data.inputs.rows(0..<rows).reshaped(Shape([rows] + subject.model.signature.inputShape.dimensions))
    let labels = Array(data.labels[..<rows])
    // The first pass compiles its plan.
    let forward = try secondsPerRow(rows) { _ = try subject.model.outputs(inputs) }
    let attacked = embedded?.view.subjects[0].model ?? subject.model
    let moved =
      embedded.map { $0.view.data.inputs.rows(0..<rows) }?
      .reshaped(Shape([rows] + attacked.signature.inputShape.dimensions)) ?? inputs
    let gradient = try secondsPerRow(rows) {
      _ =
        try data.values.map {
          try attacked.lossGradient(moved, values: $0.rows(0..<rows), scales: data.tolerances)
        } ?? attacked.lossGradient(moved, loss: .crossEntropy, targets: labels)
    }
    let sweep = secondsPerSweep()
    let models = 1 + others.count
    let items = zip(plan.probes, probes).enumerated().map { at, pair -> AuditCost.Item in
      let (spec, probe) = pair
      if inapplicable[at] != nil { return AuditCost.Item(probe: spec, questions: 0, seconds: 0) }
      // For a random model the work is done through the noise, and again with it off.
      // Attacks on a regression lead every value to both sides.
      let isAttack = probe.condition(of: ImageShape([1, 28, 28])).kind == .attack
      let tries = isAttack ? n * (data.values.map { ValueWay.all(width: $0.rowLength).count } ?? 1) : n
      let own = probe.cost(examples: tries, draws: max(samples, 1))
      let again = samples > 0 && !probe.ignoresNoise ? probe.cost(examples: tries, draws: 1) : ProbeCost()
      let questions = (own.forward + own.gradient + again.forward + again.gradient) * models
      let seconds =
        (Double(own.forward + again.forward) * forward + Double(own.gradient + again.gradient) * gradient
          + Double(own.sweeps + again.sweeps) * sweep)
        * Double(models) / Double(max(threads, 1))
      return AuditCost.Item(probe: spec, questions: questions, seconds: seconds)
    }
    return AuditCost(items: items, shards: plan.shards.count)
  }

  /// The time of one pass over the parameters, a vector of their length added to another.
  private func secondsPerSweep() -> Double {
    let count = subject.model.graph.literals.values.reduce(0) { sum, literal in
      if case .float(let tensor) = literal { sum + tensor.count } else { sum }
    }
    let some = min(max(count, 1), 1 << 20), vector = [Float](repeating: 1, count: some)
    return secondsPerRow(some) { _ = Vectors.add(vector, 1, vector) } * Double(count)
  }

  private func secondsPerRow(_ rows: Int, _ body: () throws -> Void) rethrows -> Double {
    try body()
    let start = ContinuousClock.now
    var runs = 0
    repeat {
      try body()
      runs += 1
    } while runs < 20 && ContinuousClock.now - start < .milliseconds(50)
    return (ContinuousClock.now - start) / .seconds(1) / Double(runs * rows)
  }
}
