import DitherBasics
import DitherGraph
import DitherTensor

/// Predictions by Monte-Carlo draws of the model's noise.
public struct MonteCarloPredictor: Sendable {
  /// Why no more draws were made.
  public enum StopReason: String, Sendable { case requested, toleranceMet, sampleLimit, deadlineNear }

  /// The answer to a batch.
  public struct Answer: Sendable {
    /// One for each row.
    public var predictions: [Prediction]
    public var samples: Int
    /// The seed of the first row.
    public var seed: UInt64
    /// Why no more draws were made.
    public var stopReason: StopReason
  }

  private static let firstRound = 16
  /// Rows times draws that are in memory before they are told from each other.
  private static let roundRows = 32_768

  /// The model that is asked.
  public let model: Model
  public init(_ model: Model) { self.model = model }

  /// - Parameters:
  ///   - inputs: [B, …] as the signature says.
  ///   - seeds: one for each row, as when several requests are answered together; nil: the sampling's for all.
  ///   - threads: that draws are spread over.
  ///   - isLate: asked between rounds; with it, an answer comes from the draws that were made in time.
  ///   - proceed: called before each run of a plan; what it throws ends the prediction.
  public func predict(
    _ inputs: Tensor, _ sampling: Sampling, seeds: [UInt64]? = nil, threads: Int = 1, isLate: () -> Bool = { false },
    proceed: @Sendable () throws -> Void = {}
  ) throws -> Answer {
    try predict(
      model.signature.checked(inputs), sampling, seeds: seeds, threads: threads, isLate: isLate, proceed: proceed)
  }

  /// The same for rows that were looked at.
  public func predict(
    _ inputs: CheckedInputs, _ sampling: Sampling, seeds: [UInt64]? = nil, threads: Int = 1,
    isLate: () -> Bool = { false }, proceed: @Sendable () throws -> Void = {}
  ) throws -> Answer {
    try sampling.check()
    var round = Round(model, inputs, sampling, seeds: seeds, threads: threads)
    if model.noise == nil || sampling.budget == .samples(0) {
      try round.pass(proceed)
      return try round.answer(.requested)
    }
    switch sampling.budget {
    case .samples(let count):
      let most = max(Self.roundRows / max(inputs.rowCount, 1), 1)
      while round.spent < count {
        try round.draw(min(most, count - round.spent), proceed)
      }
      return try round.answer(.requested)
    case .tolerance(let tolerance, let most):
      while true {
        // Rounds double, so that the errors are looked at rarely.
        try round.draw(min(max(round.spent, min(Self.firstRound, most)), most - round.spent), proceed)
        let reason: StopReason? =
          round.isKnown(to: tolerance)
          ? .toleranceMet : round.spent >= most ? .sampleLimit : isLate() ? .deadlineNear : nil
        if let reason { return try round.answer(reason) }
      }
    }
  }
}

/// The draws of a batch so far.
private struct Round {
  let model: Model
  let inputs: CheckedInputs
  let sampling: Sampling
  let seeds: [UInt64]
  let threads: Int
  /// By row: [samples, outputWidth].
  var byRow: [[Double]]
  var spent = 0

  init(_ model: Model, _ inputs: CheckedInputs, _ sampling: Sampling, seeds: [UInt64]?, threads: Int) {
    self.model = model
    self.inputs = inputs
    self.sampling = sampling
    self.seeds = seeds ?? [UInt64](repeating: sampling.seed, count: inputs.rowCount)
    self.threads = threads
    byRow = [[Double]](repeating: [], count: inputs.rowCount)
  }

  mutating func pass(_ proceed: @Sendable () throws -> Void) throws {
    byRow = answers(in: try model.outputs(inputs, threads: threads, proceed: proceed))
  }

  mutating func draw(_ count: Int, _ proceed: @Sendable () throws -> Void) throws {
    let outputs = try model.sampledOutputs(
      inputs,
      NoiseDraws(spent..<spent + count, seeds: seeds, path: sampling.path, antithetic: sampling.antithetic),
      threads: threads, proceed: proceed)
    for (row, values) in answers(in: outputs).enumerated() {
      if byRow[row].isEmpty { byRow[row] = values } else { byRow[row] += values }
    }
    spent += count
  }

  /// Whether every row's mean is. Rows without an answer get none by more draws.
  func isKnown(to tolerance: Double) -> Bool {
    let rarer = model.noise?.rarerProbability
    return byRow.allSatisfy { values in
      let draws = draws(values)
      return !draws.haveAnswers || draws.isKnown(to: tolerance, rarer: rarer)
    }
  }

  func answer(_ reason: MonteCarloPredictor.StopReason) throws -> MonteCarloPredictor.Answer {
    let measures = try Catalog<any Measure.Type>.measures.named(sampling.measures)
    return MonteCarloPredictor.Answer(
      predictions: byRow.map {
        Prediction(
          draws($0), measures: measures, quantiles: sampling.quantiles, intervals: sampling.intervals)
      },
      samples: spent, seed: seeds.first ?? sampling.seed, stopReason: reason)
  }

  private func draws(_ values: [Double]) -> Draws {
    model.signature.draws(of: values, antithetic: sampling.antithetic && spent > 0)
  }

  private func answers(in outputs: Tensor) -> [[Double]] {
    model.signature.answers(in: outputs, rows: inputs.rowCount, temperature: sampling.temperature)
  }
}

extension ModelSignature {
  /// By row, the draws in outputs [samples, rows, outputWidth].
  /// - Parameter temperature: that logits are divided by.
  public func draws(in outputs: Tensor, rows: Int, temperature: Double = 1) -> [Draws] {
    answers(in: outputs, rows: rows, temperature: temperature).map { draws(of: $0) }
  }

  /// One row's draws.
  /// - Parameter values: [samples, outputWidth], as ``answers(in:rows:temperature:)`` has them.
  func draws(of values: [Double], antithetic: Bool = false) -> Draws {
    switch task {
    case .classification, .binary: return Draws(probabilities: values, classes: width, antithetic: antithetic)
    case .regression: return Draws(values: values, width: width, antithetic: antithetic)
    case .gaussian:
      func part(_ first: Int) -> [Double] {
        stride(from: first, to: values.count, by: 2 * width).flatMap { values[$0..<$0 + width] }
      }
      return Draws(values: part(0), variances: part(width), width: width, antithetic: antithetic)
    }
  }

  /// By row, [samples, outputWidth], of outputs [samples, rows, outputWidth].
  func answers(in outputs: Tensor, rows: Int, temperature: Double) -> [[Double]] {
    let width = outputWidth, draws = outputs.count / (rows * width)
    return outputs.elements.withUnsafeBufferPointer { from in
      (0..<rows).map { row in
        [Double](unsafeUninitializedCapacity: draws * width) { buffer, filled in
          for s in 0..<draws {
            let start = (s * rows + row) * width
            let z = UnsafeBufferPointer(rebasing: from[start..<start + width])
            let p = UnsafeMutableBufferPointer(rebasing: buffer[s * width..<(s + 1) * width])
            answer(z, into: p, temperature: temperature)
          }
          filled = draws * width
        }
      }
    }
  }
}
