import COneDNN
import DitherBasics
import DitherTensor

/// Owns a oneDNN kernel and the list of its operands' memory. Used by one thread at a time.
final class Kernel {
  private let pointer: OpaquePointer
  private let operands: UnsafeMutablePointer<UnsafeMutableRawPointer?>

  init(_ make: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws(GraphError) {
    var made: OpaquePointer?
    let status = make(&made)
    guard status == 0, let made else {
      throw GraphError(
        .kernel, at: "oneDNN \(String(cString: dn_version()))", expected: "a kernel for these shapes",
        got: String(cString: dn_status(status)))
    }
    pointer = made
    operands = .allocate(capacity: Int(DN_OPERANDS.rawValue))
    operands.initialize(repeating: nil, count: Int(DN_OPERANDS.rawValue))
  }

  deinit {
    dn_destroy(pointer)
    operands.deallocate()
  }

  subscript(_ operand: dn_operand) -> UnsafeMutableRawPointer? {
    get { operands[Int(operand.rawValue)] }
    set { operands[Int(operand.rawValue)] = newValue }
  }

  /// Bytes that forward keeps for backward.
  var workspaceBytes: Int { dn_kernel_workspace(pointer) }

  func layout(_ operand: dn_operand) throws(GraphError) -> KernelLayout {
    guard let layout = dn_kernel_layout(pointer, operand) else {
      throw GraphError(.kernel, at: "oneDNN", expected: "memory for a layout", got: "none")
    }
    return KernelLayout(owning: layout)
  }

  func run(x: UnsafeMutablePointer<Float>, w: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>) {
    self[DN_X] = UnsafeMutableRawPointer(x)
    self[DN_W] = UnsafeMutableRawPointer(w)
    self[DN_Y] = UnsafeMutableRawPointer(y)
    run()
  }

  func run(_ workspace: UnsafeMutableRawPointer? = nil) {
    // No input reaches it: the kernel was made for these extents, and running it allocates nothing.
    let status = dn_run(pointer, operands, workspace)
    precondition(status == 0, "oneDNN fails in a kernel that it made for these operands")
  }
}

/// How a kernel wants an operand to lie in memory.
///
/// Unchecked because the descriptor behind the pointer is never written after it was made.
final class KernelLayout: @unchecked Sendable {
  let pointer: OpaquePointer
  let type: dn_type
  let dimensions: Shape

  init(owning pointer: OpaquePointer) {
    self.pointer = pointer
    type = dn_layout_type(pointer)
    dimensions = Self.dimensions(of: pointer)
  }

  /// Row-major.
  convenience init(plain shape: Shape, _ type: dn_type = DN_F32) throws(GraphError) {
    let dims = shape.rank == 0 ? [1] : shape.dimensions.map(Int64.init)
    self.init(owning: try Self.made(for: shape) { dn_layout_plain(&$0, Int32(dims.count), dims, type) })
  }

  /// Of a matrix whose first axis is the faster one.
  convenience init(transposed shape: Shape) throws(GraphError) {
    let dims = shape.dimensions.map(Int64.init)
    self.init(owning: try Self.made(for: shape) { dn_layout_transposed(&$0, dims, DN_F32) })
  }

  /// Of images whose channels lie in blocks of 8 or 16.
  convenience init(_ shape: Shape, block: Int32) throws(GraphError) {
    let dims = shape.dimensions.map(Int64.init)
    self.init(owning: try Self.made(for: shape) { dn_layout_blocked(&$0, dims, block) })
  }

  /// The part that is the first row of the first axis.
  func firstRow() throws(GraphError) -> KernelLayout {
    KernelLayout(owning: try Self.made(for: dimensions) { dn_layout_first_row(&$0, pointer) })
  }

  deinit { dn_layout_destroy(pointer) }

  private static func made(
    for shape: Shape, _ make: (inout OpaquePointer?) -> Int32
  ) throws(GraphError) -> OpaquePointer {
    var made: OpaquePointer?
    guard make(&made) == 0, let made else {
      throw GraphError(.kernel, at: "oneDNN", expected: "a layout for the shape \(shape)", got: "none")
    }
    return made
  }

  private static func dimensions(of pointer: OpaquePointer) -> Shape {
    var dims = [Int64](repeating: 0, count: 12)
    let rank = dn_layout_dims(pointer, &dims)
    return Shape(dims[..<Int(rank)].map(Int.init))
  }

  var byteCount: Int { dn_layout_bytes(pointer) }
  /// 8 or 16 where fp32 channels of images lie in blocks of as many; else nil.
  var channelBlock: Int32? {
    guard type == DN_F32, dimensions.rank == 4 else { return nil }
    return [16, 8].first { block in
      dimensions[1] % Int(block) == 0 && (try? KernelLayout(dimensions, block: block))?.isSame(as: self) == true
    }
  }
  func isSame(as other: KernelLayout) -> Bool { dn_layout_equal(pointer, other.pointer) != 0 }

  /// A copy in this layout of an array that lies as `other` says.
  func packing(_ elements: some Collection<Float>, from other: KernelLayout) throws(GraphError) -> AlignedBuffer {
    let source = AlignedBuffer(floats: elements.count), result = AlignedBuffer(byteCount: byteCount)
    _ = source.floats.update(fromContentsOf: elements)
    let kernel = try Kernel { dn_reorder($0, other.pointer, pointer) }
    kernel[DN_X] = source.bytes.baseAddress
    kernel[DN_Y] = result.bytes.baseAddress
    kernel.run()
    return result
  }
}
