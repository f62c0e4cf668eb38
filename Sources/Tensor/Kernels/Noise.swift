import CKernels

extension Kernels {
  /// For each row r and draw s: out[s · rows + r, :] = y[r, :] + factor · scale[r] · normals, drawn at (seeds[r], site,
  /// first + s).
  /// - Parameters:
  ///   - scale: [rows], or [rows, length] where `scalesElements`.
  ///   - antithetic: draws 2 i and 2 i + 1 are draw i and its negative.
  package static func addRowNoise(
    _ out: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ scale: UnsafePointer<Float>, scalesElements: Bool,
    rows: Int, samples: Int, _ length: Int, factor: Float, seeds: UnsafePointer<UInt64>?, site: UInt32, first: UInt32,
    antithetic: Bool
  ) {
    dk_row_noise(
      out, y, scale, scalesElements ? 1 : 0, rows, samples, length, factor, seeds, site, first, antithetic ? 1 : 0)
  }
}
