/// Memory aligned to 64 bytes, zeroed at first, freed with its last reference.
public final class AlignedBuffer {
  /// The whole of it, aligned to 64 bytes; valid as long as the buffer lives.
  public let bytes: UnsafeMutableRawBufferPointer
  /// Its first byte.
  public let base: UnsafeMutableRawPointer

  /// Memory that is zero.
  public init(byteCount: Int) {
    let rounded = (max(byteCount, 1) + 63) / 64 * 64
    base = .allocate(byteCount: rounded, alignment: 64)
    bytes = UnsafeMutableRawBufferPointer(start: base, count: rounded)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  /// Room for so many floats, zero.
  public convenience init(floats: Int) { self.init(byteCount: floats * 4) }

  deinit { base.deallocate() }

  /// The same memory as floats.
  public var floats: UnsafeMutableBufferPointer<Float> { bytes.bindMemory(to: Float.self) }
}
