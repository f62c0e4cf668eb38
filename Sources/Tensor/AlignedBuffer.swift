/// Memory aligned to 64 bytes, zeroed at first, freed with its last reference.
public final class AlignedBuffer {
  public let bytes: UnsafeMutableRawBufferPointer

  public init(byteCount: Int) {
    let rounded = (max(byteCount, 1) + 63) / 64 * 64
    bytes = .allocate(byteCount: rounded, alignment: 64)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  public convenience init(floats: Int) { self.init(byteCount: floats * 4) }

  deinit { bytes.deallocate() }

  public var floats: UnsafeMutableBufferPointer<Float> { bytes.bindMemory(to: Float.self) }
}
