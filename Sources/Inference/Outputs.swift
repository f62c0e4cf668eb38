import DitherGraph
import DitherTensor

extension Model {
  /// The deterministic pass: [B, outputWidth]: logits or, where the signature says so, probabilities; a regression's
  /// values.
  /// - Parameter proceed: called before each run of a plan; what it throws ends the work.
  /// - Throws: when the rows are no inputs of this model.
  public func outputs(
    _ inputs: Tensor, threads: Int = 1, proceed: @Sendable () throws -> Void = {}
  ) throws -> Tensor {
    try outputs(signature.checked(inputs), threads: threads, proceed: proceed)
  }

  /// The same for rows that were looked at.
  public func outputs(
    _ inputs: CheckedInputs, threads: Int = 1, proceed: @Sendable () throws -> Void = {}
  ) throws -> Tensor {
    let inputs = inputs.tensor, rowCount = inputs.rowCount
    try signature.checkShape(of: inputs)
    return try Tensor([rowCount, signature.outputWidth]) { out in
      for group in runs(rowCount, nil, threads: threads) {
        try perform(group, inputs, nil, proceed: proceed) { plan, run in copy(plan, run, to: out, of: rowCount) }
      }
    }
  }

  /// Outputs under the model's noise: [samples, B, outputWidth].
  /// - Parameters:
  ///   - threads: that draws are spread over.
  ///   - proceed: called before each run of a plan, on any thread; what it throws ends the work.
  /// - Throws: when the rows are no inputs of this model, or the draws do not fit them.
  public func sampledOutputs(
    _ inputs: Tensor, _ draws: NoiseDraws, threads: Int = 1, proceed: @Sendable () throws -> Void = {}
  ) throws -> Tensor {
    try sampledOutputs(signature.checked(inputs), draws, threads: threads, proceed: proceed)
  }

  /// The same for rows that were looked at.
  public func sampledOutputs(
    _ inputs: CheckedInputs, _ draws: NoiseDraws, threads: Int = 1, proceed: @Sendable () throws -> Void = {}
  ) throws -> Tensor {
    let inputs = inputs.tensor, rowCount = inputs.rowCount, count = draws.samples.count
    try signature.checkShape(of: inputs)
    try draws.check(rows: rowCount)
    let isSpread = isFresh(draws), isWorth = cost.operations * Double(count * rowCount) > Cost.worthwhile
    let groups = runs(
      rowCount, draws, shares: isSpread && isWorth ? threads : 1, threads: isSpread ? 1 : threads)
    return try Tensor([count, rowCount, signature.outputWidth]) { out in
      nonisolated(unsafe) let out = out  // the runs are disjoint
      try Parallel.forEach(groups, threads: isSpread && isWorth ? threads : 1) { group in
        try perform(group, inputs, draws, proceed: proceed) { plan, run in copy(plan, run, to: out, of: rowCount) }
      }
    }
  }

  /// Copies the outputs of a run to [draws, rows, outputWidth].
  private func copy(_ plan: Plan, _ run: Run, to out: UnsafeMutableBufferPointer<Float>, of rowCount: Int) {
    let width = signature.outputWidth, result = plan.output(), places = plan.options.rows
    for (s, draw) in run.draws.enumerated() {
      for (at, row) in run.rows.enumerated() {
        let target = (draw * rowCount + row) * width, start = (s * places + at) * width
        let source = UnsafeBufferPointer(rebasing: result[start..<start + width])
        _ = UnsafeMutableBufferPointer(rebasing: out[target..<target + width]).update(fromContentsOf: source)
      }
    }
  }
}
