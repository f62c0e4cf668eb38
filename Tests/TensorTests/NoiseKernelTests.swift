import CKernels
import DitherTensor
import Foundation
import Testing

extension KernelTests {
  @Suite("of noise")
  struct NoiseKernelTests {
    struct KnownAnswer: CustomTestStringConvertible, Sendable {
      let start: UInt64, site: UInt32, sample: UInt32, stream: UInt32, seed: UInt64
      let words: [UInt32]
      var testDescription: String { "\(start) \(site) \(sample) \(stream), key \(seed)" }
    }

    /// Of Random123 (Salmon et al. 2011), kat_vectors, philox4x32-10.
    static let knownAnswers = [
      KnownAnswer(
        start: 0, site: 0, sample: 0, stream: 0, seed: 0, words: [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
      KnownAnswer(
        start: 0x3_FFFF_FFFC, site: .max, sample: .max, stream: .max, seed: .max,
        words: [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]),
      KnownAnswer(
        start: 4 * 0x243F_6A88, site: 0x85A3_08D3, sample: 0x1319_8A2E, stream: 0x0370_7344,
        seed: 0x299F_31D0_A409_3822,
        words: [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]),
    ]

    @Test("Philox gives the published numbers", arguments: knownAnswers)
    func philox(_ known: KnownAnswer) {
      var out = [UInt32](repeating: 0, count: 4)
      dk_bits(&out, 4, known.start, known.seed, known.site, known.sample, known.stream)
      #expect(out == known.words)
    }

    @Test("every clone gives the same bits", arguments: [1, 3, 4, 17, 1023, 5000], [0, 1, 7, 4096] as [UInt64])
    func clones(_ count: Int, _ start: UInt64) {
      let weights = NoiseAddress(seed: 9).normals(count), scale: [Float] = [0.3, 2], seeds: [UInt64] = [11, 12]
      let kernels: [(Int, (UnsafeMutablePointer<Float>) -> Void)] = [
        (count, { dk_uniforms($0, count, start, 42, 3, 5) }),
        (count, { dk_normals($0, count, start, 42, 3, 5) }),
        (count, { dk_add_normals($0, weights, count, 0.1, start, 42, 3, 5) }),
        (count / 2 * 6, { dk_row_noise($0, weights, scale, 0, 2, 3, count / 2, 0.5, seeds, 3, 5, 0) }),
      ]
      for (length, kernel) in kernels where length > 0 {
        let results = onEveryLevel(length, kernel).map { $0.map(\.bitPattern) }
        #expect(Set(results).count == 1)
      }
    }

    @Test("a draw is the same from wherever the run of draws begins")
    func positions() {
      let address = NoiseAddress(seed: 1, site: 2, sample: 3), whole = address.normals(3000)
      for start in [1, 2, 5, 255, 1024, 2047] {
        var part = [Float](repeating: 0, count: 100)
        part.withUnsafeMutableBufferPointer { address.normals($0, from: start) }
        #expect(part == Array(whole[start..<start + 100]))
        #expect(address.normal(start) == whole[start])
      }
    }

    @Test("normals have the normal's moments and tails")
    func moments() {
      let count = 1 << 22, values = NoiseAddress(seed: 2024, site: 1).normals(count), n = Double(count)
      var sums = [0.0, 0, 0, 0], beyond = [0, 0, 0, 0], largest: Float = 0
      for value in values {
        let x = Double(value), square = x * x
        sums[0] += x
        sums[1] += square
        sums[2] += square * x
        sums[3] += square * square
        let distance = abs(value)
        largest = max(largest, distance)
        for (index, bound) in [Float(1), 2, 3, 4].enumerated() where distance > bound { beyond[index] += 1 }
      }
      // Moments 0, 1, 0, 3, whose estimates have variances 1, 2, 15 and 96 over n.
      for (sum, (expected, variance)) in zip(sums, [(0.0, 1.0), (1, 2), (0, 15), (3, 96)]) {
        #expect(abs(sum / n - expected) < 5 * (variance / n).squareRoot())
      }
      for (index, bound) in [1.0, 2, 3, 4].enumerated() {
        let p = erfc(bound / 2.0.squareRoot())
        #expect(abs(Double(beyond[index]) - n * p) < 5 * (n * p * (1 - p)).squareRoot(), "beyond \(bound)")
      }
      #expect(largest > 4.5 && largest < 6.8)
    }

    @Test("uniforms fill (0, 1) evenly, without its ends")
    func uniforms() {
      let count = 1 << 20, values = NoiseAddress(seed: 3).uniforms(count)
      var bins = [Double](repeating: 0, count: 64)
      for value in values { bins[min(Int(value * 64), 63)] += 1 }
      let expected = Double(count) / 64,
        chiSquare = bins.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
      #expect(chiSquare > 25 && chiSquare < 120)  // 63 degrees of freedom
      #expect(values.allSatisfy { $0 > 0 && $0 < 1 })
    }

    @Test("other seeds, sites and samples give other numbers, uncorrelated with these")
    func streams() {
      let count = 1 << 16, first = NoiseAddress(seed: 1, site: 1, sample: 1).normals(count)
      for address in [
        NoiseAddress(seed: 2, site: 1, sample: 1), NoiseAddress(seed: 1 << 32 | 1, site: 1, sample: 1),
        NoiseAddress(seed: 1, site: 2, sample: 1), NoiseAddress(seed: 1, site: 1, sample: 2),
      ] {
        let product = zip(first, address.normals(count)).reduce(0.0) { $0 + Double($1.0 * $1.1) }
        #expect(abs(product) < 5 * Double(count).squareRoot())
      }
    }
  }
}
