import DitherBasics

/// The exponential moving average of the parameters: Polyak and Juditsky 1992, with weights that fall. The first steps
/// count less long: at step t the decay is at most (1 + t) / (10 + t), as in TensorFlow's `ExponentialMovingAverage`.
public struct EMA: Average {
  public static let name = "ema"
  /// The mean's share that stays at a step.
  public var decay = 0.999
  public init() {}

  public func check() throws(CatalogError) {
    try require((0..<1).contains(decay), "decay", "0 to below 1", decay)
  }

  public func take(
    _ values: UnsafeMutableBufferPointer<Float>, number: Int, progress: Double,
    into mean: UnsafeMutableBufferPointer<Float>
  ) {
    let t = Double(number)
    mix(1 - min(decay, (1 + t) / (10 + t)), of: values, into: mean)
  }
}
