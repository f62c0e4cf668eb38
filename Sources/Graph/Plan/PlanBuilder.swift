import DitherBasics
import DitherTensor

/// A kernel call with its pointers in it.
typealias Step = () -> Void

/// Turns nodes into kernel calls and lays their buffers out.
///
/// A value lies plain (row-major fp32) in one slot of memory, and beside it or instead of it in slots of layouts that
/// kernels like better. Who reads a value names the form; where it does not exist yet, it is made by a reorder, once.
/// So consecutive convolutions hand their layouts on, and what knows plain memory only still gets it.
public struct PlanBuilder {
  /// Memory of values, once it is laid out.
  struct Memory {
    fileprivate let pointers: [UnsafeMutableRawPointer?]
    fileprivate let plain: [ValueID: Slot]
    fileprivate let roots: [ValueID: ValueID]
    let state: RunState

    // No input reaches either trap: which memory a step names is written in its op, not in a file, and the tests lower
    // every op.
    func raw(_ slot: Slot) -> UnsafeMutableRawPointer {
      guard let pointer = pointers[slot.index] else { preconditionFailure("a step uses memory that it did not name") }
      return pointer
    }
    func raw(_ value: Value) -> UnsafeMutableRawPointer {
      guard let slot = plain[roots[value.id] ?? value.id] else {
        preconditionFailure("a step uses a value that it did not name")
      }
      return raw(slot)
    }
    func floats(_ value: Value) -> UnsafeMutablePointer<Float> { raw(value).assumingMemoryBound(to: Float.self) }
    func floats(_ slot: Slot) -> UnsafeMutablePointer<Float> { raw(slot).assumingMemoryBound(to: Float.self) }
    func scratch(_ slot: Slot) -> UnsafeMutableRawPointer { raw(slot) }
  }

  /// A place in memory: of a value in one layout, or a step's own.
  struct Slot: Hashable { let index: Int }

  private struct Pending {
    var uses: [Slot]
    var bind: (Memory) -> Step
  }

  private let builder: GraphBuilder
  let threads: Int
  /// The number format of convolutions and dense layers.
  let precision: Plan.Precision
  /// Whether a backward pass follows, for which forward kernels keep what it needs.
  let isDifferentiated: Bool
  /// The parameters' own memory, by value of the graph being planned.
  private let parameters: ParameterBuffers
  private let stored: [ValueID: ValueID]
  /// After which node, by number, a value's memory is free; absent for what outlives the run.
  private let lastUses: [ValueID: Int]
  var node = 0

  private var steps: [Pending] = []
  /// The first step that could not be added; the plan is not made then.
  private(set) var failure: GraphError?
  private var roots: [ValueID: ValueID] = [:]
  private var sizes: [Int] = []
  private var fixed: [Int: UnsafeMutableRawPointer] = [:]
  private var plainSlots: [ValueID: Slot] = [:]
  /// Values whose plain slot has no content: they lie in another layout only.
  private var unwritten = Set<ValueID>()
  private var forms: [ValueID: [(layout: KernelLayout, slot: Slot)]] = [:]
  /// Constant matrices, as their transposes.
  private var transposedForms: [ValueID: [(layout: KernelLayout, slot: Slot)]] = [:]
  private var shared: [ValueID: Slot] = [:]
  private(set) var kernels: [Kernel] = []
  private(set) var owned: [AnyObject] = []

  init(
    _ builder: GraphBuilder, threads: Int, precision: Plan.Precision, differentiated: Bool,
    parameters: ParameterBuffers,
    stored: [ValueID: ValueID], lastUses: [ValueID: Int]
  ) {
    self.builder = builder
    self.threads = threads
    self.precision = precision
    isDifferentiated = differentiated
    self.parameters = parameters
    self.stored = stored
    self.lastUses = lastUses
  }

  var stepCount: Int { steps.count }

  // MARK: memory

  func root(_ id: ValueID) -> ValueID { roots[id] ?? id }

  private mutating func newSlot(_ bytes: Int) -> Slot {
    sizes.append(bytes)
    return Slot(index: sizes.count - 1)
  }

  /// The value's plain memory, to be written by the next step or, if it has content in another form, read by it.
  mutating func plain(_ value: Value) throws(GraphError) -> Slot {
    let root = root(value.id)
    let slot: Slot
    if let known = plainSlots[root] {
      slot = known
    } else {
      slot = newSlot(builder.types[root.index].byteCount)
      plainSlots[root] = slot
    }
    if unwritten.remove(root) != nil, let form = forms[root]?.first {
      try reorder(form.slot, form.layout, to: slot, try KernelLayout.plain(form.layout.dimensions))
    }
    return slot
  }

  /// The value in `layout`, to be read.
  mutating func form(_ value: Value, _ layout: KernelLayout) throws(GraphError) -> Slot {
    if let found = existing(value, layout) { return found }
    let own = try KernelLayout.plain(layout.dimensions)
    if own.isSame(as: layout) { return try plain(value) }
    if let constant = try packed(value, layout, from: own, transposed: false) {
      forms[value.id, default: []].append((layout, constant))
      return constant
    }
    let slot: Slot
    if let source = forms[value.id]?.first {
      slot = newSlot(layout.byteCount)
      try reorder(source.slot, source.layout, to: slot, layout)
    } else {
      let source = try plain(value)
      slot = newSlot(layout.byteCount)
      try reorder(source, own, to: slot, layout)
    }
    forms[value.id, default: []].append((layout, slot))
    return slot
  }

