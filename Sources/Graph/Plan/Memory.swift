import DitherTensor

/// Memory that outlives a run: inputs, outputs, gradients, constants and parameters.
struct PersistentMemory {
  private(set) var fixed: [ValueID: UnsafeMutableRawPointer] = [:]
  private(set) var owned: [AnyObject] = []
  /// Bytes of all room that was allocated.
  private(set) var bytes = 0

  /// Room of its own for a value.
  @discardableResult
  mutating func allocate(_ value: Value) -> UnsafeMutableRawPointer {
    let buffer = AlignedBuffer(byteCount: value.type.byteCount)
    owned.append(buffer)
    bytes += buffer.bytes.count
    fixed[value.id] = buffer.base
    return buffer.base
  }

  mutating func put(_ id: ValueID, at pointer: UnsafeMutableRawPointer) { fixed[id] = pointer }
  mutating func own(_ object: AnyObject) { owned.append(object) }

  mutating func write(_ literal: Literal, _ value: Value) {
    literal.write(to: allocate(value))
  }
}
