import DitherInference
import DitherTensor

/// A model as it is deployed: with its number of draws, and the class of the largest mean probability as its answer. What
/// an attack or a corruption did is judged by this, and by nothing else.
///
/// Its draws are never among those that an attacker sees. The same example gets the same draws clean and changed, so a
/// change of nothing changes nothing.
public struct DeployedPredictor: Sendable {
  public let model: Model
  /// Draws for each answer; 0 is the deterministic pass.
  public let samples: Int
  /// Every draw's logits are divided by it before they become probabilities.
  public let temperature: Double
  private var seed: UInt64

  /// Where a layer draws its weights once for all rows, they are drawn for a request of this many examples at once: they share them.
  static let examplesPerRequest: UInt64 = 10
  /// As many draws as a random model answers with where nothing else is asked.
  public static let defaultSamples = 32

  public init(_ model: Model, samples: Int, temperature: Double = 1, seed: UInt64) {
    self.model = model
    self.temperature = temperature
    self.samples = model.noise == nil ? 0 : samples
    self.seed = mixSeed(seed, 0x6A75_6467_65)
  }

  public var isRandom: Bool { samples > 0 }

  /// The same parameters without any noise.
  public var withoutNoise: DeployedPredictor {
    DeployedPredictor(model, samples: 0, temperature: temperature, seed: seed)
  }

  /// The same, with draws that nothing else uses.
  public var redrawn: DeployedPredictor {
    var other = self
    other.seed = mixSeed(seed, 0x61_6761_696E)
    return other
  }

  /// [B][classes].
  public func probabilities(_ x: Tensor, identities: [UInt64]) throws -> [[Double]] {
    model.signature.meanProbabilities(
      try outputs(x, identities, samples), rows: x.rowCount, temperature: temperature)
  }

  /// [B]: every draw's probabilities; one draw where nothing is random.
  /// - Parameter samples: nil: as deployed.
  public func draws(_ x: Tensor, identities: [UInt64], samples: Int? = nil) throws -> [Draws] {
    let classes = model.signature.classes, rows = x.rowCount
    let outputs = try outputs(x, identities, isRandom ? samples ?? self.samples : 0)
    let count = outputs.count / max(rows * classes, 1)
    var byRow = [[Double]](repeating: [], count: rows)
    for draw in 0..<count {
      let one = outputs.reshaped([count * rows, classes]).rows(draw * rows..<(draw + 1) * rows)
      for (row, p) in model.signature.meanProbabilities(one, rows: rows, temperature: temperature).enumerated() {
        byRow[row] += p
      }
    }
    return byRow.map { Draws(probabilities: $0, classes: classes) }
  }

  /// [draws, B, classes].
  private func outputs(_ x: Tensor, _ identities: [UInt64], _ samples: Int) throws -> Tensor {
    let inputs = model.signature.normalised(x)
    guard samples > 0 else { return try model.outputs(inputs) }
    let perRequest = model.drawsFreshNoise ? 1 : Self.examplesPerRequest
    return try model.sampledOutputs(
      inputs, samples: 0..<samples, seeds: identities.map { mixSeed(seed, $0 / perRequest) })
  }

  /// [B].
  public func labels(_ x: Tensor, identities: [UInt64]) throws -> [Int] {
    guard x.rowCount > 0 else { return [] }
    return try probabilities(x, identities: identities).map { p in p.indices.reduce(0) { p[$1] > p[$0] ? $1 : $0 } }
  }
}