  /// A constant matrix in `layout`, which is of its transpose if that is asked for; nil: it is no constant.
  mutating func packedMatrix(_ value: Value, _ layout: KernelLayout, transposed: Bool) throws(GraphError) -> Slot? {
    guard isFixed(value) else { return nil }
    guard transposed else { return try form(value, layout) }
    if let found = transposedForms[value.id]?.first(where: { $0.layout.isSame(as: layout) }) { return found.slot }
    let slot = try packed(
      value, layout, from: kernelled { () throws(KernelError) in try KernelLayout(transposed: layout.dimensions) },
      transposed: true)
    if let slot { transposedForms[value.id, default: []].append((layout, slot)) }
    return slot
  }

  private func isConstant(_ value: Value) -> Bool { builder.graph.literals[root(value.id)] != nil }

  /// Whether a constant stays as it is, so that it is worth packing.
  func isFixed(_ value: Value) -> Bool { !parameters.isMoving && isConstant(value) }

  private func existing(_ value: Value, _ layout: KernelLayout) -> Slot? {
    forms[value.id]?.first { $0.layout.isSame(as: layout) }?.slot
  }

  /// The value in `layout`, to be written by the next step and nobody before.
  mutating func newForm(_ value: Value, _ layout: KernelLayout) throws(GraphError) -> Slot {
    if try KernelLayout.plain(layout.dimensions).isSame(as: layout) { return try plain(value) }
    let slot = newSlot(layout.byteCount)
    put(value, in: slot, layout)
    return slot
  }

  private mutating func put(_ value: Value, in slot: Slot, _ layout: KernelLayout) {
    if plainSlots[value.id] == nil { unwritten.insert(value.id) }
    forms[value.id, default: []].append((layout, slot))
  }

  /// `output` overwrites the memory that `input` has in `layout`, if nothing reads it later; else it gets a copy of it.
  mutating func overwrite(_ input: Value, with output: Value, _ layout: KernelLayout) throws(GraphError) -> Slot {
    let source = try form(input, layout), isPlain = try KernelLayout.plain(layout.dimensions).isSame(as: layout)
    let isFree = lastUses[root(input.id)] == node && fixed[source.index] == nil
    if isFree && !isPlain {
      put(output, in: source, layout)
      return source
    }
    let slot = isPlain ? try plain(output) : newSlot(layout.byteCount)
    if !isPlain { put(output, in: slot, layout) }
    let bytes = layout.byteCount
    step(slots: [source, slot]) { memory in
      let from = memory.raw(source), to = memory.raw(slot)
      return { to.copyMemory(from: from, byteCount: bytes) }
    }
    return slot
  }

  /// The layout that the value has already, where that is not the plain one only.
  func layout(of value: Value) -> KernelLayout? { forms[value.id]?.first?.layout }

  /// A layout that one of `values` lies in and over whose memory an element-wise kernel may run as over plain memory:
  /// one without padding. All values must be of one shape.
  func elementwiseLayout(_ values: [Value], bfloat16: Bool) -> KernelLayout? {
    for value in values where unwritten.contains(value.id) {
      guard let layout = layout(of: value), layout.byteCount == value.shape.count * layout.format.byteCount,
        layout.format == .float32 || bfloat16
      else { continue }
      return layout
    }
    return nil
  }

  /// A constant in `layout`, made once: for all plans that share the parameters.
  private mutating func packed(_ value: Value, _ layout: KernelLayout, from own: KernelLayout, transposed: Bool)
    throws(GraphError) -> Slot?
  {
    guard !parameters.isMoving, case .float(let tensor)? = builder.graph.literals[root(value.id)] else { return nil }
    let buffer: AlignedBuffer
    let constant = parameters.constant(stored[root(value.id)], .float(tensor))
    if let constant, let shared = try constant.packed(layout, from: own, transposed: transposed) {
      owned.append(constant)
      buffer = shared
    } else {
      buffer = try tensor.elements.withUnsafeBufferPointer { elements throws(GraphError) in
        try kernelled { () throws(KernelError) in try layout.packing(elements, from: own) }
      }
    }
    owned.append(buffer)
    let slot = newSlot(0)
    fixed[slot.index] = buffer.bytes.baseAddress
    return slot
  }

  private mutating func reorder(_ from: Slot, _ fromLayout: KernelLayout, to: Slot, _ toLayout: KernelLayout)
    throws(GraphError)
  {
    let kernel = try kernel { () throws(KernelError) in try Kernel(reordering: fromLayout, to: toLayout) }
    run(kernel, [(.x, from), (.y, to)])
  }

  // MARK: steps

