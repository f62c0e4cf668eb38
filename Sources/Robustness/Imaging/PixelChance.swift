import DitherTensor
import Foundation

/// One pixel's chance: a sequence of numbers that follows from its place alone.
struct PixelChance {
  private let address: NoiseAddress
  private var next: Int

  init(_ address: NoiseAddress, _ pixel: Int) {
    self.address = NoiseAddress(
      seed: address.seed, site: address.site ^ 0x5049_5845, sample: UInt32(truncatingIfNeeded: pixel))
    next = 0
  }

  mutating func uniform() -> Double {
    defer { next += 1 }
    return Double(address.uniform(next))
  }

  /// Below a mean of 10 by products of uniforms (Knuth), above by transformed rejection with a squeeze: Hörmann 1993, Insurance:
  /// Mathematics and Economics 12, algorithm PTRS.
  mutating func poisson(_ mean: Double) -> Int {
    guard mean > 0 else { return 0 }
    guard mean >= 10 else {
      let bound = exp(-mean)
      var product = uniform(), count = 0
      while product > bound {
        count += 1
        product *= uniform()
      }
      return count
    }
    let root = mean.squareRoot(), b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b
    let inverse = 1.1239 + 1.1328 / (b - 3.4), squeeze = 0.9277 - 3.6224 / (b - 2)
    while true {
      let u = uniform() - 0.5, v = uniform(), us = 0.5 - abs(u)
      let k = ((2 * a / us + b) * u + mean + 0.43).rounded(.down)
      if us >= 0.07, v <= squeeze { return Int(k) }
      if k < 0 || (us < 0.013 && v > us) { continue }
      if log(v) + log(inverse) - log(a / (us * us) + b) <= k * log(mean) - mean - lgamma(k + 1) { return Int(k) }
    }
  }
}
