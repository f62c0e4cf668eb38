import DitherBasics
import DitherTensor
import Synchronization

/// The constants of a graph: shared by all plans of a model version, which only read them, or owned by one trainer,
/// which moves the float ones between runs. What stands still is held once for all plans, plain and in the layouts that
/// kernels like, each made when a plan first asks; what moves lies in one block of memory.
///
/// Unchecked because the compiler cannot see who writes: serving code has no way to (`floats` is package-only and used
/// by Train alone, on buffers that it made and that no other thread's plan runs on at that moment).
public final class ParameterBuffers: @unchecked Sendable {
  /// A trainer's.
  private let memory: AlignedBuffer
  /// Constants that stand still, by the graph's values.
  private let constants: [ValueID: SharedConstant]
  /// Constants that plans make of shapes.
  private let made = ConstantPool()
  /// Where each float constant lies among all, in floats.
  package let ranges: [ValueID: Range<Int>]
  /// The constants that training moves, in the graph's order.
  public let trainable: [ValueID]
  /// The constants' names in the graph.
  public let names: [ValueID: String]
  /// The constants' shapes.
  public let shapes: [ValueID: Shape]
  /// Whether somebody moves the parameters between runs.
  let isMoving: Bool
  /// Floats in all, with the gaps between constants.
  public let count: Int

  /// - Parameters:
  ///   - moving: for a trainer, which changes them.
  ///   - frozen: patterns of names of constants that it leaves as they are.
  ///   - other: of another form of the graph: constants of the same content are one for both.
  public init(
    _ graph: Graph, moving: Bool = false, frozen: [String] = [], sharing other: ParameterBuffers? = nil
  ) {
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
    memory = AlignedBuffer(floats: moving ? end : 0)
    count = moving ? memory.floats.count : end
    let known = SharedConstants(moving ? [] : other.map { Array($0.constants.values) } ?? [])
    constants = moving ? [:] : graph.literals.mapValues { known.constant($0) }
    for (id, range) in ranges where moving {
      guard case .float(let tensor) = graph.literals[id] else { continue }
      _ = UnsafeMutableBufferPointer(rebasing: memory.floats[range]).update(fromContentsOf: tensor.elements)
    }
    self.ranges = ranges
    self.names = names
    self.shapes = shapes
    trainable = graph.parameters.filter { id in !frozen.contains { isMatch(names[id] ?? "", $0) } }
  }

  /// A trainer's, as `ranges` has them; of what stands still none.
  package var floats: UnsafeMutableBufferPointer<Float> { isMoving ? memory.floats : .init(start: nil, count: 0) }

  /// Bytes that are held for all plans at this moment beside the graph's own constants.
  public var heldBytes: Int {
    (isMoving ? memory.bytes.count : 0) + constants.values.reduce(made.heldBytes) { $0 + $1.heldBytes }
  }

  /// Where a constant lies plain; nil of none of these.
  func plain(_ id: ValueID) -> UnsafeMutableRawPointer? {
    if let constant = constants[id] { return constant.plain.base }
    guard let range = ranges[id], let base = floats.baseAddress else { return nil }
    return UnsafeMutableRawPointer(base + range.lowerBound)
  }

  /// A constant that stands still, for its forms: one of the graph's, or one that a plan has made.
  /// - Returns: nil of what moves, and of a small one that is the plan's own.
  func constant(_ id: ValueID?, _ literal: Literal?) -> SharedConstant? {
    if let id, ranges[id] != nil || constants[id] != nil { return constants[id] }
    return literal.flatMap(made.shared)
  }

  /// A copy of one parameter; nil where there is none of this id.
  public func tensor(_ id: ValueID) -> Tensor? {
    guard let range = ranges[id], let shape = shapes[id] else { return nil }
    if isMoving { return Tensor(shape, Array(memory.floats[range])) }
    if case .float(let tensor)? = constants[id]?.literal { return tensor }
    return nil
  }

  /// A trainer's parameter.
  /// - Throws: when the numbers are not as many as the parameter has, or nobody moves it.
  package func set(_ id: ValueID, _ elements: [Float]) throws(GraphError) {
    guard let range = ranges[id], range.count == elements.count, isMoving else {
      throw GraphError(
        .shape, at: "parameter '\(names[id] ?? "")'",
        expected: isMoving ? "\(ranges[id]?.count ?? 0) numbers" : "parameters that a trainer moves",
        got: "\(elements.count)")
    }
    _ = UnsafeMutableBufferPointer(rebasing: memory.floats[range]).update(fromContentsOf: elements)
  }

  /// `graph`, which must be the one these were made of, with the present values.
  public func write(into graph: inout Graph) {
    for id in ranges.keys { if let tensor = tensor(id) { graph.literals[id] = .float(tensor) } }
  }
}
