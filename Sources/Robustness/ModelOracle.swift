import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// A model under attack, with all of its secrets: the white box.
///
/// Of a random model every question sees fresh draws of its noise, never those by which the attack is judged.
public struct ModelOracle: Oracle {
  public private(set) var questions = 0
  /// Gradients that were zero in every coordinate, and were asked for again with the margin as loss.
  public private(set) var vanishedGradients = 0
  private let model: Model
  private let seed: UInt64
  private let isCancelled: @Sendable () -> Bool
  private var draws: Int?
  private var asked: UInt64 = 0
  private var randomsGiven: UInt32 = 0

  /// - Parameters:
  ///   - seed: of the attacker's randomness and of the draws that it sees.
  ///   - isCancelled: asked before every question.
  public init(_ model: Model, seed: UInt64, isCancelled: @escaping @Sendable () -> Bool = { false }) {
    self.model = model
    self.seed = seed
    self.isCancelled = isCancelled
  }

  /// The same oracle, whose losses and gradients are means over so many fresh draws of the model's noise: expectation over
  /// transformation (Athalye et al. 2018, arXiv 1707.07397). A model without noise stays as it is.
  public func expectation(over draws: Int) -> ModelOracle {
    precondition(draws > 0, "at least one draw")
    var oracle = self
    oracle.draws = model.noise == nil ? nil : draws
    return oracle
  }

  public var isRandom: Bool { draws != nil }

  public var random: NoiseAddress {
    mutating get {
      randomsGiven += 1
      return NoiseAddress(seed: mixSeed(seed, 1), site: 0, sample: randomsGiven)
    }
  }

  public mutating func ask(
    _ x: Tensor, _ criteria: [Criterion], loss: Loss, wantsGradient: Bool
  ) throws -> Answer {
    guard !isCancelled() else {
      throw RobustnessError(.cancelled, at: "attack", expected: "time to go on", got: "a cancellation or a deadline")
    }
    asked += 1
    questions += x.rowCount * (draws ?? 1)
    let inputs = model.signature.normalised(x)
    var answer = try askModel(inputs, criteria, loss, wantsGradient)
    if loss == .crossEntropy { try retryVanished(&answer, inputs, criteria) }
    if let gradient = answer.gradient { answer.gradient = model.signature.gradientForPixels(gradient) }
    return answer
  }

  /// Where the probability of a class rounds to 0 or 1 the cross-entropy has no slope left; the margin between logits has.
  private mutating func retryVanished(_ answer: inout Answer, _ inputs: Tensor, _ criteria: [Criterion]) throws {
    guard let gradient = answer.gradient else { return }
    let rows = (0..<gradient.rowCount).filter { gradient.row($0).allSatisfy { $0 == 0 } }
    guard !rows.isEmpty else { return }
    vanishedGradients += rows.count
    questions += rows.count * (draws ?? 1)
    let again = try askModel(inputs.rows(at: rows), rows.map { criteria[$0] }, .margin, true)
    guard let found = again.gradient else { return }
    for (at, row) in rows.enumerated() { answer.gradient?.replaceRow(row, with: found.row(at)) }
  }

  private func askModel(
    _ inputs: Tensor, _ criteria: [Criterion], _ loss: Loss, _ wantsGradient: Bool
  ) throws -> Answer {
    // One seed for all rows: an attacker gains nothing by independent draws for each, and weights that are drawn
    // explicitly are then drawn once for the batch.
    let seeds = [UInt64](repeating: mixSeed(seed, 2, asked), count: inputs.rowCount)
    let targets = criteria.map(\.label), samples = draws.map { 0..<$0 }
    var losses: [Float], gradient: Tensor?, outputs: Tensor
    if wantsGradient {
      let found = try model.lossGradient(inputs, loss: loss, targets: targets, samples: samples, seeds: seeds)
      (losses, gradient, outputs) = (found.losses, found.gradient, found.outputs)
    } else {
      try model.signature.check(labels: targets, rows: inputs.rowCount)
      outputs =
        try samples.map { try model.sampledOutputs(inputs, samples: $0, seeds: seeds) } ?? model.outputs(inputs)
      losses = loss.values(outputs, targets: targets, probabilities: model.signature.givesProbabilities)
    }
    for (row, criterion) in criteria.enumerated() {
      guard case .targeted = criterion else { continue }
      losses[row] = -losses[row]
      if let turned = gradient?.row(row).map({ -$0 }) { gradient?.replaceRow(row, with: turned[...]) }
    }
    return Answer(losses: losses, gradient: gradient, scores: scores(outputs, rows: inputs.rowCount))
  }

  /// [B, classes] of [samples, B, classes].
  private func scores(_ outputs: Tensor, rows: Int) -> Tensor {
    let classes = model.signature.classes
    guard outputs.count > rows * classes else { return outputs.reshaped([rows, classes]) }
    let mean = model.signature.meanProbabilities(outputs, rows: rows)
    return Tensor([rows, classes], mean.flatMap { $0.map { Float(log(max($0, .leastNormalMagnitude))) } })
  }
}

extension ModelSignature {
  /// Images in [0, 1] as the model takes them.
  func normalised(_ x: Tensor) -> Tensor {
    normalisation.isIdentity ? x : scaled(x) { ($0 - $1) / $2 }
  }

  /// The derivatives for images in [0, 1], from those for what the model takes.
  func gradientForPixels(_ gradient: Tensor) -> Tensor {
    normalisation.isIdentity ? gradient : scaled(gradient) { value, _, deviation in value / deviation }
  }

  private func scaled(_ x: Tensor, _ change: (Float, _ mean: Float, _ deviation: Float) -> Float) -> Tensor {
    let channels = inputShape.rank > 1 ? inputShape[0] : 1, inner = max(inputShape.count / max(channels, 1), 1)
    let mean = normalisation.mean, deviation = normalisation.deviation
    return Tensor(x.shape) { out in
      for i in out.indices {
        let channel = i / inner % channels
        out[i] = change(x.elements[i], mean[channel % mean.count], deviation[channel % deviation.count])
      }
    }
  }

  /// The class probabilities of each row, [B][classes], as means over the draws of [samples, B, classes].
  func meanProbabilities(_ outputs: Tensor, rows: Int) -> [[Double]] {
    let draws = outputs.count / (rows * classes)
    var mean = [[Double]](repeating: [Double](repeating: 0, count: classes), count: rows)
    outputs.elements.withUnsafeBufferPointer { all in
      var draw = [Double](repeating: 0, count: classes)
      for s in 0..<draws {
        for row in 0..<rows {
          let start = (s * rows + row) * classes
          for c in 0..<classes { draw[c] = Double(all[start + c]) }
          if !givesProbabilities { softmax(&draw) }
          for c in 0..<classes { mean[row][c] += draw[c] / Double(draws) }
        }
      }
    }
    return mean
  }

  private func softmax(_ z: inout [Double]) {
    let top = z.max() ?? 0
    var total = 0.0
    for c in z.indices {
      z[c] = exp(z[c] - top)
      total += z[c]
    }
    for c in z.indices { z[c] /= total }
  }
}
