import CKernels
import Testing

/// Serialized: which clone of a kernel runs is one setting for the whole process. Other suites' results do not depend on it.
@Suite("Kernels", .serialized)
enum KernelTests {
  /// What `kernel` writes, once for each clone that this CPU can run.
  static func onEveryLevel(_ count: Int, _ kernel: (UnsafeMutablePointer<Float>) -> Void) -> [[Float]] {
    defer { dk_set_level(dk_best_level()) }
    return [0, 3, 4].filter { $0 <= dk_best_level() }.map { level in
      dk_set_level(level)
      // What a kernel does not write is found out.
      var out = [Float](repeating: .nan, count: count)
      out.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { kernel(base) } }
      return out
    }
  }
}
