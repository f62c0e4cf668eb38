import CKernels
import DitherTensor
import Testing

extension KernelTests {
  /// Against the definitions in fp64, and the bits of one, two and four threads.
  @Suite("of normalization, and of large products")
  struct NormalizationKernelTests {
    struct Channels: CustomTestStringConvertible, Sendable {
      var images: Int, planes: Int, points: Int, lanes: Int
      var isBfloat16 = false
      var count: Int { images * planes * points * lanes }
      var channels: Int { planes * lanes }
      var testDescription: String { "[\(images), \(planes), \(points), \(lanes)]\(isBfloat16 ? ", bf16" : "")" }
      func channel(of index: Int) -> Int { index / (points * lanes) % planes * lanes + index % lanes }
    }

    static let layouts = [
      Channels(images: 8, planes: 2, points: 64, lanes: 16), Channels(images: 9, planes: 3, points: 700, lanes: 8),
      Channels(images: 67, planes: 1, points: 1, lanes: 37), Channels(images: 5, planes: 6, points: 25, lanes: 1),
      Channels(images: 3, planes: 1, points: 49, lanes: 40), Channels(images: 1, planes: 1, points: 5, lanes: 16),
      Channels(images: 32, planes: 2, points: 256, lanes: 16),
      Channels(images: 32, planes: 2, points: 256, lanes: 16, isBfloat16: true),
      Channels(images: 6, planes: 1, points: 81, lanes: 24, isBfloat16: true),
    ]

    private static func halves(_ x: [Float]) -> [UInt16] { x.map { UInt16($0.bitPattern >> 16) } }
    private static func widened(_ x: [UInt16]) -> [Float] { x.map { Float(bitPattern: UInt32($0) << 16) } }

    private struct Found: Equatable {
      var y: [Float], mean: [Float], variance: [Float], dx: [Float], dScale: [Float], dShift: [Float]
    }

    private static func run(
      _ own: Channels, _ x: [Float], _ g: [Float], _ scale: [Float], _ shift: [Float], relu: Bool, threads: Int
    ) -> Found {
      Kernels.setThreads(threads)
      defer { Kernels.setThreads(1) }
      var shape = dk_channels(
        images: own.images, planes: own.planes, points: own.points, lanes: own.lanes, bf16: own.isBfloat16 ? 1 : 0)
      let none = [Float](repeating: .nan, count: own.channels)
      var found = Found(y: [], mean: none, variance: none, dx: [], dScale: none, dShift: none)
      let scratch = AlignedBuffer(byteCount: dk_batch_norm_scratch(&shape)), on: Int32 = relu ? 1 : 0
      defer { withExtendedLifetime(scratch) {} }
      if own.isBfloat16 {
        var y = [UInt16](repeating: 0, count: own.count), dx = y
        dk_batch_norm_parallel(
          &y, halves(x), scale, shift, &found.mean, &found.variance, 1e-5, on, scratch.base, &shape)
        dk_batch_norm_gradient_parallel(
          &dx, &found.dScale, &found.dShift, halves(g), halves(x), scale, shift, found.mean, found.variance, 1e-5, on,
          scratch.base, &shape)
        (found.y, found.dx) = (widened(y), widened(dx))
      } else {
        var y = [Float](repeating: 0, count: own.count), dx = y
        dk_batch_norm_parallel(&y, x, scale, shift, &found.mean, &found.variance, 1e-5, on, scratch.base, &shape)
        dk_batch_norm_gradient_parallel(
          &dx, &found.dScale, &found.dShift, g, x, scale, shift, found.mean, found.variance, 1e-5, on, scratch.base,
          &shape)
        (found.y, found.dx) = (y, dx)
      }
      return found
    }

    @Test("normalization by a batch's statistics and its gradients", arguments: layouts, [false, true])
    func normalization(_ own: Channels, relu: Bool) {
      func normals(_ count: Int, _ site: UInt32) -> [Float] {
        let drawn = NoiseAddress(seed: 9, site: site).normals(count)
        return own.isBfloat16 ? Self.widened(Self.halves(drawn)) : drawn
      }
      // Channels far from zero: sums of squares alone would lose their digits.
      let offsets = normals(own.channels, 5).map { (20 * $0).rounded() }
      var x = normals(own.count, 1)
      for i in x.indices { x[i] += offsets[own.channel(of: i)] }
      if own.isBfloat16 { x = Self.widened(Self.halves(x)) }
      let g = normals(own.count, 2), scale = normals(own.channels, 3), shift = normals(own.channels, 4)
      let found = Self.run(own, x, g, scale, shift, relu: relu, threads: 1)
      for threads in [2, 4] {
        let other = Self.run(own, x, g, scale, shift, relu: relu, threads: threads)
        #expect(other == found, "\(threads) threads")
      }
      Self.compare(found, own, x, g, scale, shift, relu: relu)
    }

