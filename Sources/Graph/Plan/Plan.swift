import DitherBasics
import DitherTensor

/// A graph compiled for a number of rows: kernel calls over one arena. Running it allocates nothing. A plan is used by
/// one thread at a time; plans of one model share its parameters.
///
/// `forward()` computes the outputs. Then the caller writes the gradient of its loss for the logits into `cotangent`,
/// and `backward()` computes the gradients that were asked for: any loss, in one compiled plan.
public final class Plan {
  /// The number format of convolutions and dense layers. Sums are in fp32 either way.
  public enum Precision: String, Sendable, Hashable, Codable, CaseIterable { case float32, bfloat16 }

  /// The purpose of a plan: how many rows, and what is asked.
  public struct Options: Sendable, Hashable {
    /// Examples of one batch.
    public var rows: Int
    /// Monte-Carlo draws of each row in one run; outputs then have rows · samples rows, draw by draw.
    public var samples: Int
    /// nil: without noise.
    public var path: NoisePath?
    /// Whether `backward()` gives the gradients for the inputs.
    public var inputGradient: Bool
    /// Whether `backward()` gives the gradients for the parameters.
    public var parameterGradients: Bool
    /// Which output `cotangent` belongs to.
    public var output: Int
    /// How many threads a run takes.
    public var threads: Int
    /// The format of products, where the CPU can.
    public var precision: Precision
    /// Normalize by the batch's own statistics, as in training, and report them in `batchStatistics`.
    public var batchStatistics: Bool
    /// Draws come in pairs of a draw and its negative: half the numbers, and odd errors cancel.
    public var antithetic: Bool
    /// Whether `backward()` may be run again with another cotangent, without a pass before it: nothing that it reads is
    /// overwritten, which takes memory.
    public var repeatsBackward: Bool

    /// A forward pass of so many rows, but for what is asked beside.
    public init(
      rows: Int, samples: Int = 1, path: NoisePath? = nil, inputGradient: Bool = false,
      parameterGradients: Bool = false, output: Int = 0, threads: Int = 1,
      precision: Precision = .float32, batchStatistics: Bool = false,
      antithetic: Bool = false, repeatsBackward: Bool = false
    ) {
      self.rows = rows
      self.samples = samples
      self.path = path
      self.inputGradient = inputGradient
      self.parameterGradients = parameterGradients
      self.output = output
      self.threads = threads
      self.precision = precision
      self.batchStatistics = batchStatistics
      self.antithetic = antithetic
      self.repeatsBackward = repeatsBackward
    }
  }

  /// The statistics that one normalization found in its batch.
  public struct BatchStatistics {
    /// The graph's constants that hold the running values.
    public let mean: ValueID, variance: ValueID
    /// Where the batch's mean is written, by channel.
    public let batchMean: UnsafeBufferPointer<Float>
    /// Biased: of n numbers, with n.
    public let batchVariance: UnsafeBufferPointer<Float>
    /// How many numbers each is made of.
    public let count: Int
  }
  /// By the graph's normalizations, where they were asked for.
  public let batchStatistics: [BatchStatistics]

  /// Whether this CPU multiplies bf16 numbers: else a plan in bf16 computes in fp32.
  public static var hasBfloat16: Bool { Kernels.hasBfloat16 }

  /// The options that it was made for.
  public let options: Options
  /// Bytes of the arena that intermediate values share.
  public let arenaBytes: Int
  /// Bytes that are this plan's alone beside the arena: inputs, outputs, gradients and small constants.
  public let ownBytes: Int
  /// By the graph's inputs: raw memory to write a batch to.
  public let inputs: [UnsafeMutableRawBufferPointer]
  /// By the graph's outputs.
  public let outputs: [UnsafeRawBufferPointer]
  /// The outputs' types, for all rows and samples.
  public let outputTypes: [TensorType]
  /// The gradient of the loss for output `options.output`, to be written before `backward()`.
  public let cotangent: UnsafeMutableBufferPointer<Float>
  /// The gradients for each input, empty where none was asked for or none arrives.
  public let inputGradients: [UnsafeBufferPointer<Float>]
  /// The gradients for all parameters, laid out as `ParameterBuffers` is.
  public let parameterGradients: UnsafeMutableBufferPointer<Float>

  private let forwardSteps: [Step], backwardSteps: [Step]
  private let state: RunState
  private let parameters: ParameterBuffers
  private let owned: [AnyObject]

  /// - Parameters:
  ///   - parameters: made of this graph.
  ///   - noise: what to place if `options.path` is set; by default the graph's own as it is served.
  public init(_ graph: Graph, parameters: ParameterBuffers, options: Options, noise: NoiseModel? = nil)
    throws(GraphError)
  {
    var compilation = try Compilation(graph, parameters, options, noise: noise)
    let result = try compilation.finish(), values = compilation.values
    self.options = options
    self.parameters = parameters
    (forwardSteps, backwardSteps, state) = (result.forward, result.backward, result.state)
    (owned, arenaBytes, ownBytes) = (result.owned, result.arenaBytes, result.ownBytes)
    inputs = result.inputs
    outputs = values.outputs.map {
      UnsafeRawBufferPointer(start: result.pointer($0), count: $0.type.byteCount)
    }
    outputTypes = values.outputs.map(\.type)
    batchStatistics = values.statistics.map {
      BatchStatistics(
        mean: $0.mean, variance: $0.variance, batchMean: UnsafeBufferPointer(result.floats($0.batchMean)),
        batchVariance: UnsafeBufferPointer(result.floats($0.batchVariance)), count: $0.count)
    }
    cotangent = result.floats(values.cotangent)
    inputGradients = values.inputGradients.map { UnsafeBufferPointer(result.floats($0)) }
    parameterGradients = result.parameterGradients
  }

  /// The gradient for one parameter; nil where none was asked for.
  public func parameterGradient(_ id: ValueID) -> UnsafeMutableBufferPointer<Float>? {
    guard let range = parameters.ranges[id], range.upperBound <= parameterGradients.count else { return nil }
    return UnsafeMutableBufferPointer(rebasing: parameterGradients[range])
  }

  /// Where each row's noise is drawn: its seed. To be written before `forward()` if there is noise.
  public var seeds: UnsafeMutableBufferPointer<UInt64> { state.seeds }
  /// The number of the first of `options.samples` draws.
  public var firstSample: UInt32 {
    get { state.firstSample }
    set { state.firstSample = newValue }
  }

  /// The share of the training that is done, which the schedules of noise follow without planning anew.
  public var noiseProgress: Double {
    get { state.progress }
    set { state.progress = newValue }
  }

  /// Computes the outputs of what lies in `inputs`.
  public func forward() {
    Kernels.setThreads(options.threads)
    for step in forwardSteps { step() }
  }

  /// Computes the gradients from `cotangent`, after `forward()`.
  public func backward() {
    Kernels.setThreads(options.threads)
    for step in backwardSteps { step() }
  }

  /// The float output `index`.
  public func output(_ index: Int = 0) -> UnsafeBufferPointer<Float> {
    outputs[index].bindMemory(to: Float.self)
  }
  /// The float input `index`, to write a batch to.
  public func input(_ index: Int = 0) -> UnsafeMutableBufferPointer<Float> {
    inputs[index].bindMemory(to: Float.self)
  }
}
