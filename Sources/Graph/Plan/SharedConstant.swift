import DitherBasics
import DitherTensor
import Synchronization

/// One constant as plans read it: plain, and in the layouts that kernels like. Each form is made when the first plan
/// asks for it, and held once for all that share the constant.
///
/// Unchecked because buffers are: each is written once, before it is in the list.
final class SharedConstant: @unchecked Sendable {
  /// Unchecked: its buffer is written before it is in the list, and read only from then on.
  private struct Packed: @unchecked Sendable {
    let layout: KernelLayout
    let isTransposed: Bool
    let buffer: AlignedBuffer
  }
  /// Unchecked, as `Packed`.
  private struct Plain: @unchecked Sendable { let buffer: AlignedBuffer }
  private struct State: Sendable {
    var plain: Plain?
    var packed: [Packed] = []
  }

  let literal: Literal
  private let state = Mutex(State())

  init(_ literal: Literal) { self.literal = literal }

  /// Bytes of the forms that were made.
  var heldBytes: Int {
    state.withLock { $0.packed.reduce($0.plain?.buffer.bytes.count ?? 0) { $0 + $1.buffer.bytes.count } }
  }

  /// Row-major memory with its content.
  var plain: AlignedBuffer {
    if let known = state.withLock({ $0.plain }) { return known.buffer }
    let made = Plain(buffer: AlignedBuffer(byteCount: literal.type.byteCount))
    literal.write(to: made.buffer.base)
    // Two threads may both have made it; the first one's stays.
    return state.withLock { state in
      let kept = state.plain ?? made
      state.plain = kept
      return kept
    }.buffer
  }

  /// A constant of floats in `layout`; `own` is how it lies, as a transpose or not.
  func packed(_ layout: KernelLayout, from own: KernelLayout, transposed: Bool) throws(GraphError) -> AlignedBuffer? {
    guard case .float(let tensor) = literal else { return nil }
    func find(_ forms: [Packed]) -> Packed? {
      forms.first { $0.isTransposed == transposed && $0.layout.isSame(as: layout) }
    }
    let (known, plain) = state.withLock { (find($0.packed), $0.plain) }
    if let known { return known.buffer }
    let buffer: AlignedBuffer
    if let plain {
      let floats = UnsafeBufferPointer(UnsafeMutableBufferPointer(rebasing: plain.buffer.floats[..<tensor.count]))
      buffer = try kernelled { () throws(KernelError) in try layout.packing(floats, from: own) }
    } else {
      buffer = try tensor.elements.withUnsafeBufferPointer { elements throws(GraphError) in
        try kernelled { () throws(KernelError) in try layout.packing(elements, from: own) }
      }
    }
    let made = Packed(layout: layout, isTransposed: transposed, buffer: buffer)
    return state.withLock { state in
      if let other = find(state.packed) { return other }
      state.packed.append(made)
      return made
    }.buffer
  }
}

/// Constants by their content.
struct SharedConstants {
  private var known: [Int: [SharedConstant]] = [:]

  init(_ constants: [SharedConstant]) {
    for constant in constants { known[constant.literal.contentMark, default: []].append(constant) }
  }

  /// The known one of this content, or a new one.
  func constant(_ literal: Literal) -> SharedConstant {
    guard !known.isEmpty else { return SharedConstant(literal) }
    return known[literal.contentMark]?.first { $0.literal.hasBits(of: literal) } ?? SharedConstant(literal)
  }
}

/// Constants that are made while graphs are planned, as masks and tables of shapes are: those of the same content are
/// one for all plans that hold it, and leave with the last.
final class ConstantPool: Sendable {
  /// Unchecked: a weak reference is a variable to the compiler; this one is written once, under the lock.
  private struct Entry: @unchecked Sendable { weak var constant: SharedConstant? }
  private let entries = Mutex<[Int: [Entry]]>([:])
  /// Smaller ones are not worth the search.
  private static let leastBytes = 4096

  init() {}

  /// Bytes of the forms that plans hold at this moment.
  var heldBytes: Int {
    entries.withLock { $0.values.joined().reduce(0) { $0 + ($1.constant?.heldBytes ?? 0) } }
  }

  /// - Returns: nil of a small one, which each plan holds itself.
  func shared(_ literal: Literal) -> SharedConstant? {
    guard literal.type.byteCount >= Self.leastBytes else { return nil }
    let key = literal.contentHash
    return entries.withLock { entries in
      let live = (entries[key] ?? []).filter { $0.constant != nil }
      if let known = live.compactMap(\.constant).first(where: { $0.literal.hasBits(of: literal) }) {
        entries[key] = live
        return known
      }
      let made = SharedConstant(literal)
      entries[key] = live + [Entry(constant: made)]
      // Keys of constants that all plans have let go of.
      if entries.count > 256 { entries = entries.filter { $0.value.contains { $0.constant != nil } } }
      return made
    }
  }
}

extension Literal {
  /// - Parameter memory: of its type's bytes.
  func write(to memory: UnsafeMutableRawPointer) {
    switch self {
    case .float(let tensor):
      memory.assumingMemoryBound(to: Float.self).update(from: tensor.elements, count: tensor.count)
    case .int64(_, let values): memory.assumingMemoryBound(to: Int64.self).update(from: values, count: values.count)
    case .bool(_, let values): memory.assumingMemoryBound(to: Bool.self).update(from: values, count: values.count)
    }
  }

  /// Whether the content is the same; −0 is not 0.
  fileprivate func hasBits(of other: Literal) -> Bool {
    guard self == other, case .float(let own) = self, case .float(let others) = other else { return self == other }
    return zip(own.elements, others.elements).allSatisfy { $0.bitPattern == $1.bitPattern }
  }

  /// Equal for equal content; of large arrays by their first numbers.
  fileprivate var contentMark: Int {
    var hasher = Hasher()
    hasher.combine(type.shape)
    switch self {
    case .float(let tensor): hasher.combine(tensor.elements.prefix(64).map { $0 })
    case .int64(_, let values): hasher.combine(values.prefix(64).map { $0 })
    case .bool(_, let values): hasher.combine(values.prefix(64).map { $0 })
    }
    return hasher.finalize()
  }

  /// Equal for equal content within one process.
  fileprivate var contentHash: Int {
    var hasher = Hasher()
    hasher.combine(type.shape)
    switch self {
    case .float(let tensor): tensor.elements.withUnsafeBytes { hasher.combine(bytes: $0) }
    case .int64(_, let values): values.withUnsafeBytes { hasher.combine(bytes: $0) }
    case .bool(_, let values): values.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    return hasher.finalize()
  }
}