    /// Holds each channel against its definition.
    private static func compare(
      _ found: Found, _ own: Channels, _ x: [Float], _ g: [Float], _ scale: [Float], _ shift: [Float], relu: Bool
    ) {
      let n = Double(own.images * own.points), close = own.isBfloat16 ? 0.02 : 1e-3
      for channel in 0..<own.channels {
        let at = x.indices.filter { own.channel(of: $0) == channel }, values = at.map { Double(x[$0]) }
        let mean = values.reduce(0, +) / n
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
        let inverse = 1 / (variance + 1e-5).squareRoot(), factor = Double(scale[channel])
        let results = values.map { ($0 - mean) * inverse * factor + Double(shift[channel]) }
        let upstream = zip(at, results).map { relu && $1 <= 0 ? 0 : Double(g[$0]) }
        let dShift = upstream.reduce(0, +)
        let dScale = zip(upstream, values).reduce(0) { $0 + $1.0 * ($1.1 - mean) * inverse }
        #expect(abs(Double(found.mean[channel]) - mean) < 1e-4)
        #expect(abs(Double(found.variance[channel]) - variance) < 1e-4 * (1 + variance))
        // A result within rounding of 0 may be on either side of the ReLU.
        if relu, results.contains(where: { abs($0) < 1e-4 }) { continue }
        #expect(abs(Double(found.dShift[channel]) - dShift) < 1e-3 * (1 + n.squareRoot()))
        #expect(abs(Double(found.dScale[channel]) - dScale) < 1e-3 * (1 + n.squareRoot()))
        for (i, place) in at.enumerated() {
          let y = relu ? max(results[i], 0) : results[i]
          let away = (values[i] - mean) * inverse
          let dx = factor * inverse * (upstream[i] - dShift / n - away * dScale / n)
          let yError = abs(Double(found.y[place]) - y), dxError = abs(Double(found.dx[place]) - dx)
          #expect(yError < close * (1 + abs(y)) && dxError < close * (1 + abs(dx)), "\(place)")
        }
      }
    }

    @Test("channels that are constant have no variance; what is no number stays so")
    func edges() {
      let own = Channels(images: 4, planes: 1, points: 3, lanes: 2)
      var x = (0..<own.count).map { $0 % 2 == 0 ? Float(1e6) : 2 }
      x[1] = .nan
      let found = Self.run(own, x, x, [1, 1], [0.5, 0], relu: true, threads: 1)
      #expect(found.variance[0] == 0 && found.mean[0] == 1e6 && found.variance[1].isNaN)
      let constant = stride(from: 0, to: own.count, by: 2).allSatisfy { found.y[$0] == 0.5 }
      #expect(constant && found.y[3].isNaN)
    }

    /// Sizes on both sides of where products are divided, in each arrangement.
    @Test(
      "products have the bits of one thread on two and four, and the sums of their definition",
      arguments: [(128, 512, 784), (80, 512, 784), (512, 784, 80), (40, 30, 20), (1000, 500, 300)])
    func products(_ m: Int, _ n: Int, _ k: Int) {
      let a = NoiseAddress(seed: 1).normals(m * k), b = NoiseAddress(seed: 2).normals(k * n)
      let first = AlignedBuffer(floats: m * k), second = AlignedBuffer(floats: k * n)
      _ = first.floats.update(fromContentsOf: a)
      _ = second.floats.update(fromContentsOf: b)
      for (left, right) in [(false, false), (false, true), (true, false), (true, true)] {
        let results = [1, 2, 4].map { threads in
          Kernels.setThreads(threads)
          var c = [Float](repeating: 1, count: m * n)
          withExtendedLifetime((first, second)) {
            let x = Kernels.Matrix(
              first.base.assumingMemoryBound(to: Float.self), rowStride: left ? m : k, isTransposed: left)
            let w = Kernels.Matrix(
              second.base.assumingMemoryBound(to: Float.self), rowStride: right ? k : n, isTransposed: right)
            Kernels.product(&c, x, w, m, n, k, beta: 1)
          }
          return c
        }
        Kernels.setThreads(1)
        #expect(results[1] == results[0] && results[2] == results[0], "\(left), \(right)")
        for index in stride(from: 0, to: m * n, by: max(m * n / 97, 1)) {
          let (row, column) = (index / n, index % n)
          let sum = (0..<k).reduce(1.0) { sum, i in
            let x = left ? a[i * m + row] : a[row * k + i], w = right ? b[column * k + i] : b[i * n + column]
            return sum + Double(x) * Double(w)
          }
          #expect(abs(Double(results[0][index]) - sum) < 1e-3 * Double(k).squareRoot(), "\(left), \(right), \(index)")
        }
      }
    }
  }
}
