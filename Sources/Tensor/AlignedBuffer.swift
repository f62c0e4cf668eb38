import Glibc

/// Memory aligned to 64 bytes, zeroed at first, freed with its last reference.
public final class AlignedBuffer {
  /// The whole of it, aligned to 64 bytes; valid as long as the buffer lives.
  public let bytes: UnsafeMutableRawBufferPointer
  /// Its first byte.
  public let base: UnsafeMutableRawPointer

  /// The memory that is freed; `base` is its first aligned byte.
  private let block: UnsafeMutableRawPointer

  /// Memory that is zero. Large blocks are the system's zero pages until they are written to.
  public init(byteCount: Int) {
    let rounded = (max(byteCount, 1) + 63) / 64 * 64
    guard let block = calloc(1, rounded + 63) else { preconditionFailure("no memory for \(byteCount) bytes") }
    self.block = block
    base = block.alignedUp(toMultipleOf: 64)
    bytes = UnsafeMutableRawBufferPointer(start: base, count: rounded)
  }

  /// Room for so many floats, zero.
  public convenience init(floats: Int) { self.init(byteCount: floats * 4) }

  deinit { free(block) }

  /// Whether memory begins where that of a buffer does.
  static func isAligned(_ base: UnsafeRawPointer) -> Bool { UInt(bitPattern: base) % 64 == 0 }

  /// The same memory as floats.
  public var floats: UnsafeMutableBufferPointer<Float> { bytes.bindMemory(to: Float.self) }
}
