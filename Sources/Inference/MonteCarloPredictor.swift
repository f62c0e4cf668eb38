import DitherBasics
import DitherGraph
import DitherTensor

/// Predictions by Monte-Carlo draws of the model's noise.
public struct MonteCarloPredictor: Sendable {
  public enum Budget: Sendable, Equatable {
    /// So many draws; 0 is the deterministic pass.
    case samples(Int)
    /// Draws in rounds until every example's ``Draws/standardError`` is known and at most `tolerance`, or `most` draws are spent.
    case tolerance(Double, most: Int)
  }

  public enum StopReason: String, Sendable { case requested, toleranceMet, sampleLimit, deadlineNear }

  public struct Answer: Sendable {
    public var predictions: [Prediction]
    public var samples: Int
    public var seed: UInt64
    public var stopReason: StopReason
  }

  /// More draws than this are refused: their probabilities are kept until the measures are computed.
  public static let mostSamples = 65_536
  private static let firstRound = 16
  /// Rows times draws between two looks at `proceed`.
  private static let roundRows = 32_768

  public let model: Model
  /// Every draw's logits are divided by it.
  public let temperature: Double
  public init(_ model: Model, temperature: Double = 1) {
    self.model = model
    self.temperature = temperature
  }

  /// - Parameters:
  ///   - inputs: [B, …] as the signature says.
  ///   - seed: every row is drawn with this seed, so that a row's answer does not depend on the others.
  ///   - antithetic: draws come in pairs of a draw and its negative.
  ///   - isLate: asked between rounds; with it, an answer comes from the draws that were made in time.
  public func predict(
    _ inputs: Tensor, budget: Budget, seed: UInt64, quantiles: [Double] = [], path: NoisePath = .fresh,
    antithetic: Bool = false, threads: Int = 1,
    isLate: () -> Bool = { false }
  ) throws -> Answer {
    try predict(
      inputs, budget: budget, seeds: [UInt64](repeating: seed, count: inputs.rowCount), quantiles: quantiles,
      path: path, antithetic: antithetic, threads: threads, isLate: isLate)
  }

  /// Rows with seeds of their own, as when several requests are answered together.
  /// - Parameters:
  ///   - seeds: one for each row; the answer's is the first.
  ///   - proceed: called between rounds; what it throws ends the prediction.
  public func predict(
    _ inputs: Tensor, budget: Budget, seeds: [UInt64], quantiles: [Double] = [], path: NoisePath = .fresh,
    antithetic: Bool = false, threads: Int = 1, isLate: () -> Bool = { false }, proceed: () throws -> Void = {}
  ) throws -> Answer {
    try check(budget, quantiles)
    let rows = inputs.rowCount, classes = model.signature.classes, seed = seeds.first ?? 0
    if model.noise == nil || budget == .samples(0) {
      let outputs = try model.outputs(inputs, threads: threads)
      return answer(probabilities(of: outputs, rows, classes), classes, 0, seed, .requested, quantiles)
    }
    var byRow = [[Double]](repeating: [], count: rows), spent = 0
    func draw(_ count: Int) throws {
      let outputs = try model.sampledOutputs(
        inputs, samples: spent..<spent + count, seeds: seeds, path: path, antithetic: antithetic, threads: threads)
      for (row, values) in probabilities(of: outputs, rows, classes).enumerated() {
        if byRow[row].isEmpty { byRow[row] = values } else { byRow[row] += values }
      }
      spent += count
    }
    switch budget {
    case .samples(let count):
      let round = max(Self.roundRows / max(rows, 1), 1)
      while spent < count {
        if spent > 0 { try proceed() }
        try draw(min(round, count - spent))
      }
      return answer(byRow, classes, spent, seed, .requested, quantiles, antithetic)
    case .tolerance(let tolerance, let most):
      while true {
        // Rounds double, so that the errors are looked at rarely.
        try draw(min(max(spent, min(Self.firstRound, most)), most - spent))
        let isKnown = byRow.allSatisfy { values in
          let draws = Draws(probabilities: values, classes: classes, antithetic: antithetic)
          // Rows without an answer get none by more draws.
          guard draws.label != Label.none else { return true }
          return draws.standardError.map { $0 <= tolerance } ?? false
        }
        let reason: StopReason? =
          isKnown ? .toleranceMet : spent >= most ? .sampleLimit : isLate() ? .deadlineNear : nil
        if let reason { return answer(byRow, classes, spent, seed, reason, quantiles, antithetic) }
        try proceed()
      }
    }
  }

  private func check(_ budget: Budget, _ quantiles: [Double]) throws(InferenceError) {
    func refuse(_ field: String, _ expected: String, _ got: String) -> InferenceError {
      InferenceError(.samples, at: field, expected: expected, got: got)
    }
    switch budget {
    case .samples(let count):
      guard (0...Self.mostSamples).contains(count) else {
        throw refuse("samples", "0 to \(Self.mostSamples)", "\(count)")
      }
    case .tolerance(let tolerance, let most):
      guard tolerance.isFinite, tolerance > 0 else { throw refuse("tolerance", "a number above 0", "\(tolerance)") }
      guard (1...Self.mostSamples).contains(most) else {
        throw refuse("max_samples", "1 to \(Self.mostSamples)", "\(most)")
      }
    }
    guard quantiles.count <= 32, quantiles.allSatisfy({ (0...1).contains($0) }) else {
      throw refuse("quantiles", "at most 32 levels from 0 to 1", "\(quantiles.prefix(33))")
    }
  }

  /// By row: [samples, classes].
  private func probabilities(of outputs: Tensor, _ rows: Int, _ classes: Int) -> [[Double]] {
    let draws = outputs.count / (rows * classes)
    return outputs.elements.withUnsafeBufferPointer { from in
      (0..<rows).map { row in
        [Double](unsafeUninitializedCapacity: draws * classes) { buffer, filled in
          for s in 0..<draws {
            let start = (s * rows + row) * classes
            let z = UnsafeBufferPointer(rebasing: from[start..<start + classes])
            let p = UnsafeMutableBufferPointer(rebasing: buffer[s * classes..<(s + 1) * classes])
            model.signature.probabilities(z, into: p, temperature: temperature)
          }
          filled = draws * classes
        }
      }
    }
  }

  private func answer(
    _ byRow: [[Double]], _ classes: Int, _ samples: Int, _ seed: UInt64, _ reason: StopReason, _ quantiles: [Double],
    _ antithetic: Bool = false
  ) -> Answer {
    Answer(
      predictions: byRow.map {
        Prediction(Draws(probabilities: $0, classes: classes, antithetic: antithetic), quantiles: quantiles)
      },
      samples: samples, seed: seed, stopReason: reason)
  }
}
