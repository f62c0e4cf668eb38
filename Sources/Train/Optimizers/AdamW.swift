import DitherBasics
import DitherTensor

/// Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv 1711.05101).
public struct AdamW: AdamFamily {
  public static let name = "adamw"
  static let isDecoupled = true
  public var rate = 0.001
  /// The decay of the first moment, the mean of gradients.
  public var beta1 = 0.9
  /// The decay of the second moment, the mean of their squares.
  public var beta2 = 0.999
  /// Added to the root of the second moment.
  public var epsilon = 1e-8
  /// The share of a weight that goes with each step, times the rate.
  public var decay = 0.01
  /// Whether biases and normalizations are spared it.
  public var decaysWeightsOnly = false
  private enum CodingKeys: String, CodingKey {
    case rate, beta1, beta2, epsilon, decay
    case decaysWeightsOnly = "decay_weights_only"
  }
  public init() {}
}
