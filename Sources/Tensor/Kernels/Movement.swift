import CKernels

extension Kernels {
  /// The result, contiguous over `dims`, gathers from its source by `strides`: transposes, slices, expansions.
  /// - Parameter size: of an element: 1, 4 or 8 bytes.
  package static func copy(
    _ out: UnsafeMutableRawPointer, _ x: UnsafeRawPointer, _ dims: [Int64], _ strides: [Int64], size: Int
  ) {
    dk_copy_strided(out, x, Int32(dims.count), dims, strides, size)
  }
  /// The inverse, for gradients of slices; what is between stays as it is.
  package static func scatter(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ dims: [Int64], _ strides: [Int64]
  ) {
    dk_scatter_strided(out, x, Int32(dims.count), dims, strides)
  }
  /// x is contiguous over `dims`; the `count` results have strides of their own, 0 along axes that are summed.
  package static func reduceSum(
    _ out: UnsafeMutablePointer<Float>, _ count: Int, _ x: UnsafePointer<Float>, _ dims: [Int64], _ strides: [Int64]
  ) {
    dk_reduce_sum(out, count, x, Int32(dims.count), dims, strides)
  }
  /// The same with the maximum.
  package static func reduceMax(
    _ out: UnsafeMutablePointer<Float>, _ count: Int, _ x: UnsafePointer<Float>, _ dims: [Int64], _ strides: [Int64]
  ) {
    dk_reduce_max(out, count, x, Int32(dims.count), dims, strides)
  }
  /// y[r, :] = x for every row.
  package static func fillRows(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ rows: Int, _ length: Int
  ) {
    dk_fill_rows(y, x, rows, length)
  }
}
