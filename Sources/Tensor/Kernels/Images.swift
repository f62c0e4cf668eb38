import CKernels

/// Images whose channels lie in blocks of 8 or 16: [N, C / block, H, W, block].
extension Kernels {
  /// The largest number of each window of each of the N · C / block planes; NaN where there is one.
  package static func parallelMaxPool(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, planes: Int, block: Int, _ shape: ConvolutionShape
  ) {
    var window = shape.window
    dk_max_pool_parallel(y, x, planes, Int32(block), &window)
  }
  /// Its gradient for x from the upstream gradient g. Where maxima tie it goes to the first.
  package static func parallelMaxPoolGradient(
    _ dx: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
    planes: Int, block: Int, _ shape: ConvolutionShape
  ) {
    var window = shape.window
    dk_max_pool_gradient_parallel(dx, g, x, y, planes, Int32(block), &window)
  }

  /// The gradient of a convolution for an input of few channels.
  package struct ThinGradient: Sendable {
    private let shape: ConvolutionShape
    /// Bytes that it needs on the way, on a cache line.
    package let scratchBytes: Int

    /// - Returns: nil where the input has too many channels, or windows too many places.
    package init?(_ shape: ConvolutionShape) {
      let taps = shape.inChannels * shape.kernelHeight * shape.kernelWidth
      guard !shape.isVolume, shape.groups == 1, shape.inChannels <= 4, taps <= Int(DK_MOST_TAPS) else { return nil }
      self.shape = shape
      var window = shape.window
      scratchBytes = dk_thin_gradient_scratch(shape.batch, Int64(shape.inChannels), Int64(shape.outChannels), &window)
    }

    /// dx is plain [N, inputs, H, W], g is in blocks, weights are plain [channels, inputs, kH, kW].
    package func run(
      _ dx: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
      scratch: UnsafeMutableRawPointer, block: Int
    ) {
      var window = shape.window
      dk_thin_gradient_parallel(
        dx, g, weights, scratch, shape.batch, Int64(shape.inChannels), Int64(shape.outChannels), Int32(block), &window)
    }
  }

  /// The Gram matrix of a window's patches, [P, P] with P the places of the result, from that of the pixels.
  package static func patchGram(
    _ patches: UnsafeMutablePointer<Double>, _ pixels: UnsafePointer<Float>, _ shape: ConvolutionShape
  ) {
    var window = shape.window
    dk_patch_gram(patches, pixels, &window)
  }
  /// L with L Lᵀ = g + jitter · the largest of g's diagonal; the lower triangle, the rest 0. g is overwritten.
  package static func cholesky(
    _ factor: UnsafeMutablePointer<Float>, _ g: UnsafeMutablePointer<Double>, _ size: Int, jitter: Double
  ) {
    dk_cholesky(factor, g, size, jitter)
  }
}
