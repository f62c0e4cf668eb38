import CKernels

/// Updates of parameters, in PyTorch's conventions.
extension Kernels {
  /// g += decay · w; v = g at first, then momentum · v + g; w −= rate · (v, or g + momentum · v by Nesterov).
  package static func sgd(
    _ w: UnsafeMutablePointer<Float>?, _ g: UnsafePointer<Float>?, _ v: UnsafeMutablePointer<Float>?, _ count: Int,
    rate: Float, momentum: Float, decay: Float, nesterov: Bool, isFirst: Bool
  ) {
    dk_sgd(w, g, v, count, rate, momentum, decay, nesterov ? 1 : 0, isFirst ? 1 : 0)
  }
  /// Adam, or AdamW where the decay is `decoupled`; m and v are the moments, steps count from 1.
  package static func adam(
    _ w: UnsafeMutablePointer<Float>?, _ g: UnsafePointer<Float>?, _ m: UnsafeMutablePointer<Float>?,
    _ v: UnsafeMutablePointer<Float>?, _ count: Int, rate: Float, beta1: Float, beta2: Float, epsilon: Float,
    decay: Float, decoupled: Bool, step: Int
  ) {
    dk_adam(w, g, m, v, count, rate, beta1, beta2, epsilon, decay, decoupled ? 1 : 0, UInt64(step))
  }
}
