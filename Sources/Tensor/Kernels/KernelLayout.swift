import COneDNN
import DitherBasics

/// How a kernel wants an operand to lie in memory.
///
/// Unchecked because the descriptor behind the pointer is never written after it was made.
package final class KernelLayout: @unchecked Sendable {
  let pointer: OpaquePointer
  package let format: NumberFormat
  package let dimensions: Shape

  init(owning pointer: OpaquePointer) {
    self.pointer = pointer
    format = dn_layout_type(pointer) == DN_BF16 ? .bfloat16 : .float32
    dimensions = Self.dimensions(of: pointer)
  }

  /// Row-major.
  package convenience init(plain shape: Shape) throws(KernelError) {
    let dims = shape.rank == 0 ? [1] : shape.dimensions.map(Int64.init)
    self.init(owning: try Self.made(for: shape) { dn_layout_plain(&$0, Int32(dims.count), dims, DN_F32) })
  }

  /// A matrix whose first axis is the faster one.
  package convenience init(transposed shape: Shape) throws(KernelError) {
    let dims = shape.dimensions.map(Int64.init)
    self.init(owning: try Self.made(for: shape) { dn_layout_transposed(&$0, dims, DN_F32) })
  }

  /// Images whose channels lie in blocks of 8 or 16.
  package convenience init(images shape: Shape, block: Int) throws(KernelError) {
    let dims = shape.dimensions.map(Int64.init)
    self.init(owning: try Self.made(for: shape) { dn_layout_blocked(&$0, dims, Int32(block)) })
  }

  /// The part that is the first `count` rows of the first axis.
  package func firstRows(_ count: Int) throws(KernelError) -> KernelLayout {
    KernelLayout(owning: try Self.made(for: dimensions) { dn_layout_first_rows(&$0, pointer, Int64(count)) })
  }

  deinit { dn_layout_destroy(pointer) }

  private static func made(
    for shape: Shape, _ make: (inout OpaquePointer?) -> Int32
  ) throws(KernelError) -> OpaquePointer {
    var made: OpaquePointer?
    guard make(&made) == 0, let made else {
      throw KernelError(.refused, at: "oneDNN", expected: "a layout for the shape \(shape)", got: "none")
    }
    return made
  }

  private static func dimensions(of pointer: OpaquePointer) -> Shape {
    var dims = [Int64](repeating: 0, count: 12)
    let rank = dn_layout_dims(pointer, &dims)
    return Shape(dims[..<Int(rank)].map(Int.init))
  }

  /// Padding included.
  package var byteCount: Int { dn_layout_bytes(pointer) }

  /// 8 or 16 where fp32 channels of images lie in blocks of as many; else nil.
  package var channelBlock: Int? {
    guard format == .float32, dimensions.rank == 4 else { return nil }
    return [16, 8].first { block in
      dimensions[1] % block == 0 && (try? KernelLayout(images: dimensions, block: block))?.isSame(as: self) == true
    }
  }

  /// How many channels lie side by side where all is dense, [N, C / lanes, points…, lanes]: in blocks, last of all, or
  /// one; nil where it lies otherwise.
  package var lanes: Int? {
    let found = Int(dn_layout_lanes(pointer))
    return found > 0 ? found : nil
  }

  /// Whether it is row-major fp32.
  package var isPlain: Bool { format == .float32 && (try? KernelLayout(plain: dimensions))?.isSame(as: self) == true }

  package func isSame(as other: KernelLayout) -> Bool { dn_layout_equal(pointer, other.pointer) != 0 }

  /// A copy in this layout of an array that lies as `other` says.
  package func packing(_ elements: UnsafeBufferPointer<Float>, from other: KernelLayout) throws(KernelError)
    -> AlignedBuffer
  {
    let result = AlignedBuffer(byteCount: byteCount), kernel = try Kernel(reordering: other, to: self)
    func run(from source: UnsafeMutableRawPointer) {
      kernel[.x] = source
      kernel[.y] = result.base
      kernel.run()
    }
    // Weights of hundreds of megabytes are read where they lie.
    if let base = elements.baseAddress, AlignedBuffer.isAligned(base) {
      run(from: UnsafeMutableRawPointer(mutating: base))
    } else {
      let source = AlignedBuffer(floats: elements.count)
      _ = source.floats.update(fromContentsOf: elements)
      withExtendedLifetime(source) { run(from: source.base) }
    }
    return result
  }
}

extension NumberFormat {
  var code: dn_type { self == .bfloat16 ? DN_BF16 : DN_F32 }
}
