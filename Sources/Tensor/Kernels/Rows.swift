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
}
