import DitherTensor
import Foundation

/// The chances of an image's pixels: for each a sequence of numbers that follows from its place alone.
struct PixelChances {
  private let address: NoiseAddress
  private let count: Int
  /// Number n of every pixel, drawn together, as far as any pixel has asked.
  private var drawn: [[Float]] = []

  init(_ address: NoiseAddress, pixels count: Int) {
    self.address = address
    self.count = count
  }

  private mutating func uniform(_ number: Int, of pixel: Int) -> Double {
    while number >= drawn.count {
      let next = NoiseAddress(
        seed: address.seed, site: address.site ^ 0x5049_5845, sample: UInt32(truncatingIfNeeded: drawn.count))
      drawn.append(next.uniforms(count))
    }
    return Double(drawn[number][pixel])
  }

  /// Below a mean of 10 by products of uniforms (Knuth), above by transformed rejection with a squeeze: Hörmann 1993,
  /// Insurance: Mathematics and Economics 12, algorithm PTRS.
  mutating func poisson(_ mean: Double, at pixel: Int) -> Int {
    guard mean > 0 else { return 0 }
    guard mean >= 10 else {
      let bound = exp(-mean)
      var product = uniform(0, of: pixel), count = 0
      while product > bound {
        count += 1
        product *= uniform(count, of: pixel)
      }
      return count
    }
    let root = mean.squareRoot(), b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b
    let squeeze = 0.9277 - 3.6224 / (b - 2)
    var number = 0
    while true {
      let u = uniform(number, of: pixel) - 0.5, v = uniform(number + 1, of: pixel), us = 0.5 - abs(u)
      number += 2
      let k = ((2 * a / us + b) * u + mean + 0.43).rounded(.down)
      if us >= 0.07, v <= squeeze { return Int(k) }
      if k < 0 || (us < 0.013 && v > us) { continue }
      let inverse = 1.1239 + 1.1328 / (b - 3.4)
      if log(v * inverse / (a / (us * us) + b)) <= k * log(mean) - mean - lgamma(k + 1) { return Int(k) }
    }
  }
}