  /// Adds a kernel call on plain memory. `bind` is called once, when memory is laid out, and returns what each run
  /// calls.
  mutating func step(_ values: [Value?], scratch: [Slot] = [], _ bind: @escaping (Memory) -> Step) {
    var slots = scratch
    for case let value? in values {
      do throws(GraphError) { slots.append(try plain(value)) } catch {
        failure = failure ?? error
        return
      }
    }
    step(slots: slots, bind)
  }

  mutating func step(slots: [Slot], _ bind: @escaping (Memory) -> Step) {
    steps.append(Pending(uses: slots, bind: bind))
  }

  /// Adds a run of `kernel` on these operands.
  /// - Parameter isSingle: it was made for one thread and has no workspace: some kernels of oneDNN divide sums by the
  ///   threads that there are when they run.
  mutating func run(
    _ kernel: Kernel, _ operands: [(Kernel.Operand, Slot)], workspace: Slot? = nil, isSingle: Bool = false
  ) {
    step(slots: operands.map(\.1) + (workspace.map { [$0] } ?? [])) { memory in
      for (operand, slot) in operands { kernel[operand] = memory.raw(slot) }
      if isSingle {
        let alone = KernelParts([kernel])
        return { alone.run() }
      }
      let kept = workspace.map { memory.raw($0) }
      return { kernel.run(kept) }
    }
  }

  /// `output` is the same memory as `input`, seen with another shape.
  mutating func alias(_ output: Value, to input: Value) { roots[output.id] = root(input.id) }

  /// Memory kept from a forward op to its gradient, found again by the forward op's output.
  mutating func keep(bytes: Int, for output: Value) -> Slot {
    let slot = newSlot(bytes)
    shared[output.id] = slot
    return slot
  }
  mutating func scratch(bytes: Int) -> Slot { newSlot(bytes) }
  func kept(for output: Value) -> Slot? { shared[output.id] }

  /// A oneDNN kernel that lives as long as the plan.
  /// - Parameter isSingle: for one thread, whatever the plan has.
  mutating func kernel(
    isSingle: Bool = false, _ make: () throws(KernelError) -> Kernel
  ) throws(GraphError) -> Kernel {
    Kernels.setThreads(isSingle ? 1 : threads)
    let kernel = try kernelled(make)
    kernels.append(kernel)
    return kernel
  }

  /// Whether a step reads the value's plain memory.
  func readsPlain(_ id: ValueID) -> Bool { plainSlots[root(id)] != nil }

  // MARK: layout

  struct Layout {
    var steps: [Step]
    var pointers: (Value) -> UnsafeMutableRawPointer
    var arena: AlignedBuffer
  }

  /// Gives every slot memory: the plain ones of values in `given` as told, the rest a place in one arena, shared by
  /// slots whose lives do not meet. First fit, largest first.
  /// - Parameter kept: steps whose results later steps may read again: those live until the end.
  func layOut(fixed given: [ValueID: UnsafeMutableRawPointer], state: RunState, kept: Range<Int>) -> Layout {
    struct Block {
      var slot: Int
      var size: Int, first: Int, last: Int, offset = 0
    }
    var pointers = [UnsafeMutableRawPointer?](repeating: nil, count: sizes.count)
    for (index, pointer) in fixed { pointers[index] = pointer }
    for (id, pointer) in given { if let slot = plainSlots[root(id)] { pointers[slot.index] = pointer } }
    var blocks: [Block] = [], ofSlot: [Int: Int] = [:]
    for (index, step) in steps.enumerated() {
      for slot in step.uses where pointers[slot.index] == nil {
        if let known = ofSlot[slot.index] {
          blocks[known].last = index
        } else {
          ofSlot[slot.index] = blocks.count
          blocks.append(Block(slot: slot.index, size: sizes[slot.index], first: index, last: index))
        }
      }
    }
    for index in blocks.indices where kept.contains(blocks[index].first) && !kept.contains(blocks[index].last) {
      blocks[index].last = steps.count - 1
    }
    var placed: [Int] = [], end = 0
    for index in blocks.indices.sorted(by: { blocks[$0].size > blocks[$1].size }) {
      let block = blocks[index], size = (block.size + 63) / 64 * 64
      let neighbors = placed.filter { blocks[$0].first <= block.last && block.first <= blocks[$0].last }
        .sorted { blocks[$0].offset < blocks[$1].offset }
      var offset = 0
      for other in neighbors {
        if offset + size <= blocks[other].offset { break }
        offset = max(offset, blocks[other].offset + (blocks[other].size + 63) / 64 * 64)
      }
      blocks[index].offset = offset
      end = max(end, offset + size)
      placed.append(index)
    }
    let arena = AlignedBuffer(byteCount: end), base = arena.bytes.baseAddress
    for block in blocks { pointers[block.slot] = base?.advanced(by: block.offset) }
    let plain = plainSlots, roots = roots
    let memory = Memory(pointers: pointers, plain: plain, roots: roots, state: state)
    return Layout(
      steps: steps.map { $0.bind(memory) },
      pointers: { value in given[roots[value.id] ?? value.id] ?? memory.raw(value) }, arena: arena)
  }
}
