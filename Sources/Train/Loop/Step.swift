import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// One step of a training while it is made: a batch that has been run, with the gradients of its mean loss.
public struct TrainingStep {
  /// One parameter, for the time of the step.
  public struct Parameter {
    let id: ValueID
    /// Its name in the graph, as `dense0.weight`.
    public let name: String
    /// The shape in which its numbers lie.
    public let shape: Shape
    /// The numbers themselves.
    public let values: UnsafeMutableBufferPointer<Float>
    /// The gradient of the mean loss, as many numbers.
    public let gradient: UnsafeMutableBufferPointer<Float>
    /// The numbers of the run's prior, or while it is trained those that it began with; empty where there is none.
    public let start: UnsafeBufferPointer<Float>
  }

  /// Where the run stands, as the strategy at hand is told.
  public package(set) var position: StepPosition
  /// By example: the objective's value at the last run.
  public private(set) var losses: [Float] = []
  /// So many rows of the validation part, as the network is trained on, other ones for another number; nil where none
  /// are held out.
  package var holdout: ((_ number: Int, _ rows: Int) -> Batch)?
  /// Laid out as all parameters are: the prior's numbers; nil: the run has none.
  package var start: UnsafeBufferPointer<Float>?
  let plan: Plan
  private let buffers: ParameterBuffers
  private let trained: [TrainedParameter]
  private let objective: any Objective
  private let targets: Targets

  /// - Parameter plan: for as many rows as the batch has.
  package init(
    _ batch: Batch, at position: StepPosition, _ plan: Plan, _ buffers: ParameterBuffers, _ trained: [TrainedParameter],
    _ objective: any Objective
  ) throws(TrainError) {
    (self.position, self.plan, self.buffers, self.trained) = (position, plan, buffers, trained)
    (self.objective, targets) = (objective, batch.targets)
    let input = plan.input(), rows = batch.targets.count
    guard input.count == batch.inputs.count, plan.options.rows == rows else {
      throw TrainError(
        .data, at: "step \(position.number)", expected: "a batch of \(plan.options.rows) examples, as prepared",
        got: "\(batch.inputs.shape) with \(rows) targets")
    }
    _ = input.update(fromContentsOf: batch.inputs.elements)
    for row in 0..<rows {
      plan.seeds[row] = mixSeed(position.seed, 0x7215E, UInt64(position.number), UInt64(row))
    }
    plan.noiseProgress = position.progress
    run()
  }

  /// Runs the batch forward and back, with the parameters as they are and the draws of the step.
  public mutating func run() {
    plan.forward()
    losses = objective.values(
      plan.output(), targets, weight: 1 / Float(max(targets.count, 1)), gradient: plan.cotangent)
    plan.backward()
  }

  /// Runs the batch where `move` takes the parameters, each with its gradient at hand, and takes them back bit for bit.
  public mutating func runMoved(_ move: (Parameter) -> Void) {
    let parameters = parameters, start = parameters.map { Array($0.values) }
    for parameter in parameters { move(parameter) }
    run()
    for (parameter, values) in zip(parameters, start) { _ = parameter.values.update(fromContentsOf: values) }
  }

  /// Some rows of the validation part, as many as the step has, other ones for another number; nil where there are
  /// none.
  public func heldOut(_ number: Int) -> Batch? {
    holdout?(number, targets.count)
  }

  /// The objective's values for other examples, each with draws of its own, with the parameters as they are. The step's
  /// own batch is not in its plan any more.
  /// - Parameter batch: of as many rows as the step.
  public func values(of batch: Batch, seed: UInt64) -> [Float] {
    guard batch.targets.count == targets.count, batch.inputs.count == plan.input().count else { return [] }
    _ = plan.input().update(fromContentsOf: batch.inputs.elements)
    for row in 0..<targets.count { plan.seeds[row] = mixSeed(seed, UInt64(row)) }
    plan.forward()
    return objective.values(plan.output(), batch.targets, weight: 0, gradient: plan.cotangent)
  }

  /// All that are trained, in the graph's order.
  public var parameters: [Parameter] {
    let none = UnsafeBufferPointer<Float>(start: nil, count: 0)
    return trained.map { parameter in
      Parameter(
        id: parameter.id, name: parameter.name, shape: parameter.shape,
        values: UnsafeMutableBufferPointer(rebasing: buffers.floats[parameter.range]),
        gradient: UnsafeMutableBufferPointer(rebasing: plan.parameterGradients[parameter.range]),
        start: UnsafeBufferPointer(rebasing: start.map { $0[parameter.range] } ?? none[...]))
    }
  }

  /// The Euclidean norm of the gradient for all parameters together.
  public var gradientNorm: Double {
    parameters.reduce(0.0) { sum, parameter in
      parameter.gradient.reduce(sum) { $0 + Double($1) * Double($1) }
    }.squareRoot()
  }

  /// The sum over the batch of right answers, or of squared errors in the unit of the targets.
  func score(_ task: ModelTask, _ scale: TargetScale) -> Double {
    let outputs = plan.output(), width = outputs.count / max(targets.count, 1)
    return (0..<targets.count).reduce(0) { sum, row in
      let output = UnsafeBufferPointer(rebasing: outputs[row * width..<(row + 1) * width])
      let target = targets[row]
      if case .values(let values) = target {
        let errors = zip(zip(output, values), scale.deviation).map { Double(($0.0 - $0.1) * $1) }
        return sum + errors.reduce(0) { $0 + $1 * $1 } / Double(max(errors.count, 1))
      }
      let found = width == 1 ? (output[0] > 0 ? 1 : 0) : Label.of(output)
      return sum + (found == target.label ? 1 : 0)
    }
  }
}
