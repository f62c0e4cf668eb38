import DitherBasics
import DitherTensor
import Synchronization

/// The float constants of a graph in one block of memory: shared by all plans of a model version, which only read it,
/// or owned by one trainer, which moves it between runs. What stands still is kept in the layouts that kernels like as
/// well, one copy for all plans.
///
/// Unchecked because the compiler cannot see who writes: serving code has no way to (`floats` is package-only and used
/// by Train alone, on buffers that it made and that no other thread's plan runs on at that moment).
public final class ParameterBuffers: @unchecked Sendable {
  private let memory: AlignedBuffer
  /// Where each constant lies, in floats.
  package let ranges: [ValueID: Range<Int>]
  /// The constants that training moves, in the graph's order.
  public let trainable: [ValueID]
  /// The constants' names in the graph.
  public let names: [ValueID: String]
  /// The constants' shapes.
  public let shapes: [ValueID: Shape]
  /// Whether somebody moves the parameters between runs.
  let isMoving: Bool
  private struct Packed: @unchecked Sendable {  // written once, before it is in the list
    let layout: KernelLayout
    let isTransposed: Bool
    let buffer: AlignedBuffer
  }
  private let packedForms = Mutex<[ValueID: [Packed]]>([:])

  /// - Parameters:
  ///   - moving: for a trainer, which changes them.
  ///   - frozen: patterns of names of constants that it leaves as they are.
  public init(_ graph: Graph, moving: Bool = false, frozen: [String] = []) {
    isMoving = moving
    var ranges: [ValueID: Range<Int>] = [:], names: [ValueID: String] = [:], shapes: [ValueID: Shape] = [:]
    var end = 0
    let ordered = graph.literals.keys.sorted { $0.index < $1.index }
    for id in ordered {
      guard case .float(let tensor) = graph.literals[id] else { continue }
      ranges[id] = end..<end + tensor.count
      names[id] = graph.valueNames[id.index]
      shapes[id] = tensor.shape
      end += (tensor.count + 15) / 16 * 16  // each starts on a cache line
    }
    memory = AlignedBuffer(floats: end)
    for (id, range) in ranges {
      guard case .float(let tensor) = graph.literals[id] else { continue }
      _ = UnsafeMutableBufferPointer(rebasing: memory.floats[range]).update(fromContentsOf: tensor.elements)
    }
    self.ranges = ranges
    self.names = names
    self.shapes = shapes
    trainable = graph.parameters.filter { id in !frozen.contains { isMatch(names[id] ?? "", $0) } }
  }

  /// Floats in all, with the gaps between constants.
  public var count: Int { memory.floats.count }
  package var floats: UnsafeMutableBufferPointer<Float> { memory.floats }

  /// A parameter in `layout`; `own` is how it lies here, as a transpose or not.
  func packed(_ id: ValueID, _ layout: KernelLayout, from own: KernelLayout, transposed: Bool)
    throws(GraphError) -> AlignedBuffer
  {
    func find(_ forms: [Packed]?) -> Packed? {
      forms?.first { $0.isTransposed == transposed && $0.layout.isSame(as: layout) }
    }
    let known = packedForms.withLock { find($0[id]) }
    if let known { return known.buffer }
    let floats = UnsafeBufferPointer(UnsafeMutableBufferPointer(rebasing: memory.floats[ranges[id] ?? 0..<0]))
    let buffer = try kernelled { () throws(KernelError) in try layout.packing(floats, from: own) }
    // Two threads may both have made it; the first one's stays.
    return packedForms.withLock { forms in
      if let other = find(forms[id]) { return other }
      let made = Packed(layout: layout, isTransposed: transposed, buffer: buffer)
      forms[id, default: []].append(made)
      return made
    }.buffer
  }

  /// A copy of one parameter; nil where there is none of this id.
  public func tensor(_ id: ValueID) -> Tensor? {
    guard let range = ranges[id], let shape = shapes[id] else { return nil }
    return Tensor(shape, Array(memory.floats[range]))
  }

  /// - Throws: when the numbers are not as many as the parameter has.
  package func set(_ id: ValueID, _ elements: [Float]) throws(GraphError) {
    guard let range = ranges[id], range.count == elements.count else {
      throw GraphError(
        .shape, at: "parameter '\(names[id] ?? "")'", expected: "\(ranges[id]?.count ?? 0) numbers",
        got: "\(elements.count)")
    }
    _ = UnsafeMutableBufferPointer(rebasing: memory.floats[range]).update(fromContentsOf: elements)
  }

  /// `graph`, which must be the one these were made of, with the present values.
  public func write(into graph: inout Graph) {
    for id in ranges.keys { if let tensor = tensor(id) { graph.literals[id] = .float(tensor) } }
  }
}
