import CKernels

extension Kernels {
  /// Normalization by a batch's own statistics, by channel. Sums are of fixed parts of the batch, so no bit depends on
  /// the number of threads.
  package struct BatchNormalization: Sendable {
    private let shape: dk_channels
    private let epsilon: Float
    private let relu: Bool

    /// - Parameters:
    ///   - layout: of X, [N, C, points…], and of all that has its shape.
    ///   - relu: whether a ReLU follows; the gradient then begins behind it.
    /// - Returns: nil where channels do not lie as `KernelLayout.lanes` knows.
    package init?(_ layout: KernelLayout, epsilon: Float, relu: Bool) {
      guard let lanes = layout.lanes else { return nil }
      let dims = layout.dimensions
      shape = dk_channels(
        images: dims[0], planes: dims[1] / lanes, points: dims.dimensions[2...].reduce(1, *), lanes: lanes,
        bf16: layout.format == .bfloat16 ? 1 : 0)
      self.epsilon = epsilon
      self.relu = relu
    }

    /// Bytes that both directions need on the way, on a cache line.
    package var scratchBytes: Int {
      var shape = shape
      return dk_batch_norm_scratch(&shape)
    }

    /// y = (x − mean) / √(variance + epsilon) · scale + shift, then ReLU; the mean and the biased variance are results.
    package func run(
      _ y: UnsafeMutableRawPointer, _ x: UnsafeRawPointer, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
      mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer
    ) {
      var own = shape
      dk_batch_norm_parallel(y, x, scale, shift, mean, variance, epsilon, relu ? 1 : 0, scratch, &own)
    }

    /// The gradients for X, scale and shift from the upstream gradient g and what the forward pass had and gave.
    package func gradient(
      _ dx: UnsafeMutableRawPointer, dScale: UnsafeMutablePointer<Float>, dShift: UnsafeMutablePointer<Float>,
      _ g: UnsafeRawPointer, _ x: UnsafeRawPointer, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
      mean: UnsafePointer<Float>, variance: UnsafePointer<Float>, scratch: UnsafeMutableRawPointer
    ) {
      var own = shape
      dk_batch_norm_gradient_parallel(
        dx, dScale, dShift, g, x, scale, shift, mean, variance, epsilon, relu ? 1 : 0, scratch, &own)
    }
  }
}
