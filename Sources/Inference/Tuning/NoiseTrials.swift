import DitherBasics
import DitherGraph
import DitherTensor
import Foundation

/// A trained model and labeled examples that it was not trained on: answers what noise on it is worth. Used by one
/// thread at a time; what it has computed it keeps.
public final class NoiseTrials {
  /// Examples to choose on: all, or all but one fold.
  public struct Part: Sendable {
    /// In rising order.
    public let rows: [Int]
    /// The fold that is held out; nil: none.
    let fold: Int?
  }

  /// Fewer examples choose nothing.
  public static let leastExamples = 40
  /// The folds that there may be.
  public static let foldCounts = 2...20

  /// The file's graph, with its noise.
  let given: Graph
  /// The same without, which noise is laid on.
  let base: Graph
  /// Its model.
  public let plain: Model
  /// [N, …] as the graph takes them.
  let inputs: Tensor
  let targets: Targets
  /// Draws of each answer.
  public let samples: Int
  let seed: UInt64
  let threads: Int
  let folds: Int
  private let foldOfRow: [Int]
  private let proceed: @Sendable () throws -> Void
  private var known: [String: HeldAnswers] = [:]
  private var curvatures: [GaussNewton.Layers: [GaussNewton]] = [:]

  /// - Parameters:
  ///   - graph: of the model's file.
  ///   - inputs: [N, …] in the units of the data.
  ///   - targets: classes of the model, or values.
  ///   - proceed: called between passes, on any thread; what it throws ends the work.
  /// - Throws: when the graph is no model, or the examples are too few, or none of its.
  init(
    _ graph: Graph, inputs: Tensor, targets: Targets, samples: Int, seed: UInt64, folds: Int, threads: Int,
    proceed: @escaping @Sendable () throws -> Void
  ) throws {
    given = graph
    var base = try graph.withoutNoise().foldingComputedWeights() ?? graph.withoutNoise()
    plain = try Model(base, proceed: proceed)
    let signature = plain.signature
    // Tried once, not again for every noise.
    if signature.outputKindBasis == .trial {
      base.metadata[ModelSignature.outputKindKey] = signature.outputKind.rawValue
    }
    self.base = base
    self.inputs = try signature.checked(signature.normalized(inputs)).tensor
    self.targets = targets
    (self.samples, self.seed, self.threads, self.proceed) = (samples, seed, threads, proceed)
    self.folds = folds
    let count = inputs.rowCount
    guard count >= Self.leastExamples else {
      throw InferenceError(
        .labels, at: "examples", expected: "at least \(Self.leastExamples)", got: "\(count)",
        advice: "a thousand and more choose noise that holds")
    }
    guard Self.foldCounts.contains(folds) else {
      throw InferenceError(
        .samples, at: "folds", expected: "\(Self.foldCounts.lowerBound) to \(Self.foldCounts.upperBound)",
        got: "\(folds)")
    }
    guard (2...4096).contains(samples) else {
      throw InferenceError(.samples, at: "samples", expected: "2 to 4096 draws", got: "\(samples)")
    }
    try signature.check(targets, rows: count)
    // By chance, so that the order of the data does not matter.
    let chance = (0..<count).map { NoiseAddress(seed: mixSeed(seed, 0x666F_6C64, UInt64($0))).uniform(0) }
    let order = (0..<count).sorted { (chance[$0], $0) < (chance[$1], $1) }
    var foldOfRow = [Int](repeating: 0, count: count)
    for (place, row) in order.enumerated() { foldOfRow[row] = place % folds }
    self.foldOfRow = foldOfRow
  }

  /// All examples.
  var whole: Part { Part(rows: Array(foldOfRow.indices), fold: nil) }
  /// All examples but those of a fold.
  func without(_ fold: Int) -> Part { Part(rows: foldOfRow.indices.filter { foldOfRow[$0] != fold }, fold: fold) }
  /// The examples of a fold.
  func rows(of fold: Int) -> [Int] { foldOfRow.indices.filter { foldOfRow[$0] == fold } }

  /// The weights that noise can go to, in the order of their layers.
  public var weights: [(id: ValueID, name: String, shape: Shape)] { base.noisyWeights }

  // MARK: worth

  /// The mean loss of the examples of a part under this noise, in nats.
  /// - Parameter key: under which the answers to all examples are kept; nil: only those of the part are computed.
  public func loss(of noise: ChosenNoise, on part: Part, key: String?) throws -> Double {
    try answers(of: noise, on: part, key: key).negativeLogLikelihood
  }

