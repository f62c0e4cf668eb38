import CKernels

/// Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv 1711.05101).
public struct AdamW: Optimizer {
  public static let name = "adamw"
  public static let stateCount = 2
  public var rate = 0.001
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-8
  public var decay = 0.01
  public init() {}
  public func update(
    _ weights: UnsafeMutableBufferPointer<Float>, _ gradients: UnsafeBufferPointer<Float>,
    state: [UnsafeMutableBufferPointer<Float>], rate: Double, step: Int
  ) {
    dk_adam(
      weights.baseAddress, gradients.baseAddress, state[0].baseAddress, state[1].baseAddress, weights.count,
      Float(rate),
      Float(beta1), Float(beta2), Float(epsilon), Float(decay), 1, UInt64(step))
  }
}
