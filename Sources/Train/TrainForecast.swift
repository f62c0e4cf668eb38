import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// A training before it is begun: sizes, the network, where noise lands, memory and time.
public struct TrainForecast: Codable, Sendable {
  /// Rows of each part.
  public struct Rows: Codable, Sendable {
    /// Trained on.
    public var training: Int
    /// Held out.
    public var validation: Int
    /// Looked at once, at the end.
    public var test: Int
  }
  /// A parameter of the network.
  public struct Parameter: Codable, Sendable {
    /// As `dense0.weight`.
    public var name: String
    /// Its extents.
    public var shape: [Int]
  }
  /// A term of noise.
  public struct Noise: Codable, Sendable {
    /// In words, with its strength at the beginning of its schedule.
    public var term: String
    /// Names of the layers, parameters or inputs that it changes; none of a term that does nothing.
    public var places: [String]
  }
  /// Bytes.
  public struct Memory: Codable, Sendable {
    /// Inputs of all parts.
    public var data: Int
    /// With the best epoch's, where those are kept.
    public var weights: Int
    /// As many as the weights.
    public var gradients: Int
    /// The optimizer's state, and what a posterior keeps.
    public var optimizer: Int
    /// Values between layers, of a batch.
    public var activations: Int
    /// The most that this process has had until now, libraries and kernels too; nil where the system does not tell.
    public var peak: Int?
    /// The sum of the parts.
    public var total: Int { data + weights + gradients + optimizer + activations }
  }

  /// The recipe's.
  public var name: String
  /// The recipe's data set.
  public var data: String
  /// How many there are.
  public var rows: Rows
  /// The parameters, in the graph's order.
  public var parameters: [Parameter]
  /// Numbers that are trained.
  public var count: Int
  /// The recipe's terms, in their order.
  public var noise: [Noise]
  /// Names of strategies, in the order in which they act.
  public var strategies: [String]
  /// Examples of a step.
  public var batch: Int
  /// At most.
  public var epochs: Int
  /// With the last, smaller batch.
  public var stepsPerEpoch: Int
  /// By what it is for.
  public var memory: Memory
  /// The median of some steps behind the first two, in the last epoch where pictures grow.
  public var stepSeconds: Double
  /// All epochs with their validation, without the evaluation at the end.
  public var seconds: Double
  /// Threads of the steps that were measured.
  public var threads: Int
}

extension Trainer {
  private static let warmingSteps = 2, measuredSteps = 5
  /// Rows of the validation part that are measured.
  private static let measuredRows = 200

  /// Makes some steps to see how long they take: this trainer is of no use for a training afterwards.
  /// - Throws: what a step throws.
  func forecast(_ data: Dataset, test: Dataset) throws -> TrainForecast {
    let clock = ContinuousClock(), order = batches.order(of: 0)
    // Where pictures grow, each size has its time.
    var times: [Shape: Double] = [:], stepSeconds = 0.0, allSteps = 0.0
    for epoch in 0..<recipe.epochs {
      position.epoch = epoch
      let shape = shapeOfEpoch
      stepSeconds = try times[shape] ?? medianStep(order, clock)
      times[shape] = stepSeconds
      allSteps += Double(stepsPerEpoch) * stepSeconds
    }
    var validationSeconds = 0.0
    if let validation {
      let part = validation.first(Self.measuredRows), model = try Model(snapshot(best: false))
      let duration = try clock.measure { _ = try Evaluation.quality(model, part, threads: threads) }
      validationSeconds = duration / .seconds(1) * Double(validation.count) / Double(max(part.count, 1))
    }
    let noise = recipe.noise
    return TrainForecast(
      name: recipe.name, data: recipe.data,
      rows: .init(training: examples, validation: validation?.count ?? 0, test: test.count),
      parameters: trained.map { .init(name: $0.name, shape: $0.shape.dimensions) },
      count: trained.reduce(0) { $0 + $1.range.count },
      noise: zip(noise.terms, noise.places(in: graph)).map { .init(term: $0.summary, places: $1) },
      strategies: strategies.map { type(of: $0.strategy).name }, batch: batches.size, epochs: recipe.epochs,
      stepsPerEpoch: stepsPerEpoch, memory: memory(data, test), stepSeconds: stepSeconds,
      seconds: allSteps + Double(recipe.epochs) * validationSeconds, threads: threads)
  }

  private func medianStep(_ order: [Int], _ clock: ContinuousClock) throws -> Double {
    var times: [Double] = []
    for number in 0..<Self.warmingSteps + Self.measuredSteps {
      // Not the last, which is smaller.
      if position.step >= max(batches.wholeBatches, 1) { position.step = 0 }
      let duration = try clock.measure { try step(order) }
      if number >= Self.warmingSteps { times.append(duration / .seconds(1)) }
    }
    return times.sorted()[times.count / 2]
  }

  private func memory(_ data: Dataset, _ test: Dataset) -> TrainForecast.Memory {
    let own = parameters.count * 4
    return TrainForecast.Memory(
      data: (data.inputs.count + test.inputs.count) * 4, weights: own * (recipe.patience == nil ? 1 : 2),
      gradients: own, optimizer: own * (state.count + kept.count),
      activations: plans.values.map(\.arenaBytes).max() ?? 0,
      peak: Self.peakBytes)
  }

  private static var peakBytes: Int? {
    let status = FileManager.default.contents(atPath: "/proc/self/status").map { String(decoding: $0, as: UTF8.self) }
    return status?.firstMatch(of: /VmHWM:\s+(\d+) kB/).flatMap { Int($0.1) }.map { $0 * 1024 }
  }
}
