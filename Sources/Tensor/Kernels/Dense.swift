import CKernels
import COneDNN

extension Kernels {
  /// y = bias + x W of one row, then a ReLU; W is [k, n], or as its transpose [n, k].
  package static func rowProduct(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
    _ bias: UnsafePointer<Float>?, _ k: Int, _ n: Int, transposed: Bool, relu: Bool = false
  ) {
    if transposed {
      dk_gemv_transposed(y, x, w, bias, k, n, relu ? 1 : 0)
    } else {
      dk_gemv(y, x, w, bias, k, n, relu ? 1 : 0)
    }
  }

  /// A matrix as it is stored, row-major, and whether it enters as its transpose.
  package struct Matrix {
    let start: UnsafePointer<Float>
    let rowStride: Int
    let isTransposed: Bool
    package init(_ start: UnsafePointer<Float>, rowStride: Int, isTransposed: Bool = false) {
      self.start = start
      self.rowStride = rowStride
      self.isTransposed = isTransposed
    }
  }

  /// c [m, n] = alpha · a b + beta · c, row-major.
  package static func product(
    _ c: UnsafeMutablePointer<Float>, _ a: Matrix, _ b: Matrix, _ m: Int, _ n: Int, _ k: Int, alpha: Float = 1,
    beta: Float = 0
  ) {
    let status = dn_sgemm(
      a.isTransposed ? 1 : 0, b.isTransposed ? 1 : 0, Int64(m), Int64(n), Int64(k), alpha, a.start,
      Int64(a.rowStride), b.start, Int64(b.rowStride), beta, c, Int64(n))
    // No input reaches it: who planned the product has checked its extents, and oneDNN refuses nothing else.
    precondition(status == 0, "oneDNN refuses a product whose shapes were checked")
  }
}
