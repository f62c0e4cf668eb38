import DitherBasics
import DitherGraph
import DitherTensor

/// Moves parameters along gradients.
public protocol Optimizer: Codable, Sendable, Ranged {
  /// Its name in recipes.
  static var name: String { get }
  /// Whether it finds a distribution of the parameters, whose ``deviations(of:)`` weights are then served with.
  static var hasPosterior: Bool { get }
  /// The defaults, over which a recipe's parameters are laid.
  init()
  /// The learning rate that the schedule scales.
  var rate: Double { get }
  /// How many buffers of the parameters' size it keeps between steps.
  var stateCount: Int { get }
  /// Moves one parameter before the pass of a step: where it leaves the values, the gradient is taken; `update` must
  /// find its own way back. Nothing by default.
  /// - Parameters:
  ///   - parameter: with a gradient that says nothing yet.
  ///   - step: counts from 1.
  func prepare(_ parameter: ParameterView, step: Int)
  /// The standard deviations that the optimizer's posterior gives the numbers of one parameter; none by default.
  func deviations(of parameter: ParameterView) -> [Float]
  /// Moves one parameter by one step, in place.
  /// - Parameters:
  ///   - parameter: one weight or bias of the network with its gradient and state.
  ///   - rate: the scheduled learning rate of this step.
  ///   - step: counts from 1.
  func update(_ parameter: ParameterView, rate: Double, step: Int)
}

extension Optimizer {
  public func prepare(_ parameter: ParameterView, step: Int) {}
  public static var hasPosterior: Bool { false }
  public func deviations(of parameter: ParameterView) -> [Float] { [] }
}

/// One trained parameter as an optimizer sees it, for the time of one call.
public struct ParameterView {
  /// Its name in the graph, as `dense0.weight`.
  public let name: String
  /// The shape in which its numbers lie, row-major: [outputs, inputs, …] of a weight, [outputs] of a bias.
  public let shape: Shape
  /// Whether it is a weight of a layer or a table: biases, and the scales and shifts of normalizations, are vectors.
  public var isWeight: Bool { shape.rank > 1 }
  /// Whether it is the learned strength of a noise, which does not decay: 0 means nothing to it.
  public var isDeviation: Bool { LearnedDeviation.isName(name) }
  /// The numbers, to be moved.
  public let values: UnsafeMutableBufferPointer<Float>
  /// The gradient of the mean loss of the batch, as many numbers.
  public let gradient: UnsafeBufferPointer<Float>
  /// `stateCount` buffers of as many numbers, zero before the first step.
  public let state: [UnsafeMutableBufferPointer<Float>]
  /// For optimizers that draw: another address for each run, step and parameter.
  public let address: NoiseAddress
  /// Examples of the training, whose mean loss the gradient is of: what samplers of a posterior scale their noise by.
  public let examples: Int
  /// Times which the optimizer's decay is taken.
  public let decayFactor: Double

  public init(
    name: String, shape: Shape, values: UnsafeMutableBufferPointer<Float>, gradient: UnsafeBufferPointer<Float>,
    state: [UnsafeMutableBufferPointer<Float>], address: NoiseAddress, examples: Int = 1,
    decayFactor: Double = 1
  ) {
    precondition(
      values.count == shape.count && gradient.count == shape.count && state.allSatisfy { $0.count == shape.count },
      "values, gradient and state of one parameter have as many numbers as its shape")
    self.name = name
    self.shape = shape
    self.values = values
    self.gradient = gradient
    self.state = state
    self.address = address
    self.examples = max(examples, 1)
    self.decayFactor = decayFactor
  }
}

extension Catalog where Entry == any Optimizer.Type {
  /// Every optimizer that a recipe may name.
  public static let optimizers = Catalog(
    "optimizer", [SGD.self, Adam.self, AdamW.self, SGLD.self, PreconditionedSGLD.self, IVON.self], name: { $0.name })
}

/// An optimizer that draws parameters to 0.
protocol DecayingOptimizer: Optimizer {
  /// How strongly.
  var decay: Double { get }
  /// Whether biases and normalizations are spared it.
  var decaysWeightsOnly: Bool { get }
}

extension DecayingOptimizer {
  func decay(of parameter: ParameterView) -> Double {
    parameter.isDeviation || decaysWeightsOnly && !parameter.isWeight ? 0 : decay * parameter.decayFactor
  }
}

extension Optimizer {
  /// The bounds of what every optimizer has.
  func require(rate: Double, decay: Double) throws(CatalogError) {
    try require((0...1000).contains(rate), "rate", "0 to 1000", rate)
    try require((0...1000).contains(decay), "decay", "0 to 1000", decay)
  }
  /// A share that stays below 1.
  func require(share: Double, _ parameter: String) throws(CatalogError) {
    try require((0..<1).contains(share), parameter, "0 to below 1", share)
  }
}
