import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// A model as it is deployed: with its number of draws, and the class of the largest mean probability as its answer.
/// What an attack or a corruption did is judged by this, and by nothing else.
///
/// Its draws are never among those that an attacker sees. The same example gets the same draws clean and changed, so a
/// change of nothing changes nothing.
public struct DeployedPredictor: Sendable {
  /// The model that answers; of an ensemble, its members as one graph.
  public let model: Model
  /// Draws for each answer; 0 is the deterministic pass.
  public let samples: Int
  /// Every draw's logits are divided by it before they become probabilities.
  public let temperature: Double
  /// For an ensemble: the models whose probabilities are averaged. `model` is the same as one graph, for those who need
  /// gradients.
  public let members: [Model]
  /// Called before each run of a plan; what it throws ends the answer.
  var proceed: @Sendable () throws -> Void = {}
  private var seed: UInt64
  private(set) var memory: CleanAnswers?

  /// Where a layer draws its weights once for all rows, they are drawn for a request of this many examples at once:
  /// they share them.
  static let examplesPerRequest: UInt64 = 10
  /// As many draws as a random model answers with where nothing else is asked.
  public static let defaultSamples = 32

  public init(_ model: Model, samples: Int, temperature: Double = 1, members: [Model] = [], seed: UInt64) {
    self.model = model
    self.temperature = temperature
    self.members = members
    self.samples = model.noise == nil ? 0 : samples
    self.seed = mixSeed(seed, 0x6A75_6467_65)
  }

  public var isRandom: Bool { samples > 0 }

  /// The same predictor with its noise off: the mean weights.
  public var withoutNoise: DeployedPredictor {
    var other = DeployedPredictor(model, samples: 0, temperature: temperature, members: members, seed: seed)
    other.memory = memory
    other.proceed = proceed
    return other
  }

  /// The same predictor, which remembers its answers to unchanged examples, and those to attackers that ask about them.
  var remembering: DeployedPredictor {
    var other = self
    other.memory = CleanAnswers()
    return other
  }

  /// The same, with draws that nothing else uses.
  public var redrawn: DeployedPredictor {
    var other = self
    other.seed = mixSeed(seed, 0x61_6761_696E)
    return other
  }

  /// [B][classes].
  /// - Throws: when an answer is no number.
  public func probabilities(_ x: Tensor, identities: [UInt64]) throws -> [[Double]] {
    let mean = try means(x, identities)
    try Self.check(mean, identities)
    return mean
  }

  /// [B]: every draw's probabilities, or every member's; one draw where nothing is random.
  /// - Parameter samples: nil: as deployed.
  /// - Throws: when an answer is no number.
  public func draws(_ x: Tensor, identities: [UInt64], samples: Int? = nil) throws -> [Draws] {
    let classes = model.signature.classes, rows = x.rowCount
    var byRow = [[Double]](repeating: [], count: rows)
    func add(_ probabilities: [[Double]]) throws {
      try Self.check(probabilities, identities)
      for (row, p) in probabilities.enumerated() { byRow[row] += p }
    }
    if members.isEmpty {
      let outputs = try outputs(x, identities, 0..<(isRandom ? samples ?? self.samples : 0))
      let count = outputs.count / max(rows * classes, 1), all = outputs.reshaped([count * rows, classes])
      for draw in 0..<count {
        let one = all.rows(draw * rows..<(draw + 1) * rows)
        try add(model.signature.meanProbabilities(one, rows: rows, temperature: temperature))
      }
    } else {
      for member in members { try add(answers(of: member, x)) }
    }
    return byRow.map { Draws(probabilities: $0, classes: classes) }
  }

  /// [B]: every draw's values, of a regression; one draw where nothing is random. An answer may be no number.
  func values(_ x: Tensor, identities: [UInt64]) throws -> [Draws] {
    guard x.rowCount > 0 else { return [] }
    return model.signature.draws(in: try outputs(x, identities, 0..<samples), rows: x.rowCount)
  }

  /// [B] by name: how unsure the logits are before a softmax, which forgets how large they are; means over draws or
  /// members. `max_logit` (Hendrycks et al. 2022, arXiv 1911.11132) is −max z, `energy` (Liu et al. 2020, arXiv
  /// 2010.03759) −ln Σ exp z. Empty for a model that gives probabilities.
  func logitScores(_ x: Tensor, identities: [UInt64]) throws -> [String: [Double]] {
    let asked = try (members.isEmpty ? [model] : members).map { try $0.exposingLogits() }
    let parts: [Tensor] =
      try members.isEmpty
      ? [outputs(x, identities, 0..<samples, of: asked[0])]
      : asked.map { try $0.outputs($0.signature.normalized(x), proceed: proceed) }
    let rows = x.rowCount, classes = model.signature.classes
    var most = [Double](repeating: 0, count: rows), energy = most
    for part in parts {
      let all = part.reshaped([part.count / classes, classes]), draws = all.rowCount / rows
      for place in 0..<all.rowCount {
        let z = all.row(place), top = Double(z.max() ?? 0)
        let share = 1 / Double(draws * parts.count)
        most[place % rows] -= top * share
        energy[place % rows] -= (top + log(z.reduce(0.0) { $0 + exp(Double($1) - top) })) * share
      }
    }
    // Probabilities without logits behind them have only their logarithms, whose energy is 0, and whose largest is that
    // of `msp`.
    guard energy.contains(where: { abs($0) > 1e-3 }) else { return [:] }
    return ["max_logit": most, "energy": energy]
  }

