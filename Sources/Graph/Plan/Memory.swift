import DitherTensor

/// Memory that outlives a run: inputs, outputs, gradients, constants and parameters.
struct PersistentMemory {
  private(set) var fixed: [ValueID: UnsafeMutableRawPointer] = [:]
  private(set) var owned: [AnyObject] = []

  /// Room of its own for a value.
  @discardableResult
  mutating func allocate(_ value: Value) -> UnsafeMutableRawPointer {
    let buffer = AlignedBuffer(byteCount: value.type.byteCount)
    owned.append(buffer)
    fixed[value.id] = buffer.base
    return buffer.base
  }

  mutating func put(_ id: ValueID, at pointer: UnsafeMutableRawPointer) { fixed[id] = pointer }
  mutating func own(_ object: AnyObject) { owned.append(object) }

  mutating func write(_ literal: Literal, _ value: Value) {
    let memory = allocate(value)
    switch literal {
    case .float(let tensor):
      memory.assumingMemoryBound(to: Float.self).update(from: tensor.elements, count: tensor.count)
    case .int64(_, let values): memory.assumingMemoryBound(to: Int64.self).update(from: values, count: values.count)
    case .bool(_, let values): memory.assumingMemoryBound(to: Bool.self).update(from: values, count: values.count)
    }
  }
}
