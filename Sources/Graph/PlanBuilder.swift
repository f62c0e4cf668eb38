import CKernels
import COneDNN
import DitherBasics
import DitherTensor

/// A kernel call with its pointers in it.
typealias Step = () -> Void

/// What a running plan tells its noise kernels.
final class RunState {
  let seeds: UnsafeMutableBufferPointer<UInt64>
  private let memory: AlignedBuffer
  var firstSample: UInt32 = 0
  var noiseScale: Float = 1
  init(rows: Int) {
    memory = AlignedBuffer(byteCount: rows * 8)
    seeds = UnsafeMutableBufferPointer(rebasing: memory.bytes.bindMemory(to: UInt64.self)[..<rows])
  }
}

/// Turns nodes into kernel calls and lays their buffers out.
public struct PlanBuilder {
  /// Memory of values, once it is laid out.
  struct Memory {
    fileprivate var pointers: [ValueID: UnsafeMutableRawPointer]
    fileprivate let roots: [ValueID: ValueID]
    fileprivate let scratch: [Int: UnsafeMutableRawPointer]
    let state: RunState

    func raw(_ value: Value) -> UnsafeMutableRawPointer {
      guard let pointer = pointers[roots[value.id] ?? value.id] else {
        preconditionFailure("a step uses a value that it did not name")
      }
      return pointer
    }
    func floats(_ value: Value) -> UnsafeMutablePointer<Float> { raw(value).assumingMemoryBound(to: Float.self) }
    func scratch(_ handle: Scratch) -> UnsafeMutableRawPointer {
      guard let pointer = scratch[handle.index] else { preconditionFailure("scratch memory that no step asked for") }
      return pointer
    }
  }

  /// Memory that is no value: a pooling's workspace.
  struct Scratch: Hashable { let index: Int }

  private struct Pending {
    var uses: [ValueID]
    var scratch: [Scratch]
    var bind: (Memory) -> Step
  }

  private let builder: GraphBuilder
  let threads: Int
  private var steps: [Pending] = []
  private var roots: [ValueID: ValueID] = [:]
  private var scratchSizes: [Int] = []
  private var shared: [ValueID: Scratch] = [:]
  private(set) var kernels: [Kernel] = []

  init(_ builder: GraphBuilder, threads: Int) {
    self.builder = builder
    self.threads = threads
  }

  var stepCount: Int { steps.count }
  func type(_ value: Value) -> TensorType { value.type }

  /// Adds a kernel call. `bind` is called once, when memory is laid out, and returns what each run calls.
  mutating func step(_ values: [Value?], scratch: [Scratch] = [], _ bind: @escaping (Memory) -> Step) {
    steps.append(Pending(uses: values.compactMap { $0.map { root($0.id) } }, scratch: scratch, bind: bind))
  }

  /// `output` is the same memory as `input`, seen with another shape.
  mutating func alias(_ output: Value, to input: Value) { roots[output.id] = root(input.id) }

  /// Memory kept from a forward op to its gradient, found again by the forward op's output.
  mutating func keep(bytes: Int, for output: Value) -> Scratch {
    scratchSizes.append(bytes)
    let scratch = Scratch(index: scratchSizes.count - 1)
    shared[output.id] = scratch
    return scratch
  }
  mutating func scratch(bytes: Int) -> Scratch {
    scratchSizes.append(bytes)
    return Scratch(index: scratchSizes.count - 1)
  }
  func kept(for output: Value) -> Scratch? { shared[output.id] }

  /// A oneDNN kernel that lives as long as the plan.
  mutating func kernel(_ make: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws(GraphError) -> OpaquePointer {
    dn_set_threads(Int32(threads))
    var pointer: OpaquePointer?
    let status = make(&pointer)
    guard status == 0, let pointer else {
      throw GraphError(
        .kernel, at: "oneDNN \(String(cString: dn_version()))", expected: "a kernel for these shapes",
        got: String(cString: dn_status(status)))
    }
    kernels.append(Kernel(pointer))
    return pointer
  }

  func root(_ id: ValueID) -> ValueID { roots[id] ?? id }

  // MARK: layout

  struct Layout {
    var steps: [Step]
    var pointers: (Value) -> UnsafeMutableRawPointer
    var arena: AlignedBuffer
  }

  /// Gives every value memory: that in `fixed` as told, the rest a place in one arena, shared by values whose lives do not
  /// meet. First fit, largest first.
  func layOut(fixed: [ValueID: UnsafeMutableRawPointer], state: RunState) -> Layout {
    struct Block {
      var key: ValueID?, scratch: Int?
      var size: Int, first: Int, last: Int, offset = 0
    }
    var blocks: [Block] = [], ofValue: [ValueID: Int] = [:], ofScratch: [Int: Int] = [:]
    for (index, step) in steps.enumerated() {
      for id in step.uses where fixed[id] == nil {
        if let known = ofValue[id] {
          blocks[known].last = index
        } else {
          ofValue[id] = blocks.count
          blocks.append(Block(key: id, size: builder.types[id.index].byteCount, first: index, last: index))
        }
      }
      for handle in step.scratch {
        if let known = ofScratch[handle.index] {
          blocks[known].last = index
        } else {
          ofScratch[handle.index] = blocks.count
          blocks.append(Block(scratch: handle.index, size: scratchSizes[handle.index], first: index, last: index))
        }
      }
    }
    var placed: [Int] = [], end = 0
    for index in blocks.indices.sorted(by: { blocks[$0].size > blocks[$1].size }) {
      let block = blocks[index], size = (block.size + 63) / 64 * 64
      let neighbours = placed.filter { blocks[$0].first <= block.last && block.first <= blocks[$0].last }
        .sorted { blocks[$0].offset < blocks[$1].offset }
      var offset = 0
      for other in neighbours {
        if offset + size <= blocks[other].offset { break }
        offset = max(offset, blocks[other].offset + (blocks[other].size + 63) / 64 * 64)
      }
      blocks[index].offset = offset
      end = max(end, offset + size)
      placed.append(index)
    }
    let arena = AlignedBuffer(byteCount: end)
    var pointers = fixed, scratch: [Int: UnsafeMutableRawPointer] = [:]
    let base = arena.bytes.baseAddress
    for block in blocks {
      guard let place = base?.advanced(by: block.offset) else { continue }
      if let key = block.key { pointers[key] = place }
      if let index = block.scratch { scratch[index] = place }
    }
    let memory = Memory(pointers: pointers, roots: roots, scratch: scratch, state: state)
    return Layout(steps: steps.map { $0.bind(memory) }, pointers: { memory.raw($0) }, arena: arena)
  }
}

/// Owns a oneDNN kernel.
final class Kernel {
  let pointer: OpaquePointer
  init(_ pointer: OpaquePointer) { self.pointer = pointer }
  deinit { dn_destroy(pointer) }
}