  /// [B]; `Label.none` where the answer is no number.
  public func labels(_ x: Tensor, identities: [UInt64]) throws -> [Int] {
    guard x.rowCount > 0 else { return [] }
    if isRandom, members.isEmpty { return try labelsByDraws(x, identities) }
    return try means(x, identities).map(Label.of)
  }

  /// The classes of the means over all draws. A draw moves the lead of a class in the sum by 1 at most: where it leads
  /// by more than there are draws left, these are not made.
  private func labelsByDraws(_ x: Tensor, _ identities: [UInt64]) throws -> [Int] {
    var sums = [[Double]](repeating: [Double](repeating: 0, count: model.signature.classes), count: x.rowCount)
    var open = Array(0..<x.rowCount), done = 0
    while done < samples, !open.isEmpty {
      // A class that every draw is sure of has won after half of them and one.
      let more = done == 0 ? samples / 2 + 1 : min(max(samples / 8, 1), samples - done)
      let part = open.count == x.rowCount ? x : x.rows(at: open)
      let found = try outputs(part, open.map { identities[$0] }, done..<done + more)
      let means = model.signature.meanProbabilities(found, rows: open.count, temperature: temperature)
      for (row, p) in zip(open, means) { for c in p.indices { sums[row][c] += Double(more) * p[c] } }
      done += more
      open = open.filter { row in
        let sum = sums[row], top = sum.max() ?? 0
        return sum.allSatisfy(\.isFinite) && sum.count { $0 >= top - Double(samples - done) } > 1
      }
    }
    return sums.map(Label.of)
  }

  /// [B]: to the batch's inputs as they are.
  func labels(of batch: ProbeBatch) throws -> [Int] {
    let answer = { try self.labels(batch.inputs, identities: batch.identities) }
    guard let memory, let first = batch.identities.first else { return try answer() }
    return try memory.labels(.init(seed: seed, samples: samples, first: first, count: batch.labels.count), or: answer)
  }

  private static func check(_ probabilities: [[Double]], _ identities: [UInt64]) throws(RobustnessError) {
    guard let row = probabilities.firstIndex(where: { !$0.allSatisfy(\.isFinite) }) else { return }
    throw RobustnessError(
      .data, at: ForeignExample.name(of: identities[row]), expected: "a finite answer", got: "NaN or infinity")
  }

  /// The mean probabilities, [B][classes], and −ln of the true classes', [B]: of logits by log-softmax; infinite where
  /// a probability is 0.
  /// - Throws: when an answer is no number.
  func judged(
    _ x: Tensor, identities: [UInt64], labels: [Int]
  ) throws -> (probabilities: [[Double]], losses: [Double]) {
    guard !members.isEmpty else {
      let outputs = try outputs(x, identities, 0..<samples), signature = model.signature
      let mean = signature.meanProbabilities(outputs, rows: x.rowCount, temperature: temperature)
      try Self.check(mean, identities)
      return (mean, signature.losses(outputs, labels: labels, temperature: temperature))
    }
    let losses = try members.map { member in
      member.signature.losses(
        try member.outputs(member.signature.normalized(x), proceed: proceed), labels: labels, temperature: temperature)
    }
    return (
      try probabilities(x, identities: identities),
      labels.indices.map { row in -Metrics.logMeanExp(losses.map { -$0[row] }) }
    )
  }

  private func means(_ x: Tensor, _ identities: [UInt64]) throws -> [[Double]] {
    guard !members.isEmpty else {
      return model.signature.meanProbabilities(
        try outputs(x, identities, 0..<samples), rows: x.rowCount, temperature: temperature)
    }
    var sum = [[Double]](repeating: [Double](repeating: 0, count: model.signature.classes), count: x.rowCount)
    for member in members {
      for (row, p) in try answers(of: member, x).enumerated() {
        for c in p.indices { sum[row][c] += p[c] / Double(members.count) }
      }
    }
    return sum
  }

  private func answers(of member: Model, _ x: Tensor) throws -> [[Double]] {
    member.signature.meanProbabilities(
      try member.outputs(member.signature.normalized(x), proceed: proceed), rows: x.rowCount, temperature: temperature)
  }

  /// [draws, B, classes]; without draws the deterministic pass.
  /// - Parameter model: this one, or the same with logits for its outputs.
  private func outputs(
    _ x: Tensor, _ identities: [UInt64], _ draws: Range<Int>, of other: Model? = nil
  ) throws -> Tensor {
    let model = other ?? model
    let inputs = model.signature.normalized(x)
    guard !draws.isEmpty else { return try model.outputs(inputs, proceed: proceed) }
    let perRequest = model.drawsFreshNoise ? 1 : Self.examplesPerRequest
    return try model.sampledOutputs(
      inputs, NoiseDraws(draws, seeds: identities.map { mixSeed(seed, $0 / perRequest) }), proceed: proceed)
  }
}
