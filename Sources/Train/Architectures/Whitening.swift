import DitherTensor

/// Filters that whiten small patches of pictures: eigenvectors of the patches' covariance, each over the root of its
/// eigenvalue.
enum Whitening {
  /// Pictures that the covariance is taken of, the first ones.
  private static let mostPictures = 5000
  /// Added to eigenvalues.
  private static let floor = 5e-4

  /// - Parameters:
  ///   - pictures: [N, C, H, W], at least one.
  ///   - size: pixels of a patch's side, at most those of a picture.
  /// - Returns: [2 C size², C, size, size]: each filter, those of large eigenvalues first, then their negatives.
  static func filters(of pictures: Tensor, size: Int) -> Tensor {
    let shape = pictures.shape, channels = shape[1], height = shape[2], width = shape[3]
    let count = min(shape[0], mostPictures), length = channels * size * size
    var sums = [Double](repeating: 0, count: length), products = [Double](repeating: 0, count: length * length)
    var patch = sums, patches = 0.0
    pictures.elements.withUnsafeBufferPointer { pixels in
      for picture in 0..<count {
        for y in 0...(height - size) {
          for x in 0...(width - size) {
            var at = 0
            for channel in 0..<channels {
              let plane = (picture * channels + channel) * height
              for row in 0..<size {
                for column in 0..<size {
                  patch[at] = Double(pixels[(plane + y + row) * width + x + column])
                  at += 1
                }
              }
            }
            for i in 0..<length {
              sums[i] += patch[i]
              for j in i..<length { products[i * length + j] += patch[i] * patch[j] }
            }
            patches += 1
          }
        }
      }
    }
    var covariance = products
    for i in 0..<length {
      for j in i..<length {
        let found = products[i * length + j] / patches - sums[i] / patches * sums[j] / patches
        covariance[i * length + j] = found
        covariance[j * length + i] = found
      }
    }
    let (values, vectors) = eigen(covariance, length)
    let order = (0..<length).sorted { values[$0] > values[$1] }
    var filters: [Float] = []
    for at in order {
      let factor = 1 / (max(values[at], 0) + floor).squareRoot()
      filters += (0..<length).map { Float(vectors[$0 * length + at] * factor) }
    }
    return Tensor([2 * length, channels, size, size], filters + filters.map { -$0 })
  }

  /// Eigenvalues and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations: Golub and Van Loan, Matrix
  /// Computations, 8.5.
  static func eigen(_ matrix: [Double], _ n: Int) -> (values: [Double], vectors: [Double]) {
    var a = matrix, v = [Double](repeating: 0, count: n * n)
    for i in 0..<n { v[i * n + i] = 1 }
    for _ in 0..<100 {
      var off = 0.0, all = 0.0
      for i in 0..<n {
        for j in 0..<n {
          let square = a[i * n + j] * a[i * n + j]
          if i == j { all += square } else { off += square }
        }
      }
      if off <= 1e-22 * all { break }
      for p in 0..<n {
        for q in (p + 1)..<max(n, p + 1) where a[p * n + q] != 0 {
          let tau = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q])
          let t = (tau >= 0 ? 1 : -1) / (abs(tau) + (1 + tau * tau).squareRoot())
          let c = 1 / (1 + t * t).squareRoot(), s = t * c
          for k in 0..<n {
            let (x, y) = (a[k * n + p], a[k * n + q])
            (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y)
          }
          for k in 0..<n {
            let (x, y) = (a[p * n + k], a[q * n + k])
            (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y)
            let (u, w) = (v[k * n + p], v[k * n + q])
            (v[k * n + p], v[k * n + q]) = (c * u - s * w, s * u + c * w)
          }
        }
      }
    }
    return ((0..<n).map { a[$0 * n + $0] }, v)
  }
}
