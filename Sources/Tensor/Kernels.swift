import CKernels
import COneDNN
import DitherBasics

/// The kernels that graphs are made of: Dither's own, in C, on plain memory; and oneDNN's, of which each is a
/// ``Kernel``.
///
/// Extents and strides count elements. Nothing here checks extents: who plans a kernel has done so. Kernels whose names
/// begin with `parallel` share large arrays among the calling thread's OpenMP threads.
package enum Kernels {
  /// The number of OpenMP threads that kernels made and run by the calling thread use.
  package static func setThreads(_ count: Int) { dn_set_threads(Int32(count)) }

  /// The instructions that kernels of our own are made of on this CPU, and whether it has those for bf16.
  package static var instructionSet: String {
    let level =
      switch dk_level() {
      case 4: "AVX-512"
      case 3: "AVX2"
      default: "baseline"
      }
    return hasBfloat16 ? level + ", bf16" : level
  }

  /// Whether the CPU has instructions for products of bf16 numbers.
  package static var hasBfloat16: Bool { dn_has_bf16() != 0 }
}

/// The ways in which a kernel can fail.
package enum KernelFault: FaultCode {
  /// oneDNN has none for these extents, or no memory.
  case refused
  package var category: FaultCategory { .internalError }
}

package typealias KernelError = Fault<KernelFault>

/// How kernels hold numbers. Sums are in fp32 either way.
package enum NumberFormat: Sendable {
  case float32, bfloat16
  package var byteCount: Int { self == .bfloat16 ? 2 : 4 }
}