  /// The answers to a part, judged by the variance that is likeliest for them.
  func answers(of noise: ChosenNoise, on part: Part, key: String?) throws -> HeldAnswers {
    guard let key = noise.isNone ? "none" : key else { return try answers(of: noise, rows: part.rows) }
    let all = try known[key] ?? answers(of: noise, rows: whole.rows)
    known[key] = all
    return all.part(part.rows).judged(by: nil)
  }

  /// The variance of targets around the answers that is likeliest on a part; nil of a model whose answers need none.
  func residual(of noise: ChosenNoise, on part: Part) throws -> [Double]? {
    guard case .regression = plain.signature.task else { return nil }
    return try answers(of: noise, on: part, key: nil).residual
  }

  /// Computed anew.
  func answers(of noise: ChosenNoise, rows: [Int]) throws -> HeldAnswers {
    let model = noise.isNone ? plain : try Model(noise.form == .own ? given : noise.laid(on: base), proceed: proceed)
    let step = max(65_536 / samples, 1), signature = model.signature
    var losses: [Double] = [], probabilities: [[Double]] = [], means: [[Double]] = [], variances: [[Double]] = []
    for start in stride(from: 0, to: rows.count, by: step) {
      let own = Array(rows[start..<min(start + step, rows.count)])
      let outputs = try outputs(of: model, own)
      guard outputs.isFinite else {
        throw InferenceError(
          .notFinite, at: "model under \(noise.summary)", expected: "finite answers", got: "NaN or infinity")
      }
      guard signature.task.isRegression else {
        probabilities += signature.meanProbabilities(outputs, rows: own.count)
        losses += signature.losses(outputs, labels: own.map { targets[$0].label ?? 0 })
        continue
      }
      let found = Self.moments(outputs, rows: own.count, signature)
      means += found.means
      variances += found.variances
    }
    guard signature.task.isRegression else {
      return HeldAnswers(rows, losses: losses, probabilities: probabilities, targets)
    }
    var hasVariance = false
    if case .gaussian = signature.task { hasVariance = true }
    return HeldAnswers(rows, means: means, variances: variances, hasVariance: hasVariance, targets)
  }

  private func outputs(of model: Model, _ rows: [Int]) throws -> Tensor {
    let part = inputs.rows(at: rows)
    guard model.noise != nil else { return try model.outputs(part, threads: threads, proceed: proceed) }
    // A row's draws are its own, whatever rows are asked with it; where weights are drawn once they are shared.
    let seeds = rows.map { model.drawsFreshNoise ? mixSeed(seed, UInt64($0)) : seed }
    return try model.sampledOutputs(part, NoiseDraws(0..<samples, seeds: seeds), threads: threads, proceed: proceed)
  }

  /// Means and variances of the answers to each row, of [samples, rows, width of the output].
  private static func moments(
    _ outputs: Tensor, rows: Int, _ signature: ModelSignature
  ) -> (means: [[Double]], variances: [[Double]]) {
    let width = signature.width, whole = signature.outputWidth, draws = outputs.count / max(rows * whole, 1)
    var means: [[Double]] = [], variances: [[Double]] = []
    for row in 0..<rows {
      var mean = [Double](repeating: 0, count: width), variance = mean
      for i in 0..<width {
        let values = (0..<draws).map { Double(outputs.elements[($0 * rows + row) * whole + i]) }
        mean[i] = values.reduce(0, +) / Double(draws)
        if draws > 1 {
          variance[i] = values.reduce(0) { $0 + ($1 - mean[i]) * ($1 - mean[i]) } / Double(draws - 1)
        }
        guard whole > width else { continue }
        variance[i] +=
          (0..<draws).reduce(0) { $0 + exp(Double(outputs.elements[($1 * rows + row) * whole + width + i])) }
          / Double(draws)
      }
      means.append(mean)
      variances.append(variance)
    }
    return (means, variances)
  }

  // MARK: curvature

  /// The diagonal Gauss–Newton matrix over the examples of a part; of a regression without variances divided by that of
  /// targets around the plain model's answers, the mean over values.
  func curvature(of layers: GaussNewton.Layers, on part: Part) throws -> [String: [Double]] {
    let parts =
      try curvatures[layers]
      ?? (0..<folds).map { fold in
        try GaussNewton(
          plain, inputs: inputs.rows(at: rows(of: fold)), layers: layers, threads: threads, proceed: proceed)
      }
    curvatures[layers] = parts
    let sum = GaussNewton.sum(parts.indices.filter { $0 != part.fold }.map { parts[$0] }).diagonals
    guard let residual = try residual(of: .none, on: part) else { return sum }
    let variance = max(Metrics.mean(residual), .leastNormalMagnitude)
    return sum.mapValues { $0.map { $0 / variance } }
  }
}
