/// Lanczos' tridiagonalization of a symmetric operator, with all vectors kept orthogonal, and Gauss quadrature from it.
/// Source: Golub and Welsch 1969, Math. Comp. 23; Ubaru, Chen and Saad 2017, SIAM J. Matrix Anal. 38.
package enum Lanczos {
  package struct Result {
    /// Eigenvalues of the tridiagonal matrix and the squares of the first components of its eigenvectors, which sum to
    /// 1.
    package var nodes: [(value: Double, weight: Double)]
  }

  /// - Parameters:
  ///   - start: of length 1.
  ///   - first: its product, where that is known.
  package static func run(
    from start: [Float], steps: Int, first: [Float]? = nil, _ product: ([Float]) throws -> [Float]
  ) rethrows -> Result {
    var basis = [start], diagonal: [Double] = [], off: [Double] = []
    for step in 0..<steps {
      var next = if step == 0, let first { first } else { try product(basis[step]) }
      diagonal.append(Vectors.dot(next, basis[step]))
      // Orthogonalized twice, which is enough in floating point.
      for _ in 0..<2 { for vector in basis { next = Vectors.add(next, -Vectors.dot(next, vector), vector) } }
      let length = Vectors.length(next)
      let scale = max(diagonal.map { abs($0) }.max() ?? 0, 1e-300)
      guard step + 1 < steps, length > 1e-6 * scale else { break }
      off.append(length)
      basis.append(Vectors.scaled(next, 1 / length))
    }
    return Result(nodes: eigen(diagonal, off))
  }

  /// Eigenvalues of a symmetric tridiagonal matrix: implicit QR steps, which carry the first row of the eigenvectors
  /// along.
  package static func eigen(_ diagonal: [Double], _ offDiagonal: [Double]) -> [(value: Double, weight: Double)] {
    let n = diagonal.count
    var d = diagonal, e = offDiagonal + [Double](repeating: 0, count: max(n - offDiagonal.count, 0))
    var first = [Double](repeating: 0, count: n)
    if n > 0 { first[0] = 1 }
    for l in 0..<n {
      for _ in 0..<60 {
        // The first negligible element at or behind l.
        var m = l
        while m < n - 1, abs(e[m]) > 1e-15 * (abs(d[m]) + abs(d[m + 1])) { m += 1 }
        guard m > l else { break }
        // Wilkinson's shift.
        var g = (d[l + 1] - d[l]) / (2 * e[l]), r = (g * g + 1).squareRoot()
        g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r))
        var (s, c, p) = (1.0, 1.0, 0.0), isDeflated = false
        for i in stride(from: m - 1, through: l, by: -1) {
          let f = s * e[i], b = c * e[i]
          r = (f * f + g * g).squareRoot()
          e[i + 1] = r
          guard r > 0 else {
            d[i + 1] -= p
            e[m] = 0
            isDeflated = true
            break
          }
          (s, c) = (f / r, g / r)
          g = d[i + 1] - p
          r = (d[i] - g) * s + 2 * c * b
          p = s * r
          d[i + 1] = g + p
          g = c * r - b
          let carried = first[i + 1]
          first[i + 1] = s * first[i] + c * carried
          first[i] = c * first[i] - s * carried
        }
        if isDeflated { continue }
        d[l] -= p
        e[l] = g
        e[m] = 0
      }
    }
    return zip(d, first).map { ($0, $1 * $1) }
  }
}
