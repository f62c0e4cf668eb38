import DitherBasics
import DitherGraph
import DitherTensor

extension Model {
  /// Losses of a batch with their derivatives.
  public struct LossGradient: Sendable {
    /// [B]: the mean over the draws.
    public var losses: [Float]
    /// Derivatives of the mean loss for the inputs, of their shape. Each row's gradient is of its own loss.
    public var gradient: Tensor
    /// [draws, B, outputWidth].
    public var outputs: Tensor
  }

  /// Losses of a classifier and their gradients for the inputs: of the deterministic pass, or of the mean over draws
  /// (expectation over transformation, Athalye et al. 2018, arXiv 1707.07397).
  /// - Parameters:
  ///   - aims: the second class of each row, where the loss needs one; else empty.
  ///   - draws: nil for the deterministic pass, which is all that a model without noise has.
  /// - Throws: when inputs, labels, aims or draws do not fit the model and each other.
  public func lossGradient(
    _ inputs: Tensor, loss: Loss, targets: [Int], aims: [Int] = [], draws: NoiseDraws? = nil, threads: Int = 1
  ) throws -> LossGradient {
    try signature.check(labels: targets, rows: inputs.rowCount)
    guard loss.needsAim || !aims.isEmpty else {
      return try lossGradient(inputs, draws: draws, threads: threads) { [signature] row, z, gradient in
        loss.value(z, target: targets[row], probabilities: signature.givesProbabilities, gradient: gradient)
      }
    }
    try signature.check(labels: aims, rows: inputs.rowCount)
    return try lossGradient(inputs, draws: draws, threads: threads) { [signature] row, z, gradient in
      loss.value(
        z, target: targets[row], aim: aims[row], probabilities: signature.givesProbabilities, gradient: gradient)
    }
  }

  /// Squared errors of a regression and their gradients for the inputs: of the deterministic pass, or of the mean over
  /// draws. A row's loss is the mean over its values of the squares of their errors, each in units of its scale; where
  /// sides are given, of the errors to these sides, whose gradient does not vanish where there is no error.
  /// - Parameters:
  ///   - values: [B, width].
  ///   - scales: [width]: above 0.
  ///   - sides: [B, width]: 1 where larger values are worse, −1 where smaller ones are.
  ///   - draws: nil for the deterministic pass.
  /// - Throws: when inputs, values, scales or draws do not fit the model and each other.
  public func lossGradient(
    _ inputs: Tensor, values: Tensor, scales: [Double], sides: Tensor? = nil, draws: NoiseDraws? = nil,
    threads: Int = 1
  ) throws -> LossGradient {
    try signature.check(.values(values), rows: inputs.rowCount)
    let width = signature.width
    guard scales.count == width, scales.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw InferenceError(.labels, at: "scales", expected: "\(width) numbers above 0", got: "\(scales.prefix(8))")
    }
    guard sides?.shape ?? values.shape == values.shape else {
      throw InferenceError(.labels, at: "sides", expected: "\(values.shape)", got: "\(sides?.shape ?? [])")
    }
    return try lossGradient(inputs, draws: draws, threads: threads) { row, z, gradient in
      let target = values.row(row), side = sides?.row(row)
      gradient.update(repeating: 0)
      return (0..<width).reduce(Float(0)) { sum, i in
        let scale = Float(scales[i]), error = (z[i] - target[target.startIndex + i]) / scale
        guard let side = side.map({ $0[$0.startIndex + i] }) else {
          gradient[i] = 2 * error / (scale * Float(width))
          return sum + error * error / Float(width)
        }
        gradient[i] = side / (scale * Float(width))
        return sum + side * error / Float(width)
      }
    }
  }

  /// - Parameter loss: of a row, from its output; it writes the derivatives for that.
  func lossGradient(
    _ inputs: Tensor, draws: NoiseDraws?, threads: Int,
    loss: (_ row: Int, _ output: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>) -> Float
  ) throws -> LossGradient {
    let inputs = try signature.checked(inputs).tensor
    let rowCount = inputs.rowCount, width = signature.outputWidth, draws = noise == nil ? nil : draws
    try draws?.check(rows: rowCount)
    let count = draws?.samples.count ?? 1, share = 1 / Float(count)
    var losses = [Float](repeating: 0, count: rowCount), gradient = Tensor(zeros: inputs.shape)
    var outputs = Tensor(zeros: [count, rowCount, width])
    for group in runs(rowCount, draws, inputGradient: true, threads: threads) {
      try perform(group, inputs, draws) { plan, run in
        let result = plan.output(), places = plan.options.rows
        outputs.elements.withUnsafeMutableBufferPointer { outputs in
          for (s, draw) in run.draws.enumerated() {
            for (at, row) in run.rows.enumerated() {
              let start = (s * places + at) * width, place = (draw * rowCount + row) * width
              let z = UnsafeBufferPointer(rebasing: result[start..<start + width])
              let g = UnsafeMutableBufferPointer(rebasing: plan.cotangent[start..<start + width])
              losses[row] += share * loss(row, z, g)
              for i in g.indices { g[i] *= share }
              _ = UnsafeMutableBufferPointer(rebasing: outputs[place..<place + width]).update(fromContentsOf: z)
            }
          }
        }
        plan.backward()
        add(plan, run, to: &gradient)
      }
    }
    return LossGradient(losses: losses, gradient: gradient, outputs: outputs)
  }

  /// The gradients for the inputs that a run found; they are absent where the output does not
  /// depend on an input, and of integers.
  private func add(_ plan: Plan, _ run: Run, to gradient: inout Tensor) {
    for (found, columns) in zip(plan.inputGradients, signature.layout.columns)
    where found.count == plan.options.rows * columns.count {
      add(found, columns, run, to: &gradient)
    }
  }

  /// - Parameter columns: of a row, that the gradients are for.
  private func add(
    _ found: UnsafeBufferPointer<Float>, _ columns: Range<Int>, _ run: Run, to gradient: inout Tensor
  ) {
    let length = gradient.rowLength, count = columns.count
    gradient.elements.withUnsafeMutableBufferPointer { gradient in
      for (at, row) in run.rows.enumerated() {
        let start = row * length + columns.lowerBound
        let sum = UnsafeMutableBufferPointer(rebasing: gradient[start..<start + count])
        let more = UnsafeBufferPointer(rebasing: found[at * count..<(at + 1) * count])
        if run.draws.lowerBound == 0 {
          _ = sum.update(fromContentsOf: more)
        } else {
          for i in sum.indices { sum[i] += more[i] }
        }
      }
    }
  }
}
