import CKernels

extension Kernels {
  /// ‖x‖ of each row.
  package static func rowNorms(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ rows: Int, _ length: Int
  ) {
    dk_row_norms(out, x, rows, length)
  }
  /// Softmax of each row, or its logarithm.
  package static func softmax(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ rows: Int, _ length: Int, logarithm: Bool
  ) {
    dk_softmax(out, x, rows, length, logarithm ? 1 : 0)
  }
  /// The gradient from the output y: y (g − Σ g y), or g − exp(y) Σ g.
  package static func softmaxGradient(
    _ out: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ rows: Int,
    _ length: Int, logarithm: Bool
  ) {
    dk_softmax_gradient(out, g, y, rows, length, logarithm ? 1 : 0)
  }
  /// losses[r] = ln Σ exp(z_r) − z_r[label], gradient[r, :] = weight_r (softmax(z_r) − one at the label); either may be
  /// nil. The label's share is minus the sum of the others', so that it does not round to 0.
  package static func crossEntropy(
    _ losses: UnsafeMutablePointer<Float>?, _ gradient: UnsafeMutablePointer<Float>?, _ z: UnsafePointer<Float>?,
    _ labels: [Int32], _ weights: [Float], _ rows: Int, _ classes: Int
  ) {
    dk_cross_entropy(losses, gradient, z, labels, weights, rows, classes)
  }
}
