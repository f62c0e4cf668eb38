import CKernels

/// Where a draw lives. Every random number is a function of its address and its index, so threads, batches and order
/// cannot change a result.
///
/// Philox 4×32-10 (Salmon et al., SC 2011) with `seed` as key and (index / 4, site, sample, stream) as counter; normals
/// by Box and Muller. The same bits on every CPU.
public struct NoiseAddress: Sendable, Hashable {
  /// A request's or a recipe's seed.
  public var seed: UInt64
  /// Which of a model's places is noisy, or which of a program's uses of chance this is.
  public var site: UInt32
  /// Which Monte-Carlo draw.
  public var sample: UInt32

  /// - Parameters:
  /// - site: which place of which node draws.
  /// - sample: which Monte-Carlo draw.
  public init(seed: UInt64, site: UInt32 = 0, sample: UInt32 = 0) {
    self.seed = seed
    self.site = site
    self.sample = sample
  }

  /// Standard normals for the indices from `start`.
  public func normals(_ out: UnsafeMutableBufferPointer<Float>, from start: Int = 0) {
    dk_normals(out.baseAddress, out.count, UInt64(start), seed, site, sample)
  }

  /// `sigma` times these normals, added to as many numbers.
  public func addNormals(
    times sigma: Float, to base: UnsafePointer<Float>, into out: UnsafeMutableBufferPointer<Float>, from start: Int = 0
  ) {
    dk_add_normals(out.baseAddress, base, out.count, sigma, UInt64(start), seed, site, sample)
  }

  /// Uniform on (0, 1) for the indices from `start`: never 0, never 1.
  public func uniforms(_ out: UnsafeMutableBufferPointer<Float>, from start: Int = 0) {
    dk_uniforms(out.baseAddress, out.count, UInt64(start), seed, site, sample)
  }

  /// The first standard normals at this address.
  public func normals(_ count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      normals(buffer)
      filled = count
    }
  }

  /// The first numbers at this address, uniform on [0, 1).
  public func uniforms(_ count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      uniforms(buffer)
      filled = count
    }
  }

  /// One of ``uniforms(_:)`` by its index.
  public func uniform(_ index: Int) -> Float {
    var value: Float = 0
    dk_uniforms(&value, 1, UInt64(index), seed, site, sample)
    return value
  }

  /// One of ``normals(_:)`` by its index.
  public func normal(_ index: Int) -> Float {
    var value: Float = 0
    dk_normals(&value, 1, UInt64(index), seed, site, sample)
    return value
  }
}

/// A sequence of numbers from an address, for shuffles and choices.
public struct PhiloxGenerator: RandomNumberGenerator, Sendable {
  private let address: NoiseAddress
  private var position: UInt64 = 0
  private var block = [UInt32]()

  /// - Parameter stream: which of the sequences of this seed.
  public init(seed: UInt64, stream: UInt64 = 0) {
    address = NoiseAddress(
      seed: seed, site: UInt32(truncatingIfNeeded: stream), sample: UInt32(truncatingIfNeeded: stream >> 32))
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    let offset = Int(position % 512)
    if offset == 0 {
      block = [UInt32](unsafeUninitializedCapacity: 1024) { buffer, filled in
        dk_bits(
          buffer.baseAddress, 1024, position * 2, address.seed, address.site, address.sample,
          UInt32(DK_STREAM_SEQUENCE))
        filled = 1024
      }
    }
    position += 1
    return UInt64(block[2 * offset]) | UInt64(block[2 * offset + 1]) << 32
  }
}

/// A seed made of a tuple: SplitMix64's finalizer (Steele et al., OOPSLA 2014) over a running sum. Of a seed and one
/// value only their sum counts: `mixSeed(1, 2)` is `mixSeed(2, 1)`, so that seeds of one purpose have to lie farther
/// apart than its values, as random ones do. From the second value on the order counts. It stays so, as recorded
/// draws follow it.
public func mixSeed(_ seed: UInt64, _ values: UInt64...) -> UInt64 {
  var state = seed
  for value in values {
    state = state &+ 0x9E37_79B9_7F4A_7C15 &+ value
    state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
    state ^= state >> 31
  }
  return state
}
